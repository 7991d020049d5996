"""Owns the ledger's account of calls, for those who compare it with another's: each decision with
what became of the call it allowed, and how much of that was heard.

Read by `log reconcile` and by the daily report. What no row tells is None or absent, never zero.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from policy.identity import Title
from policy.ledger.acts import ActKind, Standing
from policy.ledger.export_kinds import last_state, united_parts
from policy.ledger.moment import instant, micros
from policy.ledger.records import LegCoverage
from policy.ledger.seal import Seal
from policy.speech.finding import FindingStatus
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


@dataclass(frozen=True)
class JudgedFinding:
    """A finding as it last stood, with how people judged it; `standing` None: nobody did.
    `settled`: an appeal was, which is final."""

    call_id: str
    finding_id: str
    at: datetime
    rule: str
    title: Title
    severity: str
    withdrawn: bool
    agent: str
    standing: Standing | None
    settled: bool


@dataclass(frozen=True)
class DayCounts:
    """What else a period holds. `recordings` are calls that were scanned, not placed; suppressions
    go by their source, retraining by the agent to whom it was assigned, as often as it was."""

    bypasses: int
    recordings: int
    suppressions: Mapping[str, int]
    provisional: int
    releases: int
    retraining: Mapping[str, int]


class AccountsReader:
    """Reads what `LedgerReader` opened."""

    def __init__(self, rows: Rows, keys: Seal) -> None:
        self._rows = rows
        self._keys = keys

    def calls(self, since: datetime, until: datetime) -> Iterator[CallAccount]:
        """Of all decisions made from `since` (inclusive) to `until` (exclusive), oldest first.
        Memory stays flat."""
        return _calls(self._rows, self._keys, since, until)

    def findings(self, since: datetime, until: datetime) -> Iterator[JudgedFinding]:
        """All findings that became what they are from `since` (inclusive) to `until` (exclusive),
        oldest first. Memory stays flat."""
        return _findings(self._rows, since, until)

    def counts(self, since: datetime, until: datetime) -> DayCounts:
        """What else there is from `since` (inclusive) to `until` (exclusive)."""
        return _counts(self._rows, since, until)


_ACCOUNTS: Final = """
SELECT seq, decision_id, nonce, at, verdict = 'ALLOW' AS allowed, reasons, number_sealed, agent,
    scene, linkedid,
    CASE WHEN verdict = 'ALLOW' THEN (
        SELECT json_group_array(json_array(disposition, connected, talk_seconds))
        FROM settlements WHERE settlements.nonce = decisions.nonce) END AS ends,
    CASE WHEN verdict = 'ALLOW' THEN (
        SELECT json_group_array(
            json_array(leg, call_seconds, received_s, analysed_s, json(causes), json(missing)))
        FROM coverage WHERE coverage.call_id = decisions.nonce) END AS parts
FROM decisions WHERE seq > ? AND seq <= ? AND at >= ? AND at < ? ORDER BY seq LIMIT ?
"""


def _calls(rows: Rows, keys: Seal, since: datetime, until: datetime) -> Iterator[CallAccount]:
    last, *bounds = _places(rows, "decisions", since, until)
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


def _places(rows: Rows, table: str, since: datetime, until: datetime) -> tuple[int, int, int, int]:
    """The place before the first row of the period, that of its last one, and its bounds: what lies
    before and after is not looked at."""
    bounds = (micros(since), micros(until))
    (found,) = rows(
        f"SELECT min(seq) AS first, max(seq) AS top FROM {table} WHERE at >= ? AND at < ?",  # noqa: S608 - names of our own
        bounds,
    )
    return (found["first"] or 1) - 1, found["top"] or 0, *bounds


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
        call_s, got_s, analysed_s, causes, missing = united_parts(json.dumps(accounts))
        legs.append(
            LegCoverage(Leg(leg), call_s, got_s, analysed_s, tuple(causes.split()), missing)
        )
    return tuple(legs)


_JUDGED: Final = f"""
SELECT findings.seq, findings.call_id, findings.finding_id, findings.at, rule, title_zh, title_en,
    severity, status, coalesce(calls.agent, '') AS agent,
    (SELECT standing || ' ' || act FROM acts WHERE acts.call_id = findings.call_id
        AND acts.finding_id = findings.finding_id AND standing <> ''
        ORDER BY acts.seq DESC LIMIT 1) AS judged
FROM findings LEFT JOIN calls ON calls.call_id = findings.call_id
WHERE findings.seq > ? AND findings.seq <= ? AND findings.at >= ? AND findings.at < ?
    AND {last_state("findings")}
ORDER BY findings.seq LIMIT ?
"""  # noqa: S608 - names of our own


def _findings(rows: Rows, since: datetime, until: datetime) -> Iterator[JudgedFinding]:
    last, *bounds = _places(rows, "findings", since, until)
    while page := rows(_JUDGED, [last, *bounds, _PAGE]):
        for row in page:
            standing, _, act = (row["judged"] or "").partition(" ")
            yield JudgedFinding(
                row["call_id"],
                row["finding_id"],
                instant(row["at"]),
                row["rule"],
                Title(row["title_zh"], row["title_en"]),
                row["severity"],
                row["status"] == FindingStatus.WITHDRAWN.value,
                row["agent"],
                Standing(standing) if standing else None,
                act == ActKind.SETTLE_APPEAL.value,
            )
        last = page[-1]["seq"]


def _counts(rows: Rows, since: datetime, until: datetime) -> DayCounts:
    bounds = (micros(since), micros(until))

    def by(query: str) -> dict[str, int]:
        return {str(row[0]): row[1] for row in rows(query, bounds)}

    def number(query: str) -> int:
        found: int = rows(query, bounds)[0][0]
        return found

    return DayCounts(
        number("SELECT count(*) FROM bypasses WHERE at >= ? AND at < ?"),
        number(
            "SELECT count(*) FROM calls WHERE started_at >= ? AND started_at < ? "
            "AND decision_id = ''"
        ),
        by(
            "SELECT source, count(*) FROM suppressions WHERE since >= ? AND since < ? "
            "GROUP BY source ORDER BY source"
        ),
        number(
            "SELECT count(*) FROM suppressions WHERE since >= ? AND since < ? AND provisional = 1"
        ),
        number("SELECT count(*) FROM releases WHERE at >= ? AND at < ?"),
        by(
            "SELECT subject, count(DISTINCT act_id) FROM acts WHERE at >= ? AND at < ? "
            "AND act = 'assign-retraining' AND act_id NOT IN "
            "(SELECT act_id FROM acts WHERE outcome = 'failed') GROUP BY subject ORDER BY subject"
        ),
    )
