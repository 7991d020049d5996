"""An erasure that is killed half-way: what it took is recorded, what it did not take is still
there, the ledger proves itself, and said again it takes the rest."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

from policy.ledger import Ledger, seal, signing
from policy.ledger.auditing import audit
from tests.ledger import second_verifier
from tests.ledger.box import Box
from tests.ledger.conftest import NOW, NUMBER, WAIT_S, asked, at_most

CALLS = 1600


def _left(box: Box) -> int:
    """Decisions on calls to the person that still bear his hash."""
    hashed = seal.load(box.files[1]).hashed("number", NUMBER)
    with closing(connect(box.files[0])) as db:
        found = db.execute("SELECT count(*) FROM decisions WHERE number_hash = ?", [hashed])
        return int(found.fetchone()[0])


def _erasures(box: Box) -> int:
    with closing(connect(box.files[0])) as db:
        return int(db.execute("SELECT count(*) FROM erasures").fetchone()[0])


def _whole(box: Box) -> bool:
    file, key_file = box.files
    bad = audit(file, signing.trusted(key_file), processes=1).bad
    return bad is None and not second_verifier.problems(file, signing.public_file(key_file))


def test_an_erasure_killed_half_way_goes_on_when_it_is_said_again(tmp_path: Path) -> None:
    box = Box(tmp_path)
    with Ledger.open(*box.files) as ledger:
        for index in range(CALLS):
            last = ledger.decide(asked(f"n{index}", NUMBER), at_most(0), NOW)
        last.result(WAIT_S)
    before = _left(box)
    assert before == CALLS
    words = ["log", "erase", "--number", NUMBER, "--why", "letter", "--yes"]
    command = [sys.executable, "-m", "callwarden.command", *words, "--config", str(box.config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as erasing:
        ends = time.monotonic() + 30
        while not _erasures(box):
            assert erasing.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.002)
        os.kill(erasing.pid, signal.SIGKILL)
    assert erasing.returncode == -signal.SIGKILL
    assert 0 < _left(box) < before
    assert _whole(box)
    again = box.run(*words)
    assert again.exit_code == 0, again.output
    assert _left(box) == 0
    assert _erasures(box) > 1
    assert _whole(box)
