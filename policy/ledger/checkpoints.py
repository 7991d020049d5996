"""Owns checkpoints: signed statements of what the chain's head was at a time.

Made by `Ledger.checkpoint` within the writer's transaction, compared with the chain by `verifying`.
The one invariant: whoever kept a checkpoint can tell whether a row up to it was changed or taken
away since, without trusting the box it came from.
"""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from policy.ledger.moment import instant, micros
from policy.ledger.rows import insert
from policy.ledger.signing import Signer, is_signed
from policy.ledger.unavailable import LedgerUnavailable, explained

_WHAT = "callwarden checkpoint 1"


@dataclass(frozen=True)
class Checkpoint:
    """After link `of_seq` the head of ledger `ledger_id` was `head`; said at `at`."""

    ledger_id: bytes
    of_seq: int
    head: bytes
    at: datetime
    key_id: str
    signature: bytes = b""

    @property
    def lines(self) -> tuple[str | int, ...]:
        """What is signed, a line each."""
        ledger, head = self.ledger_id.hex(), self.head.hex()
        return _WHAT, ledger, self.of_seq, head, micros(self.at), self.key_id

    def is_signed_by(self, public: bytes) -> bool:
        return is_signed(public, self.signature, *self.lines)

    def as_json(self) -> str:
        """One line, as it is sent off the box."""
        return json.dumps(
            {
                "ledger": self.ledger_id.hex(),
                "seq": self.of_seq,
                "head": self.head.hex(),
                "at": micros(self.at),
                "key": self.key_id,
                "signature": self.signature.hex(),
            },
            separators=(",", ":"),
        )


def add(db: sqlite3.Connection, signer: Signer, now: datetime) -> Checkpoint | None:
    """States the head as it is before this very row. None when nothing but the last checkpoint was
    added since that one."""
    register(db, signer, now)
    seq, table, head = db.execute(
        "SELECT seq, of_table, hash FROM chain ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    if table == "checkpoints":
        return None
    unsigned = Checkpoint(ledger_id(db), seq, head, now, signer.key_id)
    made = Checkpoint(**vars(unsigned) | {"signature": signer.signed(*unsigned.lines)})
    insert(
        db,
        "checkpoints",
        at=micros(now),
        of_seq=seq,
        head=head,
        key_id=made.key_id,
        signature=made.signature,
    )
    return made


def register(db: sqlite3.Connection, signer: Signer, now: datetime) -> None:
    """Tells the ledger the public key, once."""
    known = db.execute("SELECT 1 FROM signing_keys WHERE key_id = ?", [signer.key_id]).fetchone()
    if known is None:
        insert(db, "signing_keys", key_id=signer.key_id, public_key=signer.public, at=micros(now))


def latest(db: sqlite3.Connection) -> Checkpoint | None:
    """The newest one in the ledger."""
    row = db.execute(
        "SELECT of_seq, head, at, key_id, signature FROM checkpoints ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    of_seq, head, at, key_id, signature = row
    return Checkpoint(ledger_id(db), of_seq, head, instant(at), key_id, signature)


def ledger_id(db: sqlite3.Connection) -> bytes:
    """What this ledger is called, for ever: 16 random bytes."""
    row = db.execute("SELECT value FROM meta WHERE key = 'ledger_id'").fetchone()
    return bytes(row[0]) if row else b""


def read(file: Path) -> list[Checkpoint]:
    """The checkpoints kept in a file, one JSON object a line, in their order. A line may have other
    text before the object, as syslog puts there. Raises LedgerUnavailable with the line."""
    with explained(file):
        lines = file.read_text(encoding="utf-8").splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(_parsed(json.loads(line[line.index("{") :])))
        except (ValueError, KeyError, TypeError):
            raise LedgerUnavailable(f"{file}:{number}: not a checkpoint") from None
    return found


def _parsed(said: dict[str, Any]) -> Checkpoint:
    return Checkpoint(
        bytes.fromhex(said["ledger"]),
        int(said["seq"]),
        bytes.fromhex(said["head"]),
        instant(int(said["at"])),
        str(said["key"]),
        bytes.fromhex(said["signature"]),
    )
