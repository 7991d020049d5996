"""A ledger is made from nothing, opened again as it was, by two at once, and brought up to date."""

import gzip
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from policy.ledger import (
    Ledger,
    LedgerReader,
    LedgerUnavailable,
    facts,
    signing,
    tables,
    version,
)
from policy.ledger.auditing import audit
from policy.ledger.export_kinds import KINDS
from tests.ledger.conftest import CUSTOMER, NOW, NUMBER, WAIT_S, asked, at_most
from tests.ledger.one_call import NOTE

_OLDER = Path(__file__).parent / "older"

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
        applied = tables.migrations.applied(Database(db))
    assert len(applied) == version.SCHEMA_VERSION
    names = [each.name for each in applied]
    assert names[6:] == sorted(names)[6:], "all before the chain are applied before it"


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
        for counts in ((1, 0, 0, 0), (1, 1, 1, 0), (2, 1, 1, 4)):
            query = f"EXPLAIN QUERY PLAN {facts._query(counts)}"
            steps = [row[3] for row in db.execute(query, [b""] * (1 + sum(counts)))]
            assert [each for each in steps if each.startswith("SEARCH attempts")]
            assert not [each for each in steps if each.startswith("SCAN")], steps


@pytest.fixture(params=sorted(each.stem for each in _OLDER.glob("*.key")))
def older(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """A ledger that an older Callwarden made, with its key: a call to a customer, one to his other
    number, an unsettled one, and two do-not-call entries."""
    file, key_file = tmp_path / "ledger.sqlite3", tmp_path / "ledger.key"
    file.write_bytes(gzip.decompress((_OLDER / f"{request.param}.sqlite3.gz").read_bytes()))
    key_file.write_bytes((_OLDER / f"{request.param}.key").read_bytes())
    key_file.chmod(0o600)
    return file, key_file


def test_an_older_ledger_is_brought_up_to_date_once(older: tuple[Path, Path]) -> None:
    with pytest.raises(LedgerUnavailable, match="an older Callwarden made this ledger"):
        LedgerReader.open(*older)
    Ledger.open(*older).close()
    after = _dump(older[0])
    Ledger.open(*older).close()
    assert _dump(older[0]) == after
    with closing(sqlite3.connect(older[0])) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    audited = audit(older[0], signing.trusted(older[1]), processes=1)
    assert audited.bad is None
    assert audited.links > 10


def test_what_an_older_ledger_knew_is_known(older: tuple[Path, Path]) -> None:
    Ledger.open(*older).close()
    with LedgerReader.open(*older) as reader:
        of_number = reader.facts(NUMBER, "", NOW)
        unsettled = reader.facts("+8613700137000", "", NOW)
        decision = reader.decision_by_nonce("n1")
        exported = {kind: len(list(reader.export(kind))) for kind in KINDS}
        (refusal, manual) = reader.suppressions()
    # By the number alone: the customer's other number is known from the calls made with his id.
    assert [(each.connected, each.same_number) for each in of_number.attempts] == [
        (True, True),
        (False, False),
    ]
    assert [each.source for each in of_number.suppressions] == ["refusal"]
    assert [(each.connected, each.ended_at) for each in unsettled.attempts] == [(None, None)]
    assert [each.until for each in unsettled.suppressions] == [NOW + timedelta(days=30)]
    assert decision is not None
    assert decision.request == asked("n1", NUMBER, CUSTOMER, "pbx-1.1")
    assert exported == {
        "violations": 1,
        "decisions": 4,
        "shadow": 0,
        "shadow-findings": 0,
        "bypasses": 0,
        "calls": 1,
        "suppressions": 2,
        "coverage": 1,
    }
    assert (refusal.number, refusal.customer, refusal.note) == (NUMBER, CUSTOMER, NOTE)
    assert manual.release is None


def _dump(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as db:
        return list(db.iterdump())
