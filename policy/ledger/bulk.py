"""Owns filling a ledger with a past: millions of attempts, do-not-call entries or findings in
minutes.

Called by what measures a large ledger (`callwarden bench gate`, `bench export`), on a fresh one
that nobody else has open. Not for a site's own data: it gives up durability while it runs, and
what it adds has no decisions behind it. Rows and indexes are those that the gate's own writes would
leave.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from policy.ledger import connection
from policy.ledger.export_kinds import KINDS, Form
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
_CALL = (
    "call_id",
    "decision_id",
    "number_hash",
    "number_sealed",
    "agent",
    "scene",
    "linkedid",
    "started_at",
)
_FINDING = (
    "call_id",
    "finding_id",
    "at",
    "rule",
    "pack",
    "title_zh",
    "title_en",
    "severity",
    "rulebook_version",
    "rulebook_digest",
    "leg",
    "start_s",
    "end_s",
    "matched",
    "confidence",
    "status",
    "raised_s",
    "words_sealed",
)
_FINDINGS_A_CALL = 5
_FOUND = (
    ("forbidden.guaranteed-return", "承诺保本保收益", "Promises principal or return", "critical"),
    ("threat.family", "威胁联系家人", "Threatens to contact relatives", "major"),
    ("disclosure.recording", "未告知录音", "Recording not announced", "minor"),
)
_HEARD = (
    ("这款产品保本保息没有任何风险您放心买", "zhe4 kuan3 chan3 pin3 bao3 ben3 bao3 xi1 mei2 you3"),
    ("再不还钱我们就联系你的家人和单位领导", "zai4 bu4 huan2 qian2 wo3 men5 jiu4 lian2 xi4 ni3"),
    ("您好我是客户经理给您介绍一下贷款业务", "nin2 hao3 wo3 shi4 ke4 hu4 jing1 li3 gei3 nin2"),
)
_YEAR_US = 365 * 86_400_000_000
_PLAIN = {
    Form.TIME: "INTEGER",
    Form.TEXT: "TEXT",
    Form.NAME: "TEXT",
    Form.SECONDS: "REAL",
    Form.COUNT: "INTEGER",
    Form.YES: "INTEGER",
}


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
    with _filling(file, key_file) as (db, keys):
        _add(db, "attempts", _ATTEMPT, _attempts(keys, attempts, now), told)
        _add(db, "suppressions", _SUPPRESSION, _entries(keys, suppressed, now), told)


def fill_findings(
    file: Path,
    key_file: Path,
    *,
    findings: int,
    now: datetime,
    told: Callable[[int], object] = lambda rows: None,
) -> None:
    """Makes the ledger, if absent, and adds that many findings on calls of a year, the last one at
    `now`: each with a sentence heard and those around it, every fifth of a call of its own. `told`
    hears how many more rows there are.

    Raises LedgerUnavailable; what is there then is of no use.
    """
    with _filling(file, key_file) as (db, keys):
        calls = -(-findings // _FINDINGS_A_CALL)
        _add(db, "calls", _CALL, _calls(keys, calls, now), told)
        _add(db, "findings", _FINDING, _findings(keys, findings, now), told)


@contextmanager
def _filling(file: Path, key_file: Path) -> Iterator[tuple[sqlite3.Connection, Seal]]:
    Ledger.open(file, key_file).close()
    keys = connection.make_files(file, key_file)
    with explained(file), closing(connection.to_write(file, key_file, keys, 500)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA cache_size = -262144")
        yield db, keys
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA synchronous = FULL")


def plain_copy(rows: Iterable[Sequence[Any]], kind: str, file: Path) -> None:
    """A database of one table, `kind`, that holds these rows in the columns of an export, nothing
    sealed: what an export is measured against."""
    columns = KINDS[kind].columns
    with closing(sqlite3.connect(file)) as db:
        listed = ", ".join(f"{each.name} {_PLAIN[each.form]}" for each in columns)
        db.execute(f"CREATE TABLE {kind} (seq INTEGER PRIMARY KEY, {listed})")
        places = ", ".join("?" * len(columns))
        db.executemany(f"INSERT INTO {kind} VALUES (NULL, {places})", rows)  # noqa: S608 - names of our own
        db.commit()


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


def _calls(keys: Seal, calls: int, now: datetime) -> Iterator[tuple[Any, ...]]:
    latest, step = micros(now), _YEAR_US // calls
    for index in range(calls):
        number = f"+86138{index:08}"
        hashed, sealed = keys.hashed("number", number), keys.sealed("number", number)
        call, began = f"past-{index:010}", latest - (calls - index) * step
        yield call, call, hashed, sealed, f"{1000 + index % 300}", "marketing.loan", call, began


def _findings(keys: Seal, findings: int, now: datetime) -> Iterator[tuple[Any, ...]]:
    latest, step, digest = micros(now), _YEAR_US // findings, "ab" * 32
    for index in range(findings):
        rule, title_zh, title_en, severity = _FOUND[index % len(_FOUND)]
        heard, pinyin = _HEARD[index % len(_HEARD)]
        before, _ = _HEARD[(index + 1) % len(_HEARD)]
        words = {"heard_text": heard, "heard_pinyin": pinyin, "before": before, "after": "嗯好的"}
        start_s = index % 600 + 0.25
        yield (
            f"past-{index // _FINDINGS_A_CALL:010}",
            f"{rule}-{index % _FINDINGS_A_CALL + 1}",
            latest - (findings - 1 - index) * step,
            rule,
            "base",
            title_zh,
            title_en,
            severity,
            "2026.1",
            digest,
            "agent",
            start_s,
            start_s + 2.5,
            heard[4:8],
            0.5 + index % 50 / 100,
            "certain",
            start_s + 3.0,
            keys.sealed_words(words),
        )
