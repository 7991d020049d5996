"""Owns rotating the sealing key, and copies of a ledger: made while it is in use, signed, and taken
back.

Called by `log rotate-key`, `log backup` and `log restore`. A copy is good only with the key folder
of its day, which is kept elsewhere; one is put in place only when all of it is as it was written.
"""

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Final

from policy.ledger import auditing, checkpoints, connection, seal, signing
from policy.ledger.key_files import replace, sync_folder
from policy.ledger.moment import micros
from policy.ledger.rows import insert
from policy.ledger.unavailable import LedgerUnavailable, explained
from policy.ledger.verifying import last_link

_WHAT: Final = "callwarden backup 1"
_PATIENCE_MS: Final = 10_000


@dataclass(frozen=True)
class Manifest:
    """What lies beside a copy: which ledger it is of, up to which link, its SHA-256, signed."""

    ledger: str
    links: int
    head: str
    at: int
    size: int
    sha256: str
    key: str
    signature: str = ""

    @property
    def lines(self) -> tuple[str | int, ...]:
        said = asdict(self)
        del said["signature"]
        return (_WHAT, *said.values())


def rotate(file: Path, key_file: Path, who: str, now: datetime) -> str:
    """Has a fresh key seal what is written from now on; returns its name. What was sealed before
    stays readable with the same file. Raises LedgerUnavailable."""
    keys = connection.make_files(file, key_file)
    with explained(file), closing(connection.to_write(file, key_file, keys, _PATIENCE_MS)) as db:
        newest = seal.add_key(key_file).key_ids[-1]
        db.execute("BEGIN IMMEDIATE")
        insert(db, "sealing_keys", key_id=newest, at=micros(now), who=who)
        db.execute("COMMIT")
    return newest


def manifest_of(copy: Path) -> Path:
    return copy.with_name(f"{copy.name}.manifest.json")


def back_up(file: Path, key_file: Path, copy: Path, now: datetime) -> Manifest:
    """Copies the ledger as it is at this moment, while others write to it; the copy and its
    manifest have their names when they are whole and on disk. Raises LedgerUnavailable."""
    signer = signing.load(key_file)
    draft = copy.with_name(f".{copy.name}.{os.getpid()}.part")
    with explained(copy):
        try:
            source, _ = connection.to_read(file, key_file, _PATIENCE_MS)
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
            with closing(source), closing(sqlite3.connect(draft, isolation_level=None)) as into:
                source.backup(into)
                into.execute("PRAGMA journal_mode = DELETE")
                ledger_id, links = checkpoints.ledger_id(into), last_link(into)
                head = into.execute("SELECT hash FROM chain WHERE seq = ?", [links]).fetchone()[0]
            with draft.open("rb+") as written:
                os.fsync(written.fileno())
            unsigned = Manifest(
                ledger_id.hex(),
                links,
                head.hex(),
                micros(now),
                draft.stat().st_size,
                _digest(draft),
                signer.key_id,
            )
            made = Manifest(
                **asdict(unsigned) | {"signature": signer.signed(*unsigned.lines).hex()}
            )
            draft.replace(copy)
            content = json.dumps(asdict(made), indent=1).encode() + b"\n"
            replace(manifest_of(copy), content, 0o600)
        finally:
            draft.unlink(missing_ok=True)
    return made


def restore(copy: Path, file: Path, key_file: Path, now: datetime) -> tuple[Manifest, Path | None]:
    """Puts a copy in the ledger's place; returns its manifest and where the ledger lies now that
    was there, if one was. No gateway may run on it meanwhile: one that does refuses every call from
    then on, until it is started again.

    Raises LedgerUnavailable, and leaves everything as it is, when the copy is not what its manifest
    says, is not as it was written, or is another key's.
    """
    made = _manifest(copy, key_file)
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    with explained(file):
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            _copy(copy, draft)
            keys = seal.load(key_file)
            connection.to_write(draft, key_file, keys, _PATIENCE_MS).close()
            bad = auditing.audit(draft, signing.trusted(key_file)).bad
            if bad is not None:
                raise LedgerUnavailable(f"{copy}: the copy is not as it was written: {bad}")
            before = _put_aside(file, now)
            draft.replace(file)
            sync_folder(file.parent)
        finally:
            for each in draft.parent.glob(f"{draft.name}*"):
                each.unlink()
    return made, before


def _put_aside(file: Path, now: datetime) -> Path | None:
    if not file.exists():
        return None
    aside = file.with_name(f"{file.name}.before-{now:%Y%m%dT%H%M%SZ}")
    for ending in ("-wal", "-shm"):
        beside = file.with_name(file.name + ending)
        if beside.exists():
            beside.replace(aside.with_name(aside.name + ending))
    file.replace(aside)
    return aside


def _manifest(copy: Path, key_file: Path) -> Manifest:
    file = manifest_of(copy)
    with explained(file):
        try:
            made = Manifest(**json.loads(file.read_bytes()))
            signature = bytes.fromhex(made.signature)
        except (ValueError, TypeError):
            raise LedgerUnavailable(f"{file}: not the manifest of a backup") from None
        public = signing.trusted(key_file).get(made.key, b"")
        if not signing.is_signed(public, signature, *made.lines):
            raise LedgerUnavailable(
                f"{file}: not signed by a key beside {key_file}; restore the key folder first"
            )
        if copy.stat().st_size != made.size or _digest(copy) != made.sha256:
            raise LedgerUnavailable(f"{copy}: the copy is not the one that its manifest tells of")
    return made


def _copy(copy: Path, to: Path) -> None:
    """Through SQLite, which brings it back into the form of a ledger in use."""
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    source = sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    with closing(source), closing(sqlite3.connect(to)) as into:
        source.backup(into)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()
