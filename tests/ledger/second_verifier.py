"""A verifier written from docs/ledger-format.md alone: it imports nothing of Callwarden's.

Run by `test_verify` beside `log verify`, which must say the same. Run by hand:
`python second_verifier.py LEDGER [PUBLIC_KEY_PEM [CHECKPOINTS]]`.
"""

import hashlib
import json
import sqlite3
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)


def problems(ledger: Path, pem: Path | None = None, kept: Path | None = None) -> list[str]:
    """What is not as it was written, each as `TABLE ROW: WHAT`; the first is the first in the
    chain. Empty when all is well."""
    db = sqlite3.connect(f"{ledger.absolute().as_uri()}?mode=ro", uri=True)
    try:
        public = None if pem is None else load_pem_public_key(pem.read_bytes())
        assert public is None or isinstance(public, Ed25519PublicKey)
        return list(_problems(db, public, kept.read_text().splitlines() if kept else []))
    finally:
        db.close()


def _problems(
    db: sqlite3.Connection, public: Ed25519PublicKey | None, kept: list[str]
) -> Iterator[str]:
    (ledger_id,) = db.execute("SELECT value FROM meta WHERE key = 'ledger_id'").fetchone() or [b""]
    tables = {
        name: _Table(db, name)
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        if name not in ("chain", "_sqlite_migrations")
    }
    erased = _erased(db, public)
    heads: dict[int, bytes] = {}
    head = hashlib.sha256(b"callwarden ledger 1\n" + ledger_id).digest()
    links = db.execute("SELECT * FROM chain ORDER BY seq").fetchall()
    if not links or links[0][:3] != (0, "", 0) or links[0][6] != head:
        yield "chain 0: another ledger's beginning"
    for expected, (seq, name, of_row, salt, gone_hashes, gone_sealed, told) in enumerate(links):
        heads[seq] = told
        if seq != expected:
            yield f"chain {expected}: missing"
            return
        if seq == 0:
            continue
        table = tables.get(name)
        row = table.rows.pop(of_row, None) if table else None
        if table is None or row is None:
            yield f"{name} {of_row}: removed"
            return
        for group, gone in (("hashes", gone_hashes), ("sealed", gone_sealed)):
            if gone is not None and not any(
                low <= of_row <= high for low, high in erased.get((name, group), [])
            ):
                yield f"{name} {of_row}: erased by nobody"
        head = table.hash(head, row, salt, gone_hashes, gone_sealed)
        if head != told:
            yield f"{name} {of_row}: changed"
            return
    for name, table in tables.items():
        yield from (f"{name} {row}: inserted" for row in sorted(table.rows))
    stated = db.execute("SELECT of_seq, head FROM checkpoints").fetchall()
    yield from (f"chain {seq}: not as stated" for seq, head in stated if heads.get(seq) != head)
    for line in kept:
        made = json.loads(line)
        if made["ledger"] != ledger_id.hex() or not _stated(public, made):
            yield "checkpoints: not this ledger's"
        elif heads.get(made["seq"]) != bytes.fromhex(made["head"]):
            yield f"chain {made['seq']}: cut off or written anew"


class _Table:
    def __init__(self, db: sqlite3.Connection, name: str) -> None:
        self.name = name
        columns = db.execute(f"PRAGMA table_info({name})").fetchall()
        self._names = [each[1] for each in columns]
        self._hashes = [n for _, n, kind, *_ in columns if n.endswith("_hash") and kind == "BLOB"]
        self._sealed = [each for each in self._names if each.endswith("_sealed")]
        found = db.execute(f"SELECT * FROM {name} ORDER BY seq").fetchall()  # noqa: S608 - a listed name
        self.rows: dict[int, tuple[Any, ...]] = {row[0]: row for row in found}

    def hash(self, before: bytes, row: tuple[Any, ...], *link: bytes | None) -> bytes:
        salt, gone_hashes, gone_sealed = link
        if (salt is not None) != bool(self._hashes and gone_hashes is None):
            return b"a salt too many, or none"
        values = dict(zip(self._names, row, strict=True))
        public = [v for k, v in values.items() if k not in self._hashes + self._sealed]
        while public[-1] is None:
            public.pop()
        told = [self.name, *map(_json_value, public)]
        parts = [before, json.dumps(told, separators=(",", ":")).encode("ascii")]
        if self._hashes:
            packed = (salt or b"") + _packed([values[each] for each in self._hashes])
            parts.append(gone_hashes or hashlib.sha256(packed).digest())
        if self._sealed:
            packed = _packed([values[each] for each in self._sealed])
            parts.append(gone_sealed or hashlib.sha256(packed).digest())
        return hashlib.sha256(b"".join(parts)).digest()


def _json_value(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex().upper()
    return 0.0 if isinstance(value, float) and value == 0 else value


def _packed(values: list[bytes | None]) -> bytes:
    while values and values[-1] is None:
        values.pop()
    return b"".join(
        b"\xff\xff\xff\xff" if each is None else struct.pack(">I", len(each)) + bytes(each)
        for each in values
    )


def _erased(
    db: sqlite3.Connection, public: Ed25519PublicKey | None
) -> dict[tuple[str, str], list[tuple[int, int]]]:
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    query = "SELECT erasure_id, at, what, who, rows, signature FROM erasures"
    for *said, signature in db.execute(query):
        text = "".join(f"{each}\n" for each in ("callwarden erasure 1", *said))
        if _signed(public, signature, text):
            for table, groups in json.loads(said[-1]).items():
                for group, ranges in groups.items():
                    found.setdefault((table, group), []).extend(ranges)
    return found


def _stated(public: Ed25519PublicKey | None, made: dict[str, Any]) -> bool:
    said = [made[each] for each in ("ledger", "seq", "head", "at", "key")]
    text = "".join(f"{each}\n" for each in ("callwarden checkpoint 1", *said))
    return _signed(public, bytes.fromhex(made["signature"]), text)


def _signed(public: Ed25519PublicKey | None, signature: bytes, text: str) -> bool:
    if public is None:
        return True
    try:
        public.verify(signature, text.encode())
    except InvalidSignature:
        return False
    return True


def key_id(pem: Path) -> str:
    """As it stands in a checkpoint."""
    key = load_pem_public_key(pem.read_bytes())
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


if __name__ == "__main__":
    wrong = problems(*map(Path, sys.argv[1:]))
    print(*wrong or ["as it was written"], sep="\n")
    sys.exit(bool(wrong))
