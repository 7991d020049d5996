"""Owns what `callwarden bench ledger` measures on ledgers of its own: checking one beside a plain
SHA-256 over the same bytes, and writing findings beside bare SQLite.

Both sides of a pair work on the same rows, in turns.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from itertools import islice
from pathlib import Path
from typing import Any, Final

from policy.identity import RulebookIdentity, Title
from policy.ledger import auditing, chain, connection, signing
from policy.ledger.ledger import Ledger
from policy.ledger.rows import statement
from policy.ledger.writer import GROUP_BESIDE
from policy.speech.finding import Finding, FindingStatus, Severity
from policy.speech.utterance import Leg

_RULEBOOK: Final = RulebookIdentity("2026.1", "ab" * 32)
_AT_ONCE: Final = 20_000
_AT: Final = 1_772_600_000_000_000

_DECISION: Final = (
    "decision_id, nonce, at, verdict, reasons, rulebook_version, rulebook_digest, number_hash, "
    "number_sealed, customer_hash, customer_sealed, region, scene, agent, linkedid"
)
_ATTEMPT: Final = "decision_id, nonce, reserved_at, number_hash, customer_hash, scene, linkedid"
_FINDING: Final = (
    "call_id, finding_id, at, rule, pack, title_zh, title_en, severity, rulebook_version, "
    "rulebook_digest, leg, start_s, end_s, matched, confidence, status, raised_s, words_sealed"
)


def fill(
    file: Path, key_file: Path, rows: int, told: Callable[[int], object] = lambda rows: None
) -> None:
    """A ledger of so many rows: of five, two decisions, two attempts and a finding."""
    keys = connection.make_files(file, key_file)
    with closing(connection.to_write(file, key_file, keys, 500)) as db:
        db.execute("PRAGMA synchronous = OFF")
        for table, columns, made, share in (
            ("decisions", _DECISION, _decisions(), 2),
            ("attempts", _ATTEMPT, _attempts(), 2),
            ("findings", _FINDING, _findings(), 1),
        ):
            left, add = rows * share // 5, statement(table, tuple(columns.split(", ")))
            while left:
                some = list(islice(made, min(left, _AT_ONCE)))
                db.execute("BEGIN IMMEDIATE")
                db.executemany(add, some)
                db.execute("COMMIT")
                left -= len(some)
                told(len(some))
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def verify_s(file: Path, key_file: Path, processes: int) -> float:
    """Seconds in which all of it was checked."""
    began = time.perf_counter()
    audited = auditing.audit(file, signing.trusted(key_file), processes=processes)
    took = time.perf_counter() - began
    if audited.bad is not None:
        raise RuntimeError(str(audited.bad))
    return took


def read_and_hash_s(file: Path) -> float:
    """Seconds in which the same rows and their links were read and went through one SHA-256."""
    with closing(_reading(file)) as db:
        tables = [*chain.tables(db), "chain"]
        began, digest = time.perf_counter(), sha256()
        for table in tables:
            for row in db.execute(f"SELECT * FROM {table} ORDER BY seq"):  # noqa: S608 - a listed name
                digest.update(repr(row).encode())
        return time.perf_counter() - began


def file_hash_s(file: Path) -> float:
    """Seconds of SHA-256 over the ledger's file as it lies on the disk."""
    began = time.perf_counter()
    with file.open("rb") as content:
        file_digest(content, "sha256")
    return time.perf_counter() - began


def memory_hash_s(file: Path) -> float:
    """Seconds of one SHA-256 over what is hashed of the rows, ready in memory."""
    with closing(_reading(file)) as db:
        shapes = [chain.shape(db, each) for each in chain.tables(db)]
        size = sum(
            len(chain.public_part(made.table, row[: len(made.public)]))
            + sum(len(each) + 4 for each in row[len(made.public) :] if each is not None)
            for made in shapes
            for row in db.execute(f"SELECT {made.read} FROM {made.table}")  # noqa: S608 - a listed name
        )
    content = bytes(1 << 20)
    began, digest = time.perf_counter(), sha256()
    for _ in range(size >> 20):
        digest.update(content)
    return time.perf_counter() - began


def findings_per_s(folder: Path, count: int) -> float:
    """Findings recorded a second, each on disk when its future resolves, handed in at once."""
    with Ledger.open(folder / "ledger.sqlite3", folder / "ledger.key") as ledger:
        found, now = _finding(), datetime.now(UTC)
        began = time.perf_counter()
        futures = [ledger.add_finding(f"call-{each}", found, now) for each in range(count)]
        for each in futures:
            each.result()
        return count / (time.perf_counter() - began)


def bare_per_s(folder: Path, count: int) -> float:
    """The same rows into a table with the same columns and indexes by SQLite alone, as many in a
    transaction, each on disk at its commit."""
    with Ledger.open(folder / "form.sqlite3", folder / "form.key"):
        pass
    with closing(sqlite3.connect(folder / "form.sqlite3")) as form:
        made = form.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = 'findings' AND type <> 'trigger'"
        ).fetchall()
    with closing(sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        for (each,) in made:
            db.execute(each)
        columns, rows = _FINDING.split(", "), _findings()
        add = statement("findings", tuple(columns))
        began = time.perf_counter()
        for _ in range(0, count, GROUP_BESIDE):
            db.execute("BEGIN IMMEDIATE")
            for row in islice(rows, GROUP_BESIDE):
                db.execute(add, row)
            db.execute("COMMIT")
        return count / (time.perf_counter() - began)


def _reading(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)


def _finding() -> Finding:
    return Finding(
        finding_id="forbidden.guaranteed-return-1",
        rule="forbidden.guaranteed-return",
        pack="base",
        title=Title("承诺保本保收益", "Promises principal or return"),
        severity=Severity.CRITICAL,
        rulebook=_RULEBOOK,
        leg=Leg.AGENT,
        start_s=3.25,
        end_s=5.5,
        heard_text="保本保息绝对没有风险",
        heard_pinyin="bao3 ben3 bao3 xi1 jue2 dui4 mei2 you3 feng1 xian3",
        matched="保本",
        confidence=0.93,
        status=FindingStatus.PROVISIONAL,
        raised_s=6.0,
        before="这个产品您放心",
        after="",
    )


def _decisions() -> Iterator[tuple[Any, ...]]:
    for each in range(1 << 40):
        nonce = f"1772600000.{each}-7c9e"
        yield (
            *(f"019d1c9e8a4b7{each:019}", nonce, _AT + each, "ALLOW", "[]"),
            *(_RULEBOOK.version, _RULEBOOK.digest),
            *(os.urandom(16), os.urandom(42), os.urandom(16), os.urandom(40)),
            *("CN", "marketing.loan", "1001", nonce),
        )


def _attempts() -> Iterator[tuple[Any, ...]]:
    for each in range(1 << 40):
        nonce = f"1772600000.{each}-7c9e"
        named = os.urandom(16), os.urandom(16)
        yield f"019d1c9e8a4b7{each:019}", nonce, _AT + each, *named, "marketing.loan", nonce


def _findings() -> Iterator[tuple[Any, ...]]:
    found = _finding()
    for each in range(1 << 40):
        yield (
            *(f"call-{each}", found.finding_id, _AT + each, found.rule, found.pack),
            *(found.title.zh, found.title.en, found.severity.value),
            *(_RULEBOOK.version, _RULEBOOK.digest, found.leg.value),
            *(found.start_s, found.end_s, found.matched, found.confidence),
            *(found.status.value, found.raised_s, os.urandom(220)),
        )
