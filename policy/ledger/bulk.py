"""Owns filling a ledger with a past: millions of attempts and do-not-call entries in minutes.

Called by what measures the gate on a large ledger (`callwarden bench gate`), on a fresh ledger that
nobody else has open. Not for a site's own data: it gives up durability while it runs, and what it
adds has no decisions behind it. Rows and indexes are those that the gate's own writes would leave.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from policy.ledger import connection
from policy.ledger.ledger import Ledger
from policy.ledger.moment import micros
from policy.ledger.rows import statement
from policy.ledger.seal import Seal
from policy.ledger.unavailable import explained

_AT_ONCE = 50_000
_ATTEMPT = (
    "decision_id",
    "nonce",
    "reserved_at",
    "number_hash",
    "scene",
    "linkedid",
)
_SUPPRESSION = (
    "suppression_id",
    "number_hash",
    "number_sealed",
    "since",
    "source",
    "channel",
    "purpose",
    "provisional",
    "call_id",
    "finding_id",
    "list_name",
)


def fill(
    file: Path,
    key_file: Path,
    *,
    attempts: Iterable[str],
    suppressed: Iterable[str],
    now: datetime,
    told: Callable[[int], object] = lambda rows: None,
) -> None:
    """Makes the ledger, if absent, and adds an attempt to each number of `attempts` (canonical),
    each a tenth of a second before the one that precedes it, the first a day before `now`, and an
    imported entry for each of `suppressed`. `told` hears how many more rows there are.

    Raises LedgerUnavailable; what is there then is of no use.
    """
    Ledger.open(file, key_file).close()
    keys = connection.make_files(file, key_file)
    with explained(file), closing(connection.to_write(file, key_file, keys, 500)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA cache_size = -262144")
        for table, columns, rows in (
            ("attempts", _ATTEMPT, _attempts(keys, attempts, now)),
            ("suppressions", _SUPPRESSION, _entries(keys, suppressed, now)),
        ):
            _add(db, table, columns, rows, told)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA synchronous = FULL")


def _add(
    db: sqlite3.Connection,
    table: str,
    columns: tuple[str, ...],
    rows: Iterator[tuple[Any, ...]],
    told: Callable[[int], object],
) -> None:
    """Indexes are made anew at the end, sorted, which is many times faster than row by row."""
    indexes = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", [table]
    ).fetchall()
    for name, _ in indexes:
        db.execute(f'DROP INDEX "{name}"')
    added = statement(table, columns)
    while some := list(islice(rows, _AT_ONCE)):
        db.execute("BEGIN IMMEDIATE")
        db.executemany(added, some)
        db.execute("COMMIT")
        told(len(some))
    for _, made in indexes:
        db.execute(made)


def _attempts(keys: Seal, numbers: Iterable[str], now: datetime) -> Iterator[tuple[Any, ...]]:
    latest, step = micros(now - timedelta(days=1)), 100_000
    for index, number in enumerate(numbers):
        past = f"past-{index:010}"
        hashed = keys.hashed("number", number)
        yield past, past, latest - index * step, hashed, "marketing.loan", past


def _entries(keys: Seal, numbers: Iterable[str], now: datetime) -> Iterator[tuple[Any, ...]]:
    since = micros(now - timedelta(days=1))
    for index, number in enumerate(numbers):
        hashed, sealed = keys.hashed("number", number), keys.sealed("number", number)
        entry = f"past-{index:010}"
        yield entry, hashed, sealed, since, "import", "voice", "*", 0, "", "", "past"
