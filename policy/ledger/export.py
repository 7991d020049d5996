"""Owns reading what leaves the ledger: rows of one kind, chosen by time and by what they say, in
the order of their commits, some thousand at a time.

Used by `LedgerReader`. A selection is fixed when it is made: rows that are committed while it is
read are not in it, however it is cut into pieces; memory stays flat however long the log is.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from policy.ledger.export_kinds import KINDS, Cell, Form, Kind, Opening
from policy.ledger.moment import micros
from policy.ledger.seal import Seal

Rows = Callable[[str, dict[str, Any]], list[sqlite3.Row]]
Tuples = Callable[[str, dict[str, Any]], list[tuple[Any, ...]]]

_AT_ONCE = 512
"""Places in the log whose rows are read together."""
_NEVER = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
"""In UTC; without its zone it is written twice as fast."""


@dataclass(frozen=True)
class Chosen:
    """What an export is narrowed to: `since` inclusive, `until` exclusive; of agents, scenes,
    rules, severities and calls those that match one of the words, where there are any. A word that
    ends in `.*` stands for a whole branch of scenes or rules."""

    since: datetime | None = None
    until: datetime | None = None
    by: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Selection:
    """A kind's rows as they stood at one moment: those at `first` to `top` in the log that were
    chosen. Plain enough to be handed to another process."""

    kind: str
    first: int
    top: int
    query: str
    values: dict[str, str | int]

    def pieces(self) -> Iterator[tuple[int, int]]:
        """The first and the last place of each piece, in order."""
        for first in range(self.first, self.top + 1, _AT_ONCE):
            yield first, min(first + _AT_ONCE - 1, self.top)

    @property
    def places(self) -> int:
        """How many rows of the log are looked at."""
        return max(0, self.top - self.first + 1)


def select(rows: Rows, kind: str, chosen: Chosen) -> Selection:
    """Fixes which rows these are. Raises ValueError where rows of the kind cannot be chosen by what
    `chosen` names."""
    made = KINDS[kind]
    between = _bounds(chosen)
    (found,) = rows(
        f"SELECT min(seq) AS first, max(seq) AS top FROM {made.table} "  # noqa: S608 - names of our own
        f"WHERE {made.at} >= :since AND {made.at} < :until",
        between,
    )
    conditions = [
        f"{made.table}.seq BETWEEN :first AND :last",
        f"{made.table}.{made.at} >= :since AND {made.table}.{made.at} < :until",
    ]
    if made.chosen:
        conditions.append(made.chosen)
    values: dict[str, str | int] = {**between, "top": found["top"] or 0}
    for name, words in chosen.by.items():
        if words:
            conditions.append(_matching(made, kind, name, words, values))
    listed = ", ".join(f"{each.sql} AS {each.name}" for each in made.columns)
    query = (
        f"SELECT {listed} FROM {made.source} WHERE {' AND '.join(conditions)} "  # noqa: S608 - names of our own
        f"ORDER BY {made.table}.seq"
    )
    return Selection(kind, found["first"] or 1, found["top"] or 0, query, values)


def _matching(
    made: Kind, kind: str, name: str, words: Sequence[str], values: dict[str, str | int]
) -> str:
    if name not in made.by:
        raise ValueError(f"{kind} cannot be chosen by {name}: they have none")
    expression, condition = made.by[name]
    ones = []
    for word in words:
        place = f"by{len(values)}"
        values[place] = word.removesuffix(".*") if name in ("scene", "rule") else word
        one = f"{expression} = :{place}"
        if values[place] != word:
            one += f" OR substr({expression}, 1, length(:{place}) + 1) = :{place} || '.'"
        ones.append("1" if word == "*" else one)
    return condition.format(one=f"({' OR '.join(ones)})")


def rows_of(
    tuples: Tuples, selection: Selection, opening: Opening, piece: tuple[int, int]
) -> list[list[Cell]]:
    """The selected rows of one piece, in the order of their commits, each in the order of its
    kind's columns; times in microseconds."""
    openers = [
        (place, column.opened)
        for place, column in enumerate(KINDS[selection.kind].columns)
        if column.opened is not None
    ]
    bounds = {**selection.values, "first": piece[0], "last": piece[1]}
    made: list[list[Cell]] = list(map(list, tuples(selection.query, bounds)))
    for cells in made:
        for place, opened in openers:
            opened(cells, place, opening)
    return made


def export(
    rows: Rows, tuples: Tuples, keys: Seal, kind: str, chosen: Chosen
) -> Iterator[dict[str, Cell]]:
    """Rows of `kind`, oldest first, by the names of their columns, numbers masked and times in ISO
    8601. A finding is there once, as it last stood; a leg's coverage once, the parts that several
    gateways heard of the call added up."""
    selection = select(rows, kind, chosen)
    columns = KINDS[kind].columns
    names = [each.name for each in columns]
    times = [place for place, each in enumerate(columns) if each.form is Form.TIME]
    for piece in selection.pieces():
        for cells in rows_of(tuples, selection, Opening(keys), piece):
            for place in times:
                cells[place] = iso(cells[place])
            yield dict(zip(names, cells, strict=True))


def iso(at: Cell) -> str | None:
    """Microseconds since 1970-01-01 as ISO 8601 in UTC."""
    if at is None:
        return None
    return f"{(_EPOCH + timedelta(0, 0, int(at))).isoformat()}+00:00"


def _bounds(chosen: Chosen) -> dict[str, str | int]:
    return {
        "since": -_NEVER if chosen.since is None else micros(chosen.since),
        "until": _NEVER if chosen.until is None else micros(chosen.until),
    }
