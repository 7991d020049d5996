"""Owns the record of what left the ledger, and the signed manifest that goes with a file.

Written by the commands that export, before the file has its name; read by `log verify-export`. The
one invariant: a manifest names the link of the chain that tells of its export, so neither is there
without the other.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from policy.ledger import checkpoints
from policy.ledger.moment import micros
from policy.ledger.rows import insert, new_id
from policy.ledger.signing import Signer, is_signed
from policy.ledger.unavailable import LedgerUnavailable, explained
from policy.ledger.writer import Submit

Rows = Callable[[str, Sequence[Any]], list[sqlite3.Row]]

_WHAT: Final = "callwarden export 1"


@dataclass(frozen=True)
class Export:
    """What somebody was given: `rows` of `kind` in `form`, narrowed to `chosen`; `sha256` (hex) of
    all of it. `whole` False: the reader went away before the end."""

    at: datetime
    who: str
    role: str
    kind: str
    form: str
    chosen: Mapping[str, Any]
    unmasked: bool
    rows: int
    sha256: str
    whole: bool = True


@dataclass(frozen=True)
class Manifest:
    """What is said of a file, and the signature under it."""

    said: Mapping[str, Any]
    key_id: str
    signature: bytes

    def is_signed_by(self, public: bytes) -> bool:
        return is_signed(public, self.signature, _WHAT, canonical(self.said))

    def as_json(self) -> str:
        whole = {"manifest": self.said, "key": self.key_id, "signature": self.signature.hex()}
        return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def canonical(said: Mapping[str, Any]) -> str:
    """The one way in which a manifest is signed: JSON in ASCII, keys sorted, no blanks."""
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def manifest_of(file: Path) -> Path:
    """Where the manifest of an exported file lies."""
    return file.with_name(f"{file.name}.manifest.json")


def read(file: Path) -> Manifest:
    """The manifest in a file, its signature not yet looked at. Raises LedgerUnavailable."""
    with explained(file):
        try:
            whole = json.loads(file.read_text(encoding="utf-8"))
            said, key, signature = whole["manifest"], whole["key"], whole["signature"]
            if isinstance(said, dict):
                return Manifest(said, str(key), bytes.fromhex(signature))
        except (ValueError, KeyError, TypeError):
            pass
        raise LedgerUnavailable(f"{file}: not the manifest of an export")


class ExportsWriter:
    """The writing side of what left the ledger."""

    def __init__(self, submit: Submit, signer: Signer) -> None:
        self._submit = submit
        self._signer = signer

    def record(
        self,
        made: Export,
        *,
        file: str = "",
        rulebooks: Iterable[tuple[str, str]] = (),
    ) -> Future[Manifest]:
        """Records an export; resolves to the manifest of its file, which goes by the name `file`,
        and whose rows name these rulebooks (version and digest). Raises ValueError where nobody is
        named."""
        if not made.who.strip():
            raise ValueError("an export names who made it")
        return self._submit(lambda db: self._recorded(db, made, file, sorted(rulebooks)))

    def _recorded(
        self,
        db: sqlite3.Connection,
        made: Export,
        file: str,
        rulebooks: Sequence[tuple[str, str]],
    ) -> Manifest:
        export_id = new_id()
        checkpoints.register(db, self._signer, made.at)
        columns = vars(made) | {
            "at": micros(made.at),
            "chosen": canonical(made.chosen),
            "unmasked": int(made.unmasked),
            "whole": int(made.whole),
        }
        insert(db, "exports", export_id=export_id, **columns)
        link, head = db.execute("SELECT seq, hash FROM chain ORDER BY seq DESC LIMIT 1").fetchone()
        said = vars(made) | {
            "export_id": export_id,
            "at": made.at.isoformat(),
            "file": file,
            "rulebooks": [{"version": one, "digest": other} for one, other in rulebooks],
            "ledger": {"id": checkpoints.ledger_id(db).hex(), "link": link, "head": head.hex()},
        }
        signature = self._signer.signed(_WHAT, canonical(said))
        return Manifest(said, self._signer.key_id, signature)


class ExportsReader:
    """The reading side of what left the ledger."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def every(self) -> list[dict[str, Any]]:
        """All exports, oldest first."""
        return [dict(row) for row in self._rows("SELECT * FROM exports ORDER BY seq", [])]

    def of(self, manifest: Manifest) -> bool:
        """Whether the ledger tells of this very export, at the link the manifest names."""
        ledger = manifest.said.get("ledger", {})
        found = self._rows(
            "SELECT 1 FROM exports JOIN chain ON chain.of_table = 'exports' "
            "AND chain.of_row = exports.seq WHERE export_id = ? AND sha256 = ? AND chain.seq = ? "
            "AND chain.hash = ?",
            [
                str(manifest.said.get("export_id", "")),
                str(manifest.said.get("sha256", "")),
                int(ledger.get("link", -1)),
                bytes.fromhex(str(ledger.get("head", ""))),
            ],
        )
        return bool(found)
