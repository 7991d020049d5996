"""What a future said is on disk, whatever happens to the process afterwards."""

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from policy.ledger import Ledger, LedgerReader, connection
from tests.ledger.conftest import NOW, NUMBER, WAIT_S, asked, at_most

_GATEWAY = """
import sys
from pathlib import Path
from policy.ledger import Ledger
from tests.ledger.conftest import NOW, NUMBER, asked, at_most

ledger = Ledger.open(Path(sys.argv[1]), Path(sys.argv[2]))
for each in range(3):
    ledger.decide(asked(f"n{each}"), at_most(3), NOW).result()
ledger.suppress(NUMBER, source="refusal", now=NOW).result()
print("recorded", flush=True)
sys.stdin.read()
"""


def test_reservations_outlive_kill_9(ledger_file: Path, key_file: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _GATEWAY, str(ledger_file), str(key_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as gateway:
        try:
            assert gateway.stdout is not None
            assert gateway.stdout.readline() == "recorded\n"
        finally:
            gateway.send_signal(signal.SIGKILL)
    assert gateway.returncode == -signal.SIGKILL
    with LedgerReader.open(ledger_file, key_file) as reader:
        facts = reader.facts(NUMBER, "", NOW)
    assert (len(facts.attempts), len(facts.suppressions)) == (3, 1)
    with Ledger.open(ledger_file, key_file) as ledger:
        fourth = ledger.decide(asked("n4"), at_most(3), NOW).result(WAIT_S)
    assert not fourth.decision.allowed


def test_every_commit_waits_for_the_disk(ledger_file: Path, key_file: Path) -> None:
    keys = connection.make_files(ledger_file, key_file)
    with closing(connection.to_write(ledger_file, key_file, keys, busy_ms=500)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"


def test_another_reader_sees_it_as_soon_as_the_future_resolves(
    ledger: Ledger, ledger_file: Path, key_file: Path
) -> None:
    with LedgerReader.open(ledger_file, key_file) as reader:
        for each in range(20):
            ledger.decide(asked(f"n{each}"), at_most(99), NOW).result(WAIT_S)
            assert len(reader.facts(NUMBER, "", NOW).attempts) == each + 1
