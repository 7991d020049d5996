"""Nothing recorded can be changed or taken away, not even by a statement of our own."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from policy.ledger import Ledger, chain
from tests.ledger.conftest import NOW, NUMBER, WAIT_S, asked, at_most
from tests.ledger.full import fill
from tests.ledger.one_call import record_one_call


@pytest.fixture
def full_ledger(ledger_file: Path, key_file: Path) -> Path:
    fill(ledger_file, key_file)
    return ledger_file


def _tables(db: sqlite3.Connection) -> list[str]:
    listed = db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_sqlite*'"
    )
    return [name for (name,) in listed]


def test_every_table_refuses_change_and_removal(full_ledger: Path) -> None:
    with closing(sqlite3.connect(full_ledger)) as db:
        tables = _tables(db)
        assert tables
        for table in tables:
            found = db.execute(f"SELECT 1 FROM {table}").fetchall()  # noqa: S608 - a listed name
            assert found, f"{table} is empty"
            for statement in (f"UPDATE {table} SET seq = seq", f"DELETE FROM {table}"):  # noqa: S608 - a listed name
                with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                    db.execute(statement)


def test_a_row_cannot_be_replaced_either(full_ledger: Path, key_file: Path) -> None:
    with closing(sqlite3.connect(full_ledger)) as db:
        db.execute("PRAGMA recursive_triggers = ON")
        chain.install(db)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute("REPLACE INTO answers SELECT * FROM answers")


def test_what_is_said_again_of_a_call_changes_nothing(full_ledger: Path, key_file: Path) -> None:
    with closing(sqlite3.connect(full_ledger)) as db:
        before = list(db.iterdump())
    with Ledger.open(full_ledger, key_file) as ledger:
        ledger.answer_call("n1", NOW.replace(year=2030)).result(WAIT_S)
        ledger.end_call("n1", NOW.replace(year=2030), 1.0, 31).result(WAIT_S)
    with closing(sqlite3.connect(full_ledger)) as db:
        assert list(db.iterdump()) == before


def test_a_suppression_is_never_undone_by_what_follows(ledger: Ledger) -> None:
    ledger.suppress(NUMBER, source="refusal", now=NOW, provisional=True).result(WAIT_S)
    record_one_call(ledger)
    assert not ledger.decide(asked("next"), at_most(99), NOW).result(WAIT_S).decision.allowed
