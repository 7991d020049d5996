"""Owns what the ledger tells of one call as a whole: its course, its coverage, and the do-not-call
entries that came of it.

Called by `LedgerReader`.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from policy.ledger import do_not_call
from policy.ledger.export_kinds import PARTS, united_parts
from policy.ledger.moment import instant
from policy.ledger.records import LegCoverage, RecordedSuppression
from policy.ledger.seal import Seal
from policy.speech.utterance import Leg

Rows = Callable[[str, Sequence[Any]], list[sqlite3.Row]]


_COVERAGE = f"SELECT leg, {PARTS} AS parts FROM coverage WHERE call_id = ? GROUP BY leg"  # noqa: S608 - own words


@dataclass(frozen=True)
class PastCall:
    """A call as far as it is recorded: `answered_at` and `ended_at` None where it was not, or not
    yet. `number` is canonical."""

    call_id: str
    number: str = field(repr=False)
    agent: str
    scene: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    q850_cause: int
    coverage: tuple[LegCoverage, ...]
    suppressions: tuple[RecordedSuppression, ...] = field(repr=False)


def past_call(rows: Rows, keys: Seal, call_id: str) -> PastCall | None:
    """The call of this id; None where the ledger has none."""
    found = rows(
        "SELECT calls.*, answered_at, ended_at, q850_cause FROM calls "
        "LEFT JOIN answers USING (call_id) LEFT JOIN call_ends USING (call_id) WHERE call_id = ?",
        [call_id],
    )
    if not found:
        return None
    row = found[0]
    coverage = [
        LegCoverage(Leg(each["leg"]), call_s, got_s, analysed_s, tuple(causes.split()), missing)
        for each in rows(_COVERAGE, [call_id])
        for call_s, got_s, analysed_s, causes, missing in [united_parts(each["parts"])]
    ]
    entries = rows(
        "SELECT suppression_id FROM suppressions WHERE call_id = ? AND call_id <> '' ORDER BY seq",
        [call_id],
    )
    made = (do_not_call.of_id(rows, keys, each["suppression_id"]) for each in entries)
    return PastCall(
        call_id,
        keys.opened("number", row["number_sealed"]),
        row["agent"],
        row["scene"],
        instant(row["started_at"]),
        None if row["answered_at"] is None else instant(row["answered_at"]),
        None if row["ended_at"] is None else instant(row["ended_at"]),
        row["q850_cause"] or 0,
        tuple(coverage),
        tuple(each for each in made if each),
    )
