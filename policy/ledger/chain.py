"""Owns the hash chain: how a row becomes a link, and the triggers that add it with the row.

Called by `tables`, which gives every table its triggers, and by what checks or erases rows. The one
invariant: a row and its link are added by one statement, whoever adds the row, so that there is
neither without the other. `docs/ledger-format.md` says all this for whoever writes a verifier of
his own; a change here changes it there, and is a migration.
"""

import os
import sqlite3
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from json.encoder import (  # type: ignore[attr-defined]  # both are C's, unknown to typeshed
    c_make_encoder,
    encode_basestring_ascii,
)
from typing import Any, Final

Cell = str | int | float | bytes | None

SALT_BYTES: Final = 16
_SALTS_AT_ONCE: Final = 1024
_UNCHAINED: Final = ("chain", "_sqlite_migrations")
_GENESIS: Final = b"callwarden ledger 1\n"

_ADD_LINK: Final = "INSERT INTO chain (of_table, of_row, salt, hash) VALUES"
HEAD: Final = "SELECT hash FROM chain ORDER BY seq DESC LIMIT 1"

_encoder = c_make_encoder(
    None,
    None,
    encode_basestring_ascii,
    None,
    ":",
    ",",
    False,
    False,
    True,
)
_length = struct.Struct(">I").pack
_NO_VALUE: Final = b"\xff\xff\xff\xff"


@dataclass(frozen=True)
class Shape:
    """How a table's rows are read for their links: `public` columns, the keyed hashes by which
    people are found, and what is sealed, each in the table's order; `seq` is the first column."""

    table: str
    public: tuple[str, ...]
    hashes: tuple[str, ...]
    sealed: tuple[str, ...]
    types: dict[str, str] = field(repr=False)
    required: frozenset[str] = field(repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        return self.public + self.hashes + self.sealed

    @property
    def read(self) -> str:
        """What to select of a row: `link_of` takes it as it comes."""
        return self._values("")

    def _values(self, prefix: str) -> str:
        public = (_as_json(f'{prefix}"{each}"', self.types[each]) for each in self.public)
        personal = (f'{prefix}"{each}"' for each in self.hashes + self.sealed)
        return ", ".join((*public, *personal))

    def erased(self, column: str, row: str = "") -> str:
        """SQL of what stands in a personal column when it was erased, for the row `row`."""
        if column not in self.required:
            return "NULL"
        return "x''" if column in self.sealed else f"CAST('-' || {row}seq AS BLOB)"

    def erased_value(self, column: str, row: int) -> bytes | None:
        """The same, as it is read."""
        if column not in self.required:
            return None
        return b"" if column in self.sealed else f"-{row}".encode()

    @property
    def triggers(self) -> dict[str, str]:
        """The statements that make the table append-only and chained, by their names."""
        name = self.table
        refuse = "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        counts = f"{len(self.public)}, {len(self.hashes)}"
        salt = "new_salt()" if self.hashes else "NULL"
        return {
            f"{name}_never_delete": f"CREATE TRIGGER {name}_never_delete BEFORE DELETE ON {name} "
            f"{refuse}",
            f"{name}_never_update": f"CREATE TRIGGER {name}_never_update BEFORE UPDATE ON {name} "
            f"WHEN NOT ({self._only_erases}) {refuse}",
            f"{name}_linked": f"CREATE TRIGGER {name}_linked AFTER INSERT ON {name} "
            f"BEGIN {_ADD_LINK} ('{name}', NEW.seq, {salt}, "
            f"link(({HEAD}), '{name}', {counts}, {self._values('NEW.')})); END",
        }

    @property
    def _only_erases(self) -> str:
        """SQL that holds for a change that erases personal columns and does nothing else."""
        groups = [group for group in (self.hashes, self.sealed) if group]
        if not groups:
            return "0"
        kept = _unchanged(self.public)
        same = [_unchanged(group) for group in groups]
        gone = [
            " AND ".join(f'NEW."{each}" IS {self.erased(each, "NEW.")}' for each in group)
            for group in groups
        ]
        either = " AND ".join(
            f"(({unchanged}) OR ({erased}))" for unchanged, erased in zip(same, gone, strict=True)
        )
        return f"{kept} AND {either} AND NOT ({' AND '.join(same)})"


CHAIN_TRIGGERS: Final = {
    "chain_never_delete": "CREATE TRIGGER chain_never_delete BEFORE DELETE ON chain "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "chain_never_update": "CREATE TRIGGER chain_never_update BEFORE UPDATE ON chain WHEN NOT ("
    "NEW.seq IS OLD.seq AND NEW.of_table IS OLD.of_table AND NEW.of_row IS OLD.of_row "
    "AND NEW.hash IS OLD.hash "
    "AND (NEW.salt IS OLD.salt AND NEW.hashes_erased IS OLD.hashes_erased OR OLD.salt IS NOT NULL "
    "AND NEW.salt IS NULL AND OLD.hashes_erased IS NULL AND length(NEW.hashes_erased) = 32) "
    "AND (NEW.sealed_erased IS OLD.sealed_erased OR OLD.sealed_erased IS NULL "
    "AND length(NEW.sealed_erased) = 32) "
    "AND (NEW.hashes_erased IS NOT OLD.hashes_erased OR NEW.sealed_erased IS NOT OLD.sealed_erased)"
    ") BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
}
"""A link changes only when what it binds was erased: the salt goes, what it committed to stays."""


def tables(db: sqlite3.Connection) -> list[str]:
    """Every table whose rows are linked, in the order in which they were made."""
    found = db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' "
        "ESCAPE '~' ORDER BY rowid"
    )
    return [name for (name,) in found if name not in _UNCHAINED]


def shape(db: sqlite3.Connection, table: str) -> Shape:
    """How the rows of a table are read."""
    columns = db.execute(f"PRAGMA table_info({table})").fetchall()
    types = {name: kind for _, name, kind, *_ in columns}
    hashes = tuple(each for each in types if each.endswith("_hash") and types[each] == "BLOB")
    sealed = tuple(each for each in types if each.endswith("_sealed"))
    return Shape(
        table,
        tuple(each for each in types if each not in hashes + sealed),
        hashes,
        sealed,
        types,
        frozenset(name for _, name, _, required, *_ in columns if required),
    )


def protect(db: sqlite3.Connection, table: str) -> None:
    """Makes a table append-only and chained; anew, when columns were added to it."""
    for name, statement in shape(db, table).triggers.items():
        db.execute(f"DROP TRIGGER IF EXISTS {name}")
        db.execute(statement)


def install(db: sqlite3.Connection) -> None:
    """Gives a connection what the triggers call. One without it cannot add a row."""
    salts = _Salts()
    db.create_function("new_salt", 0, salts.next)
    db.create_function("link", -1, salts.link)


def genesis(ledger_id: bytes) -> bytes:
    """The hash before the first row."""
    return sha256(_GENESIS + ledger_id).digest()


def link_of(made: Shape, row: Sequence[Cell], previous: bytes, salt: bytes | None) -> bytes:
    """The hash of the link after `previous` for a row that was `read`."""
    return _linked(previous, made.table, (len(made.public), len(made.hashes)), row, salt)


def committed(personal: Sequence[Any], salt: bytes = b"") -> bytes:
    """What stays of personal columns when they are erased: over each one's length in 4 bytes and
    its bytes, NULLs at the end left out. What is sealed brings 96 random bits of its own; keyed
    hashes need the salt, which goes with them."""
    packed, skipped = salt, b""
    for each in personal:
        if each is None:
            skipped += _NO_VALUE
        else:
            packed += skipped + _length(len(each)) + each
            skipped = b""
    return sha256(packed).digest()


class _Salts:
    """A connection's salts: the one drawn for a row is the one its link is made with."""

    def __init__(self) -> None:
        self._drawn = b""
        self._at = 0
        self._salt: bytes | None = None

    def next(self) -> bytes:
        at = self._at
        if at >= len(self._drawn):
            self._drawn, at = os.urandom(SALT_BYTES * _SALTS_AT_ONCE), 0
        self._at = end = at + SALT_BYTES
        self._salt = salt = self._drawn[at:end]
        return salt

    def link(self, previous: bytes, table: str, public: int, hashes: int, *row: Cell) -> bytes:
        salt, self._salt = self._salt, None
        return _linked(previous, table, (public, hashes), row, salt)


def _linked(
    previous: bytes,
    table: str,
    counts: tuple[int, int],
    row: Sequence[Cell],
    salt: bytes | None,
) -> bytes:
    """Over the previous hash, the row's public columns, which come first, and what is committed to
    of its hashes, which come next, and of what is sealed, which is the rest; `counts` of the first
    two."""
    public, hashes = counts
    sealed = public + hashes
    content = previous + public_part(table, row[:public])
    if hashes:
        if salt is None:
            raise ValueError("a link of a row about people needs its salt")
        content += committed(row[public:sealed], salt)
    if len(row) > sealed:
        content += committed(row[sealed:])
    return sha256(content).digest()


def public_part(table: str, row: Sequence[Cell]) -> bytes:
    """JSON, ASCII alone: the table's name and the columns, without NULLs at the end."""
    end = len(row)
    while end and row[end - 1] is None:
        end -= 1
    return "".join(_encoder((table, *row[:end]), 0)).encode()


def _unchanged(columns: Sequence[str]) -> str:
    return " AND ".join(f'NEW."{each}" IS OLD."{each}"' for each in columns)


def _as_json(column: str, kind: str) -> str:
    """SQL of a public column as the encoder takes it: bytes in capital hexadecimal digits, and no
    negative zero, which SQLite does not keep."""
    if kind == "BLOB":
        return f"iif({column} IS NULL, NULL, hex({column}))"
    return f"{column} + 0.0" if kind == "REAL" else column
