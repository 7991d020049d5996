"""A real disk that is full, or that the system has made read-only, refuses; freed, it records.

The disk is a tmpfs in a mount namespace of its own, so no privilege is needed where the system
lets users have namespaces; where it does not, a limit on the size of files stands in for it.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ON_A_SMALL_DISK = """
import os, subprocess, sys
from pathlib import Path
from policy.ledger import Ledger, LedgerUnavailable
from tests.ledger.conftest import NOW, asked, at_most

disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=True)
ledger = Ledger.open(disk / "ledger.sqlite3", disk / "ledger.key")

def decide(nonce):
    try:
        return ledger.decide(asked(nonce), at_most(10**9), NOW).result(10).decision.verdict.value
    except LedgerUnavailable as error:
        return str(error)

print(decide("fresh"))
with open(disk / "filler", "wb") as filler:
    try:
        while True:
            os.write(filler.fileno(), bytes(4096))
    except OSError:
        pass
answers = [decide(f"full {each}") for each in range(200)]
allowed = answers.count("ALLOW")
print(next(each for each in answers if each != "ALLOW"))
(disk / "filler").unlink()
print(decide("freed"))
seen = []
def look(facts):
    seen.append(len(facts.attempts))
    return at_most(0)(facts)
ledger.decide(asked("count"), look, NOW).result(10)
print(seen[0] == allowed + 2)
ledger.close()
subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
try:
    Ledger.open(disk / "ledger.sqlite3", disk / "ledger.key")
except LedgerUnavailable as error:
    print(error)
"""

_WITH_FILES_LIMITED = """
import resource, signal, sys
from pathlib import Path
from policy.ledger import Ledger, LedgerUnavailable
from tests.ledger.conftest import NOW, asked, at_most

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
disk = Path(sys.argv[1])
ledger = Ledger.open(disk / "ledger.sqlite3", disk / "ledger.key")

def decide(nonce):
    try:
        return ledger.decide(asked(nonce), at_most(10**9), NOW).result(10).decision.verdict.value
    except LedgerUnavailable as error:
        return str(error)

print(decide("fresh"))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
print(decide("no room"))
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
print(decide("room again"))
ledger.close()
"""


def test_a_full_and_a_read_only_disk(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "true"], check=False).returncode:
        pytest.skip("no mount namespaces here: a full disk cannot be made")
    told = _run([unshare, "-rm", sys.executable, "-c", _ON_A_SMALL_DISK, str(tmp_path)])
    fresh, full, freed, counted, read_only = told
    assert (fresh, freed) == ("ALLOW", "ALLOW")
    assert "the disk is full; free space" in full
    assert "read-only" in read_only
    assert counted == "True", "what was allowed counts, what was refused does not"


def test_a_disk_that_fails_to_write(tmp_path: Path) -> None:
    fresh, no_room, room_again = _run([sys.executable, "-c", _WITH_FILES_LIMITED, str(tmp_path)])
    assert (fresh, room_again) == ("ALLOW", "ALLOW")
    assert str(tmp_path / "ledger.sqlite3") in no_room
    assert "the disk failed" in no_room


def _run(command: list[str]) -> list[str]:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()
