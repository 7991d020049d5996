"""Writes handed in together share a transaction; each stands or falls alone, until the commit."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from policy.ledger import Ledger, LedgerUnavailable, chain, connection
from policy.ledger.writer import GroupWriter
from tests.ledger.conftest import NOW, WAIT_S, asked, at_most


class _Counted(sqlite3.Connection):
    commits = 0

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        self.commits += sql == "COMMIT"
        return super().execute(sql, *values)  # type: ignore[arg-type]  # as it was called


class _Held:
    """A writer that is busy with one write until `release`, so that others queue up behind it."""

    def __init__(self, ledger_file: Path, key_file: Path) -> None:
        keys = connection.make_files(ledger_file, key_file)
        connection.to_write(ledger_file, key_file, keys, 500).close()
        self.writer = GroupWriter(ledger_file, lambda: self._connect(ledger_file))
        self.writer.start()
        self._begun, self._go_on = threading.Event(), threading.Event()
        self.first = self.writer.submit(self._hold)
        assert self._begun.wait(WAIT_S)

    def _connect(self, ledger_file: Path) -> sqlite3.Connection:
        self.db = sqlite3.connect(ledger_file, isolation_level=None, factory=_Counted)
        self.db.execute("PRAGMA foreign_keys = ON")
        chain.install(self.db)
        return self.db

    def _hold(self, db: sqlite3.Connection) -> None:
        self._begun.set()
        assert self._go_on.wait(WAIT_S)

    def add(self, call_id: str) -> Future[None]:
        return self.writer.submit(lambda db: _add(db, call_id))

    def release(self) -> None:
        self._go_on.set()

    def recorded(self) -> list[str]:
        query = self.writer.submit(
            lambda db: db.execute("SELECT call_id FROM answers ORDER BY seq").fetchall()
        )
        return [call_id for (call_id,) in query.result(WAIT_S)]


def _add(db: sqlite3.Connection, call_id: str) -> None:
    db.execute("INSERT INTO answers (call_id, answered_at) VALUES (?, 0)", [call_id])


@pytest.fixture
def held(ledger_file: Path, key_file: Path) -> Iterator[_Held]:
    made = _Held(ledger_file, key_file)
    yield made
    made.release()
    made.writer.close()


def test_a_hundred_waiting_writes_are_one_commit(held: _Held) -> None:
    waiting = [held.add(f"call-{each}") for each in range(100)]
    assert not any(each.done() for each in waiting)
    held.release()
    for each in waiting:
        each.result(WAIT_S)
    commits = held.db.commits
    assert commits == 2, "the one that held, and the hundred behind it"


def test_a_write_that_fails_takes_back_its_own_rows_alone(held: _Held) -> None:
    def half(db: sqlite3.Connection) -> None:
        _add(db, "half")
        raise KeyError("the rest")

    before, broken, after = held.add("before"), held.writer.submit(half), held.add("after")
    held.release()
    before.result(WAIT_S)
    after.result(WAIT_S)
    with pytest.raises(KeyError):
        broken.result(WAIT_S)
    assert held.recorded() == ["before", "after"]


def test_a_commit_that_fails_fails_all_of_its_group(held: _Held) -> None:
    def spoil(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE owed (to_whom REFERENCES owed DEFERRABLE INITIALLY DEFERRED)")
        db.execute("INSERT INTO owed VALUES ('nobody')")

    group = [held.add("one"), held.writer.submit(spoil), held.add("two")]
    held.release()
    for each in group:
        with pytest.raises(LedgerUnavailable):
            each.result(WAIT_S)
    held.add("next").result(WAIT_S)
    assert held.recorded() == ["next"]


def test_who_gave_up_before_his_turn_leaves_nothing(held: _Held) -> None:
    given_up, kept = held.add("given up"), held.add("kept")
    assert given_up.cancel()
    held.release()
    kept.result(WAIT_S)
    assert held.recorded() == ["kept"]


def test_closing_records_what_was_handed_in(ledger_file: Path, key_file: Path) -> None:
    ledger = Ledger.open(ledger_file, key_file)
    futures = [ledger.decide(asked(f"n{each}"), at_most(99), NOW) for each in range(50)]
    ledger.close()
    assert all(each.done() and each.result().decision.allowed for each in futures)
    with pytest.raises(LedgerUnavailable, match="closed"):
        ledger.decide(asked("late"), at_most(99), NOW).result(WAIT_S)
    ledger.close()


def test_it_survives_being_forgotten_by_its_asker(ledger: Ledger) -> None:
    for each in range(10):
        ledger.decide(asked(f"n{each}"), at_most(99), NOW)
    last = ledger.decide(asked("last"), at_most(10), NOW).result(WAIT_S)
    assert not last.decision.allowed
