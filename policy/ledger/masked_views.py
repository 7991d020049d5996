"""Owns showing the ledger to a tool that asks in SQL: views of what may be exported, numbers
masked, and nothing else.

Used by `callwarden serve-log`. The one invariant: a connection from here cannot write, and reads no
table but through these views, so no sealed text, keyed hash or number in full ever leaves it.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from policy.ledger import connection
from policy.ledger.export import iso
from policy.ledger.export_kinds import KINDS, Cell, Column, Form, Kind, Opening
from policy.ledger.seal import Seal

_BUSY_MS: Final = 5000
_LAST: Final = 2**63 - 1
_SHOWN: Final = "callwarden_shown"
_MAY: Final = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_PRAGMAS: Final = frozenset(
    {"table_info", "table_xinfo", "index_list", "foreign_key_list", "database_list"}
)
_DESCRIBED: Final = frozenset({"sqlite_master", "sqlite_schema", "json_each"})
"""Tables of SQLite's own that a tool asks; those of the ledger's file are not among them."""


def open_views(file: Path, key_file: Path) -> sqlite3.Connection:
    """A connection with a view of each kind that can be exported, by its name; for any thread.
    Raises LedgerUnavailable."""
    checked, keys = connection.to_read(file, key_file, _BUSY_MS)
    checked.close()
    db = sqlite3.connect(":memory:", uri=True, check_same_thread=False)
    db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    db.execute("ATTACH ? AS ledger", [f"{file.absolute().as_uri()}?mode=ro"])
    for place, (name, kind) in enumerate(KINDS.items()):
        db.execute(f'CREATE TEMP VIEW "{name}" AS {_select(place, kind)}')
    db.create_function(_SHOWN, 4, _shown(keys), deterministic=True)
    db.execute("PRAGMA query_only = ON")
    db.set_authorizer(_authorized)
    return db


def _authorized(
    action: int, one: str | None, other: str | None, database: str | None, source: str | None
) -> int:
    if action in _MAY:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_READ and (
        source in KINDS
        or not other  # rows are counted, no column is read
        or (database != "ledger" and (one in KINDS or one in _DESCRIBED))
    ):
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA and (
        one in _PRAGMAS or (one == "schema_version" and other is None)
    ):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _select(place: int, kind: Kind) -> str:
    """The kind's rows as a view shows them, the oldest first."""
    listed = ", ".join(_columns(place, kind))
    chosen = f"WHERE {kind.chosen.replace(':top', str(_LAST))}" if kind.chosen else ""
    query = f"SELECT {listed} FROM {kind.source} {chosen}"  # noqa: S608 - names of our own
    # Views go by the names of tables: in them these are the file's.
    return re.sub(r"\b(FROM|JOIN) (?!json_each)(\w+)", r"\1 ledger.\2", query)


def _columns(place: int, kind: Kind) -> Iterator[str]:
    """Each column's expression; one opener may fill the columns after its own as well."""
    opener = 0
    for at, column in enumerate(kind.columns):
        if column.opened is not None or column.sql != "NULL":
            opener = at
        yield f"{_expression(place, opener, at, kind.columns)} AS {column.name}"


def _expression(place: int, opener: int, at: int, columns: tuple[Column, ...]) -> str:
    column = columns[opener]
    if column.opened is None and column.form is not Form.TIME:
        return column.sql
    return f"{_SHOWN}({place}, {opener}, {at - opener}, {column.sql})"


def _shown(keys: Seal) -> Callable[[int, int, int, Cell], Cell]:
    opening, kinds = Opening(keys), tuple(KINDS.values())

    def shown(place: int, opener: int, further: int, value: Cell) -> Cell:
        """What a column shows of what stands in the table, numbers masked."""
        column = kinds[place].columns[opener]
        if column.form is Form.TIME:
            return iso(value)
        cells: list[Cell] = [value, *[None] * 3]
        assert column.opened is not None  # noqa: S101 - only such columns are asked for
        column.opened(cells, 0, opening)
        opening.numbers.clear()
        return cells[further]

    return shown
