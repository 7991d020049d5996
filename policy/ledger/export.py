"""Owns what leaves the ledger: rows an auditor reads, of one kind, oldest first.

Used by `LedgerReader.export`. Numbers are masked and customers' ids left out; a row is a flat
mapping in the order of `COLUMNS`; memory stays flat however long the log is.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policy.dialling.number import masked
from policy.ledger.moment import instant, micros
from policy.ledger.records import LegCoverage
from policy.ledger.seal import Seal
from policy.speech.utterance import Leg

Cell = str | int | float | bool | None
Opened = Callable[[sqlite3.Row, Seal], Cell]
Rows = Callable[[str, Sequence[Any]], list[sqlite3.Row]]

_PAGE = 500


def last_state(table: str) -> str:
    """Holds for the row of a finding after which no other changed its status."""
    return (
        f"NOT EXISTS (SELECT 1 FROM {table} AS later WHERE later.call_id = {table}.call_id "  # noqa: S608 - names of our own
        f"AND later.finding_id = {table}.finding_id AND later.seq > {table}.seq)"
    )


@dataclass(frozen=True)
class Kind:
    """`rows` gives the columns of a table and those joined to it; `at` is the time a row is chosen
    by; `cells` makes each column of the export."""

    table: str
    joined: str
    at: str
    chosen: str
    cells: dict[str, Opened]


def _plain(column: str) -> Opened:
    return lambda row, keys: row[column]


def _of_table(table: str, *columns: str) -> str:
    return ", ".join(f"{table}.{column}" for column in columns)


def _plains(*columns: str) -> dict[str, Opened]:
    return {column: _plain(column) for column in columns}


def _time(column: str) -> Opened:
    """ISO 8601 in UTC."""
    return lambda row, keys: None if row[column] is None else instant(row[column]).isoformat()


def _yes(column: str) -> Opened:
    return lambda row, keys: None if row[column] is None else bool(row[column])


def _word(name: str) -> Opened:
    return lambda row, keys: str(keys.opened_words(row["words_sealed"]).get(name, ""))


def _number(row: sqlite3.Row, keys: Seal) -> Cell:
    return masked(keys.opened("number", row["number_sealed"]))


def _rules(row: sqlite3.Row, keys: Seal) -> Cell:
    return " ".join(each["rule"] for each in json.loads(row["reasons"]))


def _shadow_rules(row: sqlite3.Row, keys: Seal) -> Cell:
    return " ".join(each["rule"] for each in json.loads(row["shadow_reasons"]))


_PARTS = (
    "(SELECT json_group_array(json_array(call_seconds, received_s, analysed_s, json(causes))) "
    "FROM coverage AS part WHERE part.call_id = coverage.call_id AND part.leg = coverage.leg) "
    "AS parts"
)
_LAST_PART = (
    "NOT EXISTS (SELECT 1 FROM coverage AS later WHERE later.call_id = coverage.call_id "
    "AND later.leg = coverage.leg AND later.seq > coverage.seq)"
)


def _united(row: sqlite3.Row) -> LegCoverage:
    """One leg's account from the rows that each gateway wrote which heard a part of the call: the
    call's seconds, those received and those analysed of any part, and all causes. Never more
    received than the call was long; what a part missed stays missed."""
    parts = json.loads(row["parts"])
    call_s = max(seconds for seconds, *_ in parts)
    received_s = min(call_s, sum(received for _, received, *_ in parts))
    missed_s = sum(received - analysed for _, received, analysed, _ in parts)
    analysed_s = max(0.0, round(received_s - missed_s, 6))
    causes = {each for *_, causes in parts for each in causes}
    return LegCoverage(Leg(row["leg"]), call_s, received_s, analysed_s, tuple(sorted(causes)))


_OF_CALL = "LEFT JOIN calls USING (call_id)"


def _found_in(table: str) -> Kind:
    return Kind(
        table,
        f"{table}.*, calls.number_sealed, calls.agent, calls.scene FROM {table} {_OF_CALL}",
        "at",
        f"AND {last_state(table)}",
        {
            "at": _time("at"),
            "call_id": _plain("call_id"),
            "number": _number,
            **_plains("agent", "scene", "rule", "pack", "title_zh", "title_en", "severity"),
            **_plains("status", "leg", "start_s", "end_s"),
            **{name: _word(name) for name in ("heard_text", "heard_pinyin", "before", "after")},
            **_plains("matched", "confidence", "finding_id"),
            **_plains("rulebook_version", "rulebook_digest"),
        },
    )


KINDS: dict[str, Kind] = {
    "violations": _found_in("findings"),
    "decisions": Kind(
        "decisions",
        "* FROM decisions",
        "at",
        "",
        {
            "at": _time("at"),
            **_plains("decision_id", "nonce", "verdict"),
            "rules": _rules,
            "earliest": _time("earliest"),
            "number": _number,
            **_plains("scene", "agent", "linkedid", "rulebook_version", "rulebook_digest"),
        },
    ),
    "shadow-findings": _found_in("shadow_findings"),
    "shadow": Kind(
        "shadow_decisions",
        f"{_of_table('shadow_decisions', 'seq', 'at', 'rulebook_version', 'rulebook_digest')}, "
        "shadow_decisions.verdict AS shadow_verdict, shadow_decisions.reasons AS shadow_reasons, "
        "decisions.decision_id, nonce, decisions.verdict, decisions.reasons, number_sealed, agent, "
        "scene FROM shadow_decisions JOIN decisions USING (decision_id)",
        "at",
        "",
        {
            "at": _time("at"),
            **_plains("decision_id", "nonce"),
            "verdict": _plain("verdict"),
            "rules": _rules,
            "shadow_verdict": _plain("shadow_verdict"),
            "shadow_rules": _shadow_rules,
            "number": _number,
            **_plains("scene", "agent", "rulebook_version", "rulebook_digest"),
        },
    ),
    "bypasses": Kind(
        "bypasses",
        "* FROM bypasses",
        "at",
        "",
        {
            "at": _time("at"),
            "bypass_id": _plain("bypass_id"),
            "number": _number,
            **_plains("trunk", "linkedid", "source"),
        },
    ),
    "calls": Kind(
        "calls",
        "calls.*, answered_at, ended_at, seconds, call_ends.q850_cause, settled.disposition, "
        "settled.connected, settled.talk_seconds FROM calls "
        "LEFT JOIN answers USING (call_id) LEFT JOIN call_ends USING (call_id) "
        "LEFT JOIN settlements AS settled ON settled.seq = (SELECT max(last.seq) "
        "FROM settlements AS last WHERE last.nonce = calls.call_id)",
        "started_at",
        "",
        {
            "started_at": _time("started_at"),
            **_plains("call_id", "decision_id"),
            "number": _number,
            **_plains("agent", "scene", "linkedid"),
            "answered_at": _time("answered_at"),
            "ended_at": _time("ended_at"),
            **_plains("seconds", "q850_cause", "disposition"),
            "connected": _yes("connected"),
            "talk_seconds": _plain("talk_seconds"),
        },
    ),
    "suppressions": Kind(
        "suppressions",
        "* FROM suppressions",
        "since",
        "",
        {
            "since": _time("since"),
            "suppression_id": _plain("suppression_id"),
            "number": _number,
            "until": _time("until"),
            **_plains("source", "channel", "purpose"),
            "provisional": _yes("provisional"),
            **_plains("call_id", "finding_id"),
        },
    ),
    "coverage": Kind(
        "coverage",
        "coverage.seq, coverage.at, coverage.call_id, coverage.leg, calls.number_sealed, "
        f"calls.agent, calls.scene, {_PARTS} FROM coverage {_OF_CALL}",
        "at",
        f"AND {_LAST_PART}",
        {
            "at": _time("at"),
            "call_id": _plain("call_id"),
            "number": _number,
            **_plains("agent", "scene", "leg"),
            "call_seconds": lambda row, keys: _united(row).call_seconds,
            "received_s": lambda row, keys: _united(row).received_s,
            "analysed_s": lambda row, keys: _united(row).analysed_s,
            "causes": lambda row, keys: " ".join(_united(row).causes),
        },
    ),
}
"""What can be exported, by the name a user gives it."""


def columns(kind: str) -> tuple[str, ...]:
    """The columns of a kind, in order."""
    return tuple(KINDS[kind].cells)


def export(
    rows: Rows, keys: Seal, kind: str, since: datetime | None, until: datetime | None
) -> Iterator[dict[str, Cell]]:
    """Rows of `kind` from `since` (inclusive) to `until` (exclusive), in the order they were
    committed. A finding is exported once, as it last stood; a leg's coverage once, the parts that
    several gateways heard of the call added up."""
    made = KINDS[kind]
    query = f"SELECT {made.joined} WHERE {_range(made)} ORDER BY {made.table}.seq LIMIT {_PAGE}"
    last = 0
    while page := rows(query, (last, *_bounds(since, until))):
        for row in page:
            yield {name: cell(row, keys) for name, cell in made.cells.items()}
        last = page[-1]["seq"]


def count(rows: Rows, kind: str, since: datetime | None, until: datetime | None) -> int:
    """How many rows `export` would give now."""
    made = KINDS[kind]
    query = f"SELECT count(*) AS rows FROM {made.table} WHERE {_range(made)}"  # noqa: S608 - our own words
    found: int = rows(query, (0, *_bounds(since, until)))[0]["rows"]
    return found


def _range(made: Kind) -> str:
    at = f"{made.table}.{made.at}"
    return f"{made.table}.seq > ? AND {at} >= ? AND {at} < ? {made.chosen}"


def _bounds(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    never = 2**63 - 1
    return (-never if since is None else micros(since), never if until is None else micros(until))
