"""Owns the migration that makes the ledger evidence: the hash chain over every row, the signed
checkpoints of its head, and the record of what was erased and of which keys are in use.

Registered by `schema`, which says what all tables have in common.
"""

import secrets
import sqlite3
import sys
from collections.abc import Iterator
from typing import Any

from sqlite_utils import Database
from tqdm import tqdm

from policy.ledger import chain
from policy.ledger.chain import Shape
from policy.ledger.tables import append_only, migrations

_SHOWN_FROM = 100_000
"""Rows from which on linking takes seconds and shows how far it is."""


@migrations()
def m007_evidence(db: Database) -> None:
    """Every row a link of one chain, those that are there already among them, table after table."""
    older = chain.tables(db.conn)
    db.conn.execute(
        "CREATE TABLE chain (seq INTEGER PRIMARY KEY, of_table TEXT NOT NULL, "
        "of_row INTEGER NOT NULL, salt BLOB, hashes_erased BLOB, sealed_erased BLOB, "
        "hash BLOB NOT NULL) STRICT"
    )
    ledger_id = secrets.token_bytes(16)
    db.conn.execute(
        "INSERT INTO chain (seq, of_table, of_row, hash) VALUES (0, '', 0, ?)",
        [chain.genesis(ledger_id)],
    )
    db.conn.execute("INSERT INTO meta (key, value) VALUES ('ledger_id', ?)", [ledger_id])
    _link(db.conn, [chain.shape(db.conn, each) for each in older])
    for statement in chain.CHAIN_TRIGGERS.values():
        db.conn.execute(statement)
    for each in older:
        chain.protect(db.conn, each)
    append_only(
        db,
        "signing_keys",
        {"key_id": str, "public_key": bytes, "at": int},
        unique=(("key_id",),),
    )
    append_only(
        db,
        "checkpoints",
        {"at": int, "of_seq": int, "head": bytes, "key_id": str, "signature": bytes},
    )
    append_only(
        db,
        "erasures",
        {
            "erasure_id": str,
            "at": int,
            "what": str,
            "who": str,
            "why_sealed": bytes,
            "rows": str,
            "key_id": str,
            "signature": bytes,
        },
        unique=(("erasure_id",),),
    )
    append_only(
        db,
        "sealing_keys",
        {"key_id": str, "at": int, "who": str},
        unique=(("key_id",),),
    )


def _link(db: sqlite3.Connection, shapes: list[Shape]) -> None:
    """Adds the links of rows that have none, in the order of their tables."""
    count = sum(db.execute(f"SELECT count(*) FROM {each.table}").fetchone()[0] for each in shapes)  # noqa: S608 - names of our own
    shown = count >= _SHOWN_FROM
    if shown:
        print(f"callwarden: chaining the {count} rows of an older ledger", file=sys.stderr)
    rows = (row for each in shapes for row in _rows(db, each))
    told = tqdm(_links(db, rows), total=count, unit=" rows", disable=not shown, mininterval=5)
    db.executemany("INSERT INTO chain (of_table, of_row, salt, hash) VALUES (?, ?, ?, ?)", told)


def _rows(db: sqlite3.Connection, made: Shape) -> Iterator[tuple[Shape, tuple[Any, ...]]]:
    for row in db.execute(f"SELECT {made.read} FROM {made.table} ORDER BY seq"):  # noqa: S608 - names of our own
        yield made, row


def _links(
    db: sqlite3.Connection, rows: Iterator[tuple[Shape, tuple[Any, ...]]]
) -> Iterator[tuple[Any, ...]]:
    (head,) = db.execute(chain.HEAD).fetchone()
    for made, row in rows:
        salt = secrets.token_bytes(chain.SALT_BYTES) if made.hashes else None
        head = chain.link_of(made, row, head, salt)
        yield made.table, row[0], salt, head
