"""A gateway killed at a random moment of two thousand reservations: nobody is called more often
than his limit, nothing that was allowed is missing, and the ledger opens clean. Half of the calls
are asked for by a clock that was stepped back an hour."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import Future
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from sqlite3 import connect

import pytest

from policy.ledger import Decided, Ledger, signing
from policy.ledger.auditing import audit
from tests.ledger.conftest import NOW, WAIT_S, asked, at_most

CALLS, CUSTOMERS, LIMIT = 2000, 500, 3

_GATEWAY = """
import os, random, sys
from pathlib import Path
from policy.ledger import Decided, Ledger, signing
from policy.ledger.auditing import audit
from tests.ledger.test_killed import CALLS, reserve

ledger = Ledger.open(Path(sys.argv[1]), Path(sys.argv[2]))
def tell(nonce, decided):
    if decided.result().attempt_id:
        os.write(1, f"{nonce}\\n".encode())
order = list(range(CALLS))
random.Random(int(sys.argv[3])).shuffle(order)
for index in order:
    nonce, decided = reserve(ledger, index, sys.argv[3])
    decided.add_done_callback(lambda decided, nonce=nonce: tell(nonce, decided))
ledger.close()
"""


def reserve(ledger: Ledger, index: int, run: str) -> tuple[str, Future[Decided]]:
    """The nonce, and the future of the decision on a call to one of the customers."""
    nonce = f"{run}-{index}"
    now = NOW - timedelta(hours=1) * (index % 2)
    number = f"+861380013{index % CUSTOMERS:04}"
    return nonce, ledger.decide(asked(nonce, number), at_most(LIMIT), now)


def _killed(files: tuple[Path, Path], seed: int) -> set[str]:
    """Runs the gateway and kills it after some of its answers; returns the nonces it allowed."""
    command = [sys.executable, "-c", _GATEWAY, *map(str, files), str(seed)]
    said = b""
    enough = random.Random(seed).randrange(1, CUSTOMERS * LIMIT * 12)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as gateway:
        assert gateway.stdout is not None
        while len(said) < enough and (more := os.read(gateway.stdout.fileno(), 4096)):
            said += more
        gateway.send_signal(signal.SIGKILL)
        said += gateway.stdout.read()
    assert gateway.returncode in (0, -signal.SIGKILL)
    return set(said.decode().split("\n")[:-1])


def _kept(files: tuple[Path, Path], seeds: range) -> None:
    allowed: set[str] = set()
    for seed in seeds:
        allowed |= _killed(files, seed)
        Ledger.open(*files).close()
        with closing(connect(files[0])) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert audit(files[0], signing.trusted(files[1]), processes=1).bad is None
            rows = db.execute("SELECT nonce, number_hash FROM attempts").fetchall()
            decided = db.execute("SELECT nonce FROM decisions WHERE verdict = 'ALLOW'").fetchall()
        assert allowed <= {nonce for nonce, _ in rows}, "an ALLOW was answered and is missing"
        assert {nonce for nonce, _ in rows} == {nonce for (nonce,) in decided}
        assert max(Counter(number for _, number in rows).values()) <= LIMIT
    with Ledger.open(*files) as ledger:
        for index in range(CALLS):
            reserve(ledger, index, "last")
    with closing(connect(files[0])) as db:
        calls = Counter(number for (number,) in db.execute("SELECT number_hash FROM attempts"))
    assert set(calls.values()) == {LIMIT}
    assert len(calls) == CUSTOMERS


def test_killed_three_times(ledger_file: Path, key_file: Path) -> None:
    _kept((ledger_file, key_file), range(3))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(50))
def test_killed_fifty_times(ledger_file: Path, key_file: Path, seed: int) -> None:
    _kept((ledger_file, key_file), range(seed * 3, seed * 3 + 3))


def test_another_process_holds_the_lock_while_calls_come(ledger_file: Path, key_file: Path) -> None:
    with (
        Ledger.open(ledger_file, key_file, busy_ms=100) as ledger,
        closing(connect(ledger_file, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        waiting = [reserve(ledger, index, "locked")[1] for index in range(50)]
        for each in waiting:
            assert each.exception(WAIT_S) is not None
        other.execute("ROLLBACK")
        for index in range(CALLS):
            reserve(ledger, index, "free")
    with closing(connect(ledger_file)) as db:
        calls = Counter(number for (number,) in db.execute("SELECT number_hash FROM attempts"))
    assert set(calls.values()) == {LIMIT}
