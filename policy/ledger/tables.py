"""Owns how a table of the ledger is made: numbered rows, triggers that keep them for ever, and
links of the hash chain.

Called by the migrations, which it keeps in their order.
"""

from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import Table
from sqlite_utils.migrations import Migrations

from policy.ledger import chain

migrations = Migrations("callwarden.ledger")

PERSON: dict[str, type] = {
    "number_hash": bytes,
    "number_sealed": bytes,
    "customer_hash": bytes,
    "customer_sealed": bytes,
}
RULEBOOK: dict[str, type] = {"rulebook_version": str, "rulebook_digest": str}


def append_only(
    db: Database,
    name: str,
    columns: dict[str, Any],
    *,
    optional: tuple[str, ...] = (),
    unique: tuple[tuple[str, ...], ...] = (),
    indexes: tuple[tuple[str, ...], ...] = (),
) -> None:
    """A table whose rows are numbered in the order of their commits (`seq`), stay for ever and are
    links of the chain. What tells who a person is stands in columns `*_hash` and `*_sealed`, bytes,
    and nowhere else: these alone can be erased."""
    table = db[name]
    assert isinstance(table, Table)  # noqa: S101 - the name is that of no view
    required = [each for each in columns if each not in optional]
    table.create({"seq": int, **columns}, pk="seq", not_null=required, strict=True)
    for key in unique:
        table.create_index(key, unique=True)
    for key in indexes:
        table.create_index(key)
    if db["chain"].exists():
        chain.protect(db.conn, name)
        return
    for change in ("UPDATE", "DELETE"):
        never(db, name, change)


def add_column(db: Database, name: str, column: str, kind: str) -> None:
    """Adds a column, NULL in the rows that are there: their links stay what they are. `kind` is
    SQLite's: TEXT, INTEGER, REAL or BLOB."""
    db.conn.execute(f"ALTER TABLE {name} ADD COLUMN {column} {kind}")
    chain.protect(db.conn, name)


def never(db: Database, name: str, change: str) -> None:
    """What kept the rows of tables that are older than the chain, until it took over."""
    db.conn.execute(
        f"CREATE TRIGGER {name}_never_{change.lower()} BEFORE {change} ON {name} "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    )
