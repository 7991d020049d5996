"""A ledger is made from nothing, opened again as it was, and by two at once."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from policy.ledger import Ledger, LedgerReader, facts, schema, version
from tests.ledger.conftest import NOW, NUMBER, WAIT_S, asked, at_most

_OPENS = """
import sys
from pathlib import Path
from policy.ledger import Ledger
from tests.ledger.conftest import NOW, asked, at_most

sys.stdin.read()
with Ledger.open(Path(sys.argv[1]), Path(sys.argv[2])) as ledger:
    ledger.decide(asked(sys.argv[3]), at_most(99), NOW).result()
"""


def test_from_nothing(ledger_file: Path, key_file: Path) -> None:
    assert not ledger_file.parent.exists()
    with Ledger.open(ledger_file, key_file) as ledger:
        assert ledger.decide(asked("n1"), at_most(1), NOW).result(WAIT_S).decision.allowed


def test_from_an_empty_file(ledger_file: Path, key_file: Path) -> None:
    ledger_file.parent.mkdir()
    ledger_file.touch()
    with Ledger.open(ledger_file, key_file) as ledger:
        assert ledger.decide(asked("n1"), at_most(1), NOW).result(WAIT_S).decision.allowed


def test_opened_again_it_is_as_it_was(ledger_file: Path, key_file: Path) -> None:
    with Ledger.open(ledger_file, key_file) as ledger:
        ledger.decide(asked("n1"), at_most(1), NOW).result(WAIT_S)
    before = _dump(ledger_file)
    key = key_file.read_bytes()
    Ledger.open(ledger_file, key_file).close()
    assert _dump(ledger_file) == before
    assert key_file.read_bytes() == key


def test_every_migration_is_counted(ledger_file: Path, key_file: Path) -> None:
    Ledger.open(ledger_file, key_file).close()
    with closing(sqlite3.connect(ledger_file)) as db:
        applied = schema.migrations.applied(Database(db))
    assert len(applied) == version.SCHEMA_VERSION


def test_an_up_to_date_ledger_opens_without_the_tools_that_make_it(
    ledger_file: Path, key_file: Path
) -> None:
    Ledger.open(ledger_file, key_file).close()
    opens = "; ".join(
        (
            "import sys",
            "from pathlib import Path",
            "from policy.ledger import Ledger",
            "Ledger.open(Path(sys.argv[1]), Path(sys.argv[2])).close()",
            "print({'sqlite_utils', 'numpy'} & set(sys.modules))",
        )
    )
    command = [sys.executable, "-c", opens, str(ledger_file), str(key_file)]
    assert subprocess.check_output(command, text=True) == "set()\n"


def test_two_processes_make_it_at_once(ledger_file: Path, key_file: Path) -> None:
    opening = [
        subprocess.Popen(
            [sys.executable, "-c", _OPENS, str(ledger_file), str(key_file), f"n{each}"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for each in range(2)
    ]
    for each in opening:
        assert each.stdin is not None
        each.stdin.close()
        each.stdin = None
    errors = [each.communicate(timeout=WAIT_S)[1].decode() for each in opening]
    assert [each.returncode for each in opening] == [0, 0], errors
    with LedgerReader.open(ledger_file, key_file) as reader:
        assert len(reader.facts(NUMBER, "", NOW).attempts) == 2


def test_a_decision_costs_the_same_however_large_the_ledger_is(
    ledger: Ledger, ledger_file: Path
) -> None:
    with closing(sqlite3.connect(ledger_file)) as db:
        for query in (facts._ATTEMPTS, facts._SUPPRESSIONS):
            names = {"number": b"", "customer": b"", "since": 0, "now": 0}
            steps = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query}", names)]
            assert steps
            assert not [each for each in steps if each.startswith("SCAN")], steps


def _dump(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as db:
        return list(db.iterdump())
