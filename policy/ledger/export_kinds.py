"""Owns what can leave the ledger: the kinds of rows an auditor reads, their columns with what each
holds, and what rows of a kind can be chosen by.

Used by `export`, which reads them. A row comes out of SQL in the order of its kind's columns;
what is sealed, or stands in another form than it is shown in, is put in place by its column's
opener. Customers' ids are left out; numbers are masked unless the caller may see them.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from operator import itemgetter

from policy.dialling.number import masked
from policy.ledger.seal import Seal
from policy.speech.not_analysed import NotAnalysed, clipped, coalesced, written

Cell = str | int | float | bool | None


class Form(Enum):
    """What a column holds."""

    TIME = "time"
    """Microseconds since 1970-01-01 UTC, or None."""
    TEXT = "text"
    """What people, the PBX or a rulebook wrote."""
    NAME = "name"
    """A word or an id of Callwarden's own making: never what a spreadsheet calculates."""
    SECONDS = "seconds"
    COUNT = "count"
    YES = "yes"


@dataclass(frozen=True)
class Opening:
    """With what a row is opened; `reveal`: numbers in full."""

    keys: Seal
    reveal: bool = False
    numbers: dict[Cell, str] = field(default_factory=dict, repr=False)
    """As they are shown, by what was sealed: findings of a call are neighbours."""


Opener = Callable[[list[Cell], int, Opening], None]
"""Puts the cells from this place on into the form in which they are shown."""


@dataclass(frozen=True)
class Column:
    name: str
    form: Form
    sql: str
    opened: Opener | None = None


@dataclass(frozen=True)
class Kind:
    """`columns` are read `source`, a table with those joined to it; `at` is the time a row is
    chosen by, `chosen` which of the table's rows there are. `by` gives, for each thing rows can be
    chosen by, the condition in which `{one}` is a pattern's, on the expression beside it."""

    table: str
    source: str
    at: str
    columns: tuple[Column, ...]
    by: dict[str, tuple[str, str]] = field(default_factory=dict)
    chosen: str = ""

    def place(self, name: str) -> int:
        """Of a column; -1 where the kind has none of that name."""
        names = [each.name for each in self.columns]
        return names.index(name) if name in names else -1


def last_state(table: str, until: str = "") -> str:
    """Holds for the row of a finding after which no other (`until` a place in the log, where one
    is given) changed its status."""
    bound = f" AND later.seq <= {until}" if until else ""
    return (
        f"NOT EXISTS (SELECT 1 FROM {table} AS later WHERE later.call_id = {table}.call_id "  # noqa: S608 - names of our own
        f"AND later.finding_id = {table}.finding_id AND later.seq > {table}.seq{bound})"
    )


def _number(cells: list[Cell], place: int, how: Opening) -> None:
    sealed = cells[place]
    shown = how.numbers.get(sealed)
    if shown is None:
        number = how.keys.opened("number", sealed)  # type: ignore[arg-type]  # a sealed column
        shown = how.numbers[sealed] = number if how.reveal else masked(number)
    cells[place] = shown


def _words(cells: list[Cell], place: int, how: Opening) -> None:
    said = how.keys.opened_words(cells[place])  # type: ignore[arg-type]  # a sealed column
    cells[place : place + len(_SAID)] = _of_each(_NOTHING_SAID | said)


def _rules(cells: list[Cell], place: int, how: Opening) -> None:
    cells[place] = " ".join(each["rule"] for each in json.loads(str(cells[place])))


def _yes(cells: list[Cell], place: int, how: Opening) -> None:
    cells[place] = None if cells[place] is None else bool(cells[place])


def _united(cells: list[Cell], place: int, how: Opening) -> None:
    """One leg's account from the rows that each gateway wrote which heard a part of the call: the
    call's seconds, those received and those analysed of any part, and all causes. Never more
    received than the call was long; what a part missed stays missed."""
    call_s, received_s, analysed_s, causes, missing = united_parts(str(cells[place]))
    cells[place : place + 5] = [call_s, received_s, analysed_s, causes, written(missing)]


def united_parts(parts: str) -> tuple[float, float, float, str, tuple[NotAnalysed, ...]]:
    """Seconds of call, received and analysed, the causes, and which seconds are missing, of the
    parts that `PARTS` gives. What a part says of the time of one before it is that one's to say."""
    each = sorted(json.loads(parts), key=lambda part: part[0])
    call_s = each[-1][0]
    received_s = min(call_s, sum(received for _, received, *_ in each))
    missed_s = sum(received - analysed for _, received, analysed, *_ in each)
    analysed_s = max(0.0, round(received_s - missed_s, 6))
    causes = sorted({cause for *_, causes, _ in each for cause in causes})
    missing: list[NotAnalysed] = []
    told_until_s = 0.0
    for until_s, *_, spans in each:
        missing += clipped((NotAnalysed(*span) for span in spans or ()), told_until_s, until_s)
        told_until_s = until_s
    return call_s, received_s, analysed_s, " ".join(causes), coalesced(missing)


PARTS = (
    "(SELECT json_group_array(json_array(call_seconds, received_s, analysed_s, json(causes), "
    "json(missing))) "
    "FROM coverage AS part WHERE part.call_id = coverage.call_id AND part.leg = coverage.leg)"
)
LAST_PART = (
    "NOT EXISTS (SELECT 1 FROM coverage AS later WHERE later.call_id = coverage.call_id "
    "AND later.leg = coverage.leg AND later.seq > coverage.seq)"
)
_SAID = ("heard_text", "heard_pinyin", "before", "after")
_NOTHING_SAID = dict.fromkeys(_SAID, "")
_of_each = itemgetter(*_SAID)


def _of(table: str, form: Form, *names: str) -> tuple[Column, ...]:
    opened = _yes if form is Form.YES else None
    return tuple(Column(name, form, f"{table}.{name}", opened) for name in names)


def _one(name: str, sql: str, form: Form = Form.NAME, opened: Opener | None = None) -> Column:
    return Column(name, form, sql, opened)


def _found_behind(table: str, ids: str) -> dict[str, tuple[str, str]]:
    """By a finding on the row's call; a withdrawn one is none."""
    found = (
        f"EXISTS (SELECT 1 FROM findings WHERE {ids} AND findings.status <> 'withdrawn' "  # noqa: S608 - names of our own
        f"AND {{one}} AND {last_state('findings')})"
    )
    return {"rule": ("findings.rule", found), "severity": ("findings.severity", found)}


_OF_CALL = "LEFT JOIN calls USING (call_id)"
_PLAIN = "{one}"
_CALLED = {"agent": ("calls.agent", _PLAIN), "scene": ("calls.scene", _PLAIN)}
_NUMBER = {
    table: _one("number", f"{table}.number_sealed", Form.TEXT, _number)
    for table in ("calls", "decisions", "bypasses", "suppressions")
}


def _reasons(column: str, name: str) -> Column:
    return _one(name, column, Form.TEXT, _rules)


def _among(reasons: str) -> tuple[str, str]:
    return (
        "json_extract(reason.value, '$.rule')",
        f"EXISTS (SELECT 1 FROM json_each({reasons}) AS reason WHERE {{one}})",  # noqa: S608 - names of our own
    )


def _found_in(table: str) -> Kind:
    return Kind(
        table,
        f"{table} {_OF_CALL}",
        "at",
        (
            *_of(table, Form.TIME, "at"),
            *_of(table, Form.TEXT, "call_id"),
            _NUMBER["calls"],
            *_of("calls", Form.TEXT, "agent", "scene"),
            *_of(table, Form.TEXT, "rule", "pack", "title_zh", "title_en"),
            *_of(table, Form.NAME, "severity", "status", "leg"),
            *_of(table, Form.SECONDS, "start_s", "end_s"),
            _one(_SAID[0], f"{table}.words_sealed", Form.TEXT, _words),
            *(_one(name, "NULL", Form.TEXT) for name in _SAID[1:]),
            *_of(table, Form.TEXT, "matched"),
            *_of(table, Form.SECONDS, "confidence"),
            *_of(table, Form.TEXT, "finding_id", "rulebook_version"),
            *_of(table, Form.NAME, "rulebook_digest"),
        ),
        {
            **_CALLED,
            "rule": (f"{table}.rule", _PLAIN),
            "severity": (f"{table}.severity", _PLAIN),
            "call": (f"{table}.call_id", _PLAIN),
        },
        last_state(table, ":top"),
    )


KINDS: dict[str, Kind] = {
    "violations": _found_in("findings"),
    "decisions": Kind(
        "decisions",
        "decisions",
        "at",
        (
            *_of("decisions", Form.TIME, "at"),
            *_of("decisions", Form.NAME, "decision_id"),
            *_of("decisions", Form.TEXT, "nonce"),
            *_of("decisions", Form.NAME, "verdict"),
            _reasons("decisions.reasons", "rules"),
            *_of("decisions", Form.TIME, "earliest"),
            _NUMBER["decisions"],
            *_of("decisions", Form.TEXT, "scene", "agent", "linkedid", "rulebook_version"),
            *_of("decisions", Form.NAME, "rulebook_digest"),
        ),
        {
            "agent": ("decisions.agent", _PLAIN),
            "scene": ("decisions.scene", _PLAIN),
            "rule": _among("decisions.reasons"),
            "call": ("decisions.nonce", _PLAIN),
        },
    ),
    "shadow-findings": _found_in("shadow_findings"),
    "shadow": Kind(
        "shadow_decisions",
        "shadow_decisions JOIN decisions USING (decision_id)",
        "at",
        (
            *_of("shadow_decisions", Form.TIME, "at"),
            *_of("decisions", Form.NAME, "decision_id"),
            *_of("decisions", Form.TEXT, "nonce"),
            *_of("decisions", Form.NAME, "verdict"),
            _reasons("decisions.reasons", "rules"),
            _one("shadow_verdict", "shadow_decisions.verdict"),
            _reasons("shadow_decisions.reasons", "shadow_rules"),
            _NUMBER["decisions"],
            *_of("decisions", Form.TEXT, "scene", "agent"),
            *_of("shadow_decisions", Form.TEXT, "rulebook_version"),
            *_of("shadow_decisions", Form.NAME, "rulebook_digest"),
        ),
        {
            "agent": ("decisions.agent", _PLAIN),
            "scene": ("decisions.scene", _PLAIN),
            "rule": _among("shadow_decisions.reasons"),
            "call": ("decisions.nonce", _PLAIN),
        },
    ),
    "bypasses": Kind(
        "bypasses",
        "bypasses",
        "at",
        (
            *_of("bypasses", Form.TIME, "at"),
            *_of("bypasses", Form.NAME, "bypass_id"),
            _NUMBER["bypasses"],
            *_of("bypasses", Form.TEXT, "trunk", "linkedid"),
            *_of("bypasses", Form.NAME, "source"),
        ),
    ),
    "calls": Kind(
        "calls",
        "calls LEFT JOIN answers USING (call_id) LEFT JOIN call_ends USING (call_id) "
        "LEFT JOIN settlements AS settled ON settled.seq = (SELECT max(last.seq) "
        "FROM settlements AS last WHERE last.nonce = calls.call_id)",
        "started_at",
        (
            *_of("calls", Form.TIME, "started_at"),
            *_of("calls", Form.TEXT, "call_id"),
            *_of("calls", Form.NAME, "decision_id"),
            _NUMBER["calls"],
            *_of("calls", Form.TEXT, "agent", "scene", "linkedid"),
            *_of("answers", Form.TIME, "answered_at"),
            *_of("call_ends", Form.TIME, "ended_at"),
            *_of("call_ends", Form.SECONDS, "seconds"),
            *_of("call_ends", Form.COUNT, "q850_cause"),
            *_of("settled", Form.NAME, "disposition"),
            *_of("settled", Form.YES, "connected"),
            *_of("settled", Form.SECONDS, "talk_seconds"),
        ),
        {
            **_CALLED,
            **_found_behind("calls", "findings.call_id = calls.call_id"),
            "call": ("calls.call_id", _PLAIN),
        },
    ),
    "suppressions": Kind(
        "suppressions",
        f"suppressions {_OF_CALL}",
        "since",
        (
            *_of("suppressions", Form.TIME, "since"),
            *_of("suppressions", Form.NAME, "suppression_id"),
            _NUMBER["suppressions"],
            *_of("suppressions", Form.TIME, "until"),
            *_of("suppressions", Form.NAME, "source", "channel"),
            *_of("suppressions", Form.TEXT, "purpose"),
            *_of("suppressions", Form.YES, "provisional"),
            *_of("suppressions", Form.TEXT, "call_id", "finding_id"),
        ),
        {
            **_CALLED,
            **_found_behind(
                "suppressions",
                "findings.call_id = suppressions.call_id "
                "AND findings.finding_id = suppressions.finding_id",
            ),
            "call": ("suppressions.call_id", _PLAIN),
        },
    ),
    "coverage": Kind(
        "coverage",
        f"coverage {_OF_CALL}",
        "at",
        (
            *_of("coverage", Form.TIME, "at"),
            *_of("coverage", Form.TEXT, "call_id"),
            _NUMBER["calls"],
            *_of("calls", Form.TEXT, "agent", "scene"),
            *_of("coverage", Form.NAME, "leg"),
            _one("call_seconds", PARTS, Form.SECONDS, _united),
            *(_one(name, "NULL", Form.SECONDS) for name in ("received_s", "analysed_s")),
            *(_one(name, "NULL", Form.TEXT) for name in ("causes", "missing")),
        ),
        {
            **_CALLED,
            **_found_behind("coverage", "findings.call_id = coverage.call_id"),
            "call": ("coverage.call_id", _PLAIN),
        },
        LAST_PART,
    ),
}
"""What can be exported, by the name a user gives it."""


def columns(kind: str) -> tuple[str, ...]:
    """The names of a kind's columns, in order."""
    return tuple(each.name for each in KINDS[kind].columns)
