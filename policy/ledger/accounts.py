"""Owns the ledger's account of calls, for those who compare it with another's: each decision with
what became of the call it allowed, and how much of that was heard.

Read by `log reconcile` and by the daily report. What no row tells is None or absent, never zero.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from policy.ledger.export_kinds import united_parts
from policy.ledger.moment import instant, micros
from policy.ledger.records import LegCoverage
from policy.ledger.seal import Seal
from policy.speech.utterance import Leg

Rows = Callable[[str, Sequence[Any]], list[sqlite3.Row]]

_PAGE: Final = 500


@dataclass(frozen=True)
class CallEnd:
    """How an attempt ended, the fullest of what was said of it."""

    disposition: str
    connected: bool
    talk_s: float


@dataclass(frozen=True)
class CallAccount:
    """A decision and the call it allowed; `call_id` is its nonce. `end` None: nobody saw it. `legs`
    are those whose coverage is recorded, each once."""

    decision_id: str
    call_id: str
    at: datetime
    allowed: bool
    rules: tuple[str, ...]
    number: str = field(repr=False)
    agent: str
    scene: str
    linkedid: str
    end: CallEnd | None
    legs: tuple[LegCoverage, ...]


_ACCOUNTS: Final = """
SELECT seq, decision_id, nonce, at, verdict = 'ALLOW' AS allowed, reasons, number_sealed, agent,
    scene, linkedid,
    CASE WHEN verdict = 'ALLOW' THEN (
        SELECT json_group_array(json_array(disposition, connected, talk_seconds))
        FROM settlements WHERE settlements.nonce = decisions.nonce) END AS ends,
    CASE WHEN verdict = 'ALLOW' THEN (
        SELECT json_group_array(
            json_array(leg, call_seconds, received_s, analysed_s, json(causes)))
        FROM coverage WHERE coverage.call_id = decisions.nonce) END AS parts
FROM decisions WHERE seq > ? AND at >= ? AND at < ? ORDER BY seq LIMIT ?
"""


def between(rows: Rows, keys: Seal, since: datetime, until: datetime) -> Iterator[CallAccount]:
    """Of all decisions made from `since` (inclusive) to `until` (exclusive), oldest first. Memory
    stays flat."""
    last, bounds = 0, (micros(since), micros(until))
    while page := rows(_ACCOUNTS, [last, *bounds, _PAGE]):
        for row in page:
            yield CallAccount(
                row["decision_id"],
                row["nonce"],
                instant(row["at"]),
                bool(row["allowed"]),
                tuple(each["rule"] for each in json.loads(row["reasons"])),
                keys.opened("number", row["number_sealed"]),
                row["agent"],
                row["scene"],
                row["linkedid"],
                _end(row["ends"]),
                _legs(row["parts"]),
            )
        last = page[-1]["seq"]


def _end(ends: str | None) -> CallEnd | None:
    """The fuller one counts, as `settling` says: connected when one says so, the longest talk."""
    said = json.loads(ends or "[]")
    if not said:
        return None
    fullest = max(said, key=lambda each: (each[1], each[2]))
    return CallEnd(fullest[0], bool(fullest[1]), fullest[2])


def _legs(parts: str | None) -> tuple[LegCoverage, ...]:
    of_leg: defaultdict[str, list[Any]] = defaultdict(list)
    for leg, *account in json.loads(parts or "[]"):
        of_leg[leg].append(account)
    legs = []
    for leg, accounts in sorted(of_leg.items()):
        call_s, received_s, analysed_s, causes = united_parts(json.dumps(accounts))
        legs.append(LegCoverage(Leg(leg), call_s, received_s, analysed_s, tuple(causes.split())))
    return tuple(legs)
