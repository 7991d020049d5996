"""Owns opening the file: making it, checking that it is a ledger, of this version and of this key.

Called by the writer's thread and by readers. A connection leaves here only when all that holds, and
one to write only when the rows since the last checkpoint are as they were written.
"""

import fcntl
import hmac
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from policy.ledger import chain, seal, signing, verifying
from policy.ledger.key_files import sync_folder
from policy.ledger.seal import Seal
from policy.ledger.unavailable import LedgerUnavailable, explained
from policy.ledger.version import APPLICATION_ID, SCHEMA_VERSION

_SETTING_UP_S = 10.0
"""How long to wait for another process that makes or migrates the same ledger."""

_CACHE_KIB = 64 * 1024
"""Pages the writer keeps: customers come in no order, so an index is touched all over. This much
keeps the upper levels of the indexes of ten million attempts and entries at hand."""


def make_files(file: Path, key_file: Path) -> Seal:
    """Makes folder, ledger file and key where absent. A ledger whose key is gone gets no new one.

    Raises LedgerUnavailable.
    """
    with explained(file):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        if not key_file.exists() and not (file.exists() and file.stat().st_size > 0):
            seal.make_key(key_file)
        keys = seal.load(key_file)
        signing.load(key_file)
        if not file.exists():
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
            sync_folder(file.parent)
    return keys


def to_write(file: Path, key_file: Path, keys: Seal, busy_ms: int) -> sqlite3.Connection:
    """A connection whose commits are on disk when they return (WAL, synchronous=FULL), for the
    calling thread alone. Waits at most `busy_ms` for another process' lock.

    Raises LedgerUnavailable.
    """
    with explained(file):
        refuse_read_only(file)
        connection = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            cached_statements=256,
        )
        try:
            connection.execute(f"PRAGMA busy_timeout = {busy_ms}")
            connection.execute("PRAGMA recursive_triggers = ON")
            connection.execute("PRAGMA trusted_schema = ON")  # the triggers call functions of ours
            chain.install(connection)
            _refuse_foreign(connection, file)
            if _version(connection):
                _refuse_other_key(connection, keys, file, key_file)
            if _version(connection) < SCHEMA_VERSION:
                _set_up(connection, key_file, keys)
            _refuse_other_key(connection, keys, file, key_file)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            _refuse_older_key(connection, keys, file, key_file)
            _refuse_changed(connection, file, key_file)
        except BaseException:  # whatever it was, it is raised again; the file is let go first
            connection.close()
            raise
    return connection


def to_read(file: Path, key_file: Path, busy_ms: int) -> tuple[sqlite3.Connection, Seal]:
    """A connection that cannot write, for any thread, and the keys of what it reads.

    Raises LedgerUnavailable, also when there is no ledger.
    """
    with explained(file):
        if not file.exists():
            raise LedgerUnavailable(
                f"{file}: there is no ledger; start the gateway once, or correct `state` in the "
                "configuration"
            )
        keys = seal.load(key_file)
        connection = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute(f"PRAGMA busy_timeout = {busy_ms}")
            _refuse_foreign(connection, file)
            if _version(connection) < SCHEMA_VERSION:
                raise LedgerUnavailable(
                    f"{file}: an older Callwarden made this ledger; start the gateway once, which "
                    "brings it up to date"
                )
            _refuse_other_key(connection, keys, file, key_file)
            _refuse_older_key(connection, keys, file, key_file)
        except BaseException:  # whatever it was, it is raised again; the file is let go first
            connection.close()
            raise
    return connection, keys


def refuse_read_only(file: Path) -> None:
    """Raises LedgerUnavailable when the file's mode or file system forbids writing, also for root,
    whom the mode alone would not stop."""
    if not file.stat().st_mode & 0o222 or not os.access(file, os.W_OK):
        raise LedgerUnavailable(
            f"{file}: the ledger is read-only; make it writable for the user that runs callwarden "
            f"(`chmod u+w {file}`)"
        )


def _set_up(connection: sqlite3.Connection, key_file: Path, keys: Seal) -> None:
    """Makes the tables, or brings an older ledger's up to date: all of it or nothing."""
    from policy.ledger import schema  # see `version`: sqlite-utils is loaded only when needed

    with _alone(key_file):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        schema.migrate(connection, keys.check_value)
        connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    """0 for a file in which nothing is yet."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def _refuse_foreign(connection: sqlite3.Connection, file: Path) -> None:
    # In this order: who makes the tables at this moment writes both in one transaction.
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID and (application or tables):
        raise LedgerUnavailable(
            f"{file}: this is another program's database, not a ledger; move it away or correct "
            "`state` in the configuration"
        )
    if (version := _version(connection)) > SCHEMA_VERSION:
        raise LedgerUnavailable(
            f"{file}: a newer Callwarden made this ledger (its tables are of version {version}, "
            f"this one knows {SCHEMA_VERSION}); install that Callwarden or a later one"
        )


def _refuse_other_key(
    connection: sqlite3.Connection, keys: Seal, file: Path, key_file: Path
) -> None:
    row = connection.execute("SELECT value FROM meta WHERE key = 'key_check'").fetchone()
    if row is None or not hmac.compare_digest(row[0], keys.check_value):
        raise LedgerUnavailable(
            f"{key_file}: this is not the key of {file}; restore the ledger's own key from where "
            "it is kept"
        )


def _refuse_older_key(
    connection: sqlite3.Connection, keys: Seal, file: Path, key_file: Path
) -> None:
    known = set(keys.key_ids)
    for (key_id,) in connection.execute("SELECT key_id FROM sealing_keys"):
        if key_id not in known:
            raise LedgerUnavailable(
                f"{key_file}: a copy from before the ledger's keys were rotated: {file} holds what "
                f"was sealed with key {key_id}, which is not in it; restore the newest copy"
            )


def _refuse_changed(connection: sqlite3.Connection, file: Path, key_file: Path) -> None:
    """Raises LedgerUnavailable when the ledger's end is not as it was written."""
    connection.execute("BEGIN")
    bad = verifying.at_start(connection, signing.trusted(key_file))
    connection.execute("COMMIT")
    if bad is not None:
        raise LedgerUnavailable(
            f"{file}: the ledger is not as it was written: {bad}; keep the file for whoever looks "
            "into it, see `callwarden log verify`, and go on with the last backup "
            "(`callwarden log restore`)"
        )


@contextmanager
def _alone(key_file: Path) -> Iterator[None]:
    """No two processes set up the ledger of this key at once."""
    deadline = time.monotonic() + _SETTING_UP_S
    with key_file.open("rb") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LedgerUnavailable(
                        f"{key_file}: another process has been setting up the ledger for "
                        f"{_SETTING_UP_S:.0f} s; `fuser -v {key_file}` names it: end it"
                    ) from None
                time.sleep(0.02)
            else:
                break
        yield
