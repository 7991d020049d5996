"""Owns adding a row: its statement, its id, and whom it is about.

Called by what writes the ledger, within the writer's transaction. Rows are added, never changed.
"""

import secrets
import sqlite3
import time
from functools import lru_cache
from typing import NamedTuple

from policy.ledger.seal import Seal

Value = str | int | float | bytes | None

_SAID_AGAIN = frozenset({"calls", "answers", "call_ends", "legs", "bypasses"})
"""Tables in which the first row of a call or channel stays when the same is said again."""


class Named(NamedTuple):
    """Whom a row is about: the columns that tables have in common."""

    number_hash: bytes | None
    number_sealed: bytes | None
    customer_hash: bytes | None
    customer_sealed: bytes | None


def named(keys: Seal, number: str, customer: str) -> Named:
    """The number (canonical) and the customer's id as they may be kept."""
    return Named(
        keys.hashed("number", number),
        keys.sealed("number", number),
        keys.hashed("customer", customer),
        keys.sealed("customer", customer),
    )


def insert(db: sqlite3.Connection, table: str, **values: Value) -> None:
    db.execute(statement(table, tuple(values)), tuple(values.values()))


@lru_cache(maxsize=64)
def statement(table: str, columns: tuple[str, ...]) -> str:
    conflict = " ON CONFLICT DO NOTHING" if table in _SAID_AGAIN else ""
    places = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}){conflict}"  # noqa: S608 - names of our own


def new_id() -> str:
    """An id that nobody else makes. Ids made later sort later, so that an index grows at its end
    (the form of a UUID of version 7)."""
    milliseconds = time.time_ns() // 1_000_000
    return f"{milliseconds:012x}7{secrets.token_hex(10)[1:]}"
