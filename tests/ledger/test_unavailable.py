"""A ledger that cannot be used says what is wrong, where and what to do; and nothing is allowed."""

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from policy.ledger import Ledger, LedgerReader, LedgerUnavailable, seal
from tests.ledger.conftest import NOW, NUMBER, WAIT_S, asked, at_most


def test_another_ledgers_key(ledger_file: Path, key_file: Path) -> None:
    Ledger.open(ledger_file, key_file).close()
    key_file.unlink()
    seal.make_key(key_file)
    for opening in (Ledger.open, LedgerReader.open):
        with pytest.raises(LedgerUnavailable, match=r"not the key of .*restore"):
            opening(ledger_file, key_file)


def test_a_lost_key_is_not_replaced(ledger_file: Path, key_file: Path) -> None:
    Ledger.open(ledger_file, key_file).close()
    key_file.unlink()
    for opening in (Ledger.open, LedgerReader.open):
        with pytest.raises(LedgerUnavailable, match=r"key is missing; restore"):
            opening(ledger_file, key_file)
    assert not key_file.exists()


def test_a_key_cut_short(ledger_file: Path, key_file: Path) -> None:
    Ledger.open(ledger_file, key_file).close()
    key_file.write_bytes(b"short")
    with pytest.raises(LedgerUnavailable, match=r"it has 5 bytes, not 32"):
        Ledger.open(ledger_file, key_file)


def test_a_key_that_everybody_can_read(ledger_file: Path, key_file: Path) -> None:
    Ledger.open(ledger_file, key_file).close()
    key_file.chmod(0o644)
    with pytest.raises(LedgerUnavailable, match="chmod 600"):
        Ledger.open(ledger_file, key_file)


def test_a_file_that_is_no_database(ledger_file: Path, key_file: Path) -> None:
    seal.make_key(key_file)
    ledger_file.parent.mkdir()
    ledger_file.write_text("not a database\n" * 1000)
    for opening in (Ledger.open, LedgerReader.open):
        with pytest.raises(LedgerUnavailable, match=r"not a ledger; move the file away"):
            opening(ledger_file, key_file)
    assert ledger_file.read_text().startswith("not a database")


def test_another_programs_database(ledger_file: Path, key_file: Path) -> None:
    seal.make_key(key_file)
    ledger_file.parent.mkdir()
    with closing(sqlite3.connect(ledger_file)) as db:
        db.execute("CREATE TABLE cdr (src, dst)")
    for opening in (Ledger.open, LedgerReader.open):
        with pytest.raises(LedgerUnavailable, match="another program's database"):
            opening(ledger_file, key_file)


def test_a_ledger_made_by_a_newer_version(ledger_file: Path, key_file: Path) -> None:
    Ledger.open(ledger_file, key_file).close()
    with closing(sqlite3.connect(ledger_file)) as db:
        db.execute("PRAGMA user_version = 999")
    for opening in (Ledger.open, LedgerReader.open):
        with pytest.raises(LedgerUnavailable, match=r"newer Callwarden .*version 999"):
            opening(ledger_file, key_file)


def test_no_ledger_to_read(ledger_file: Path, key_file: Path) -> None:
    with pytest.raises(LedgerUnavailable, match=r"no ledger; start the gateway"):
        LedgerReader.open(ledger_file, key_file)
    assert not ledger_file.exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(LedgerUnavailable, match=r"state.*make it usable"):
        Ledger.open(tmp_path / "state" / "ledger.sqlite3", tmp_path / "ledger.key")


def _refused(ledger: Ledger, nonce: str) -> str:
    """What the gate is told; it must be told within its deadline."""
    asked_at = time.monotonic()
    with pytest.raises(LedgerUnavailable) as refusal:
        ledger.decide(asked(nonce), at_most(99), NOW).result(WAIT_S)
    assert time.monotonic() - asked_at < 1.0
    assert NUMBER[3:] not in str(refusal.value)
    return str(refusal.value)


def test_read_only_while_in_use(ledger: Ledger, ledger_file: Path) -> None:
    assert ledger.decide(asked("n1"), at_most(99), NOW).result(WAIT_S).decision.allowed
    ledger_file.chmod(0o400)
    told = _refused(ledger, "n2")
    assert str(ledger_file) in told
    assert "read-only" in told
    ledger_file.chmod(0o600)
    assert ledger.decide(asked("n3"), at_most(99), NOW).result(WAIT_S).decision.allowed


def test_removed_while_in_use(ledger: Ledger, ledger_file: Path) -> None:
    aside = ledger_file.with_name("aside")
    ledger_file.rename(aside)
    assert "removed or replaced" in _refused(ledger, "n1")
    shutil.copy(aside, ledger_file)
    assert "removed or replaced" in _refused(ledger, "n2"), "a copy is not what we write to"
    aside.replace(ledger_file)
    assert ledger.decide(asked("n3"), at_most(1), NOW).result(WAIT_S).decision.allowed


_HOLDS_THE_LOCK = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
db.execute("ROLLBACK")
"""


@contextmanager
def _locked_by_another_process(file: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS_THE_LOCK, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        yield


def test_locked_by_another_process(ledger: Ledger, ledger_file: Path) -> None:
    with _locked_by_another_process(ledger_file):
        told = _refused(ledger, "n1")
        assert "another process has locked the ledger" in told
        assert "fuser" in told
    assert ledger.decide(asked("n2"), at_most(1), NOW).result(WAIT_S).decision.allowed


def test_it_opens_and_reads_while_locked(ledger_file: Path, key_file: Path) -> None:
    Ledger.open(ledger_file, key_file).close()
    with _locked_by_another_process(ledger_file):
        with LedgerReader.open(ledger_file, key_file) as reader:
            assert reader.facts(NUMBER, "", NOW).attempts == ()
        with Ledger.open(ledger_file, key_file) as ledger:
            _refused(ledger, "n1")
