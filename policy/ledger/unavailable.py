"""Owns what a user is told when the ledger cannot be used: what is wrong, where, what to do.

Raised by every part of the ledger; at the gate it means refusal. The text names files and causes,
never a number, a customer or a word spoken.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LedgerUnavailable(Exception):
    """Nothing was recorded (or read). A decision that meets this must be a refusal."""


class RowRefused(LedgerUnavailable):
    """The row itself is at fault: handed in again, it would be refused again."""


_REMEDIES = {
    "SQLITE_BUSY": "another process has locked the ledger; `fuser -v {file}` names it: end it",
    "SQLITE_LOCKED": "another process has locked the ledger; `fuser -v {file}` names it: end it",
    "SQLITE_FULL": "the disk is full; free space where the ledger lies",
    "SQLITE_READONLY": "the ledger is read-only; make the file and its folder writable for the "
    "user that runs callwarden",
    "SQLITE_PERM": "the ledger may not be written; make the file and its folder writable for the "
    "user that runs callwarden",
    "SQLITE_CANTOPEN": "the ledger cannot be opened; check that its folder exists and that the "
    "user that runs callwarden may write there",
    "SQLITE_NOTADB": "this is not a ledger; move the file away or correct `state` in the "
    "configuration",
    "SQLITE_CORRUPT": "the ledger is damaged; keep the file, and restore the last copy",
    "SQLITE_IOERR": "the disk failed; look at `dmesg`, free space, and restore the last copy if "
    "the disk is lost",
}


def because_of(error: sqlite3.Error, file: Path) -> LedgerUnavailable:
    """SQLite's error as what is wrong with `file` and what to do."""
    name = getattr(error, "sqlite_errorname", "") or ""
    for known, remedy in _REMEDIES.items():
        if name.startswith(known):
            return LedgerUnavailable(f"{file}: {remedy.format(file=file)} ({name})")
    return LedgerUnavailable(f"{file}: the ledger failed: {error} ({name or type(error).__name__})")


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """SQLite's and the file system's errors inside become LedgerUnavailable."""
    try:
        yield
    except sqlite3.Error as error:
        raise because_of(error, file) from error
    except OSError as error:
        where = error.filename or file
        why = error.strerror or type(error).__name__
        raise LedgerUnavailable(
            f"{where}: {why}; make it usable for the user that runs callwarden"
        ) from error
