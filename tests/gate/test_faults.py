"""What breaks beneath the gate: a clock that steps back, a disk that is full."""

import asyncio
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.lab.numbers import open_now
from tests.gate.at_the_gate import gate


async def test_a_clock_that_steps_back_an_hour_forgets_no_call(tmp_path: Path) -> None:
    """Neither the calls counted nor the refusal heard before it stepped."""
    clock = [datetime.now(UTC)]
    number, refusing = open_now(1), open_now(2)
    async with gate(tmp_path, now=lambda: clock[0]) as parts:
        for nonce in ("n-1", "n-2", "n-3"):
            assert (await parts.ask(number, nonce=nonce)).allowed
        refused = (await parts.ask(number, nonce="n-4")).rule
        suppressed = parts.ledger.current.suppress(refusing, source="refusal", now=clock[0])
        await asyncio.wrap_future(suppressed)
        clock[0] -= timedelta(hours=1)
        heard = await parts.ask(number, nonce="n-5")
        assert (heard.verdict, heard.rule) == ("DENY:n-5", refused)
        heard = await parts.ask(refusing, nonce="n-6")
        assert (heard.verdict, heard.rule) == ("DENY:n-6", "house.refused")
        assert (await parts.ask(open_now(3), nonce="n-7")).allowed
        assert (parts.tally.decisions_today, parts.tally.denials_today) == (7, 3)
        clock[0] += timedelta(hours=1)
        assert (await parts.ask(number, nonce="n-8")).rule == refused


_ON_A_SMALL_DISK = """
import asyncio, os, subprocess, sys
from pathlib import Path
from deploy.lab.numbers import open_now
from tests.gate.at_the_gate import gate

disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=True)

async def main():
    async with gate(disk) as parts:
        async def asked(at):
            heard = await parts.ask(open_now(at), nonce=f"n-{at}")
            return heard.verdict.split(":")[0], heard.rule
        print("fresh", *await asked(0))
        with open(disk / "filler", "wb") as filler:
            try:
                while True:
                    os.write(filler.fileno(), bytes(4096))
            except OSError:
                pass
        answers = [await asked(at) for at in range(1, 120)]
        print("last", *answers[-1])
        print("health", parts.health.part("ledger").status.name)
        print("help", (await parts.ask("120", nonce="help")).verdict)
        first = next(at for at, each in enumerate(answers) if each[0] != "ALLOW")
        print("turned", all(each[0] == "DENY" for each in answers[first:]))
        (disk / "filler").unlink()
        print("freed", *await asked(999))
        print("healthy", parts.health.part("ledger").status.name)

asyncio.run(main())
"""


def test_a_full_disk_refuses_until_there_is_room_again(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "true"], check=False).returncode:
        pytest.skip("no mount namespaces here: a full disk cannot be made")
    command = [unshare, "-rm", sys.executable, "-c", _ON_A_SMALL_DISK, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    told = dict(line.split(" ", 1) for line in ended.stdout.splitlines() if line[0].isalpha())
    assert told == {
        "fresh": "ALLOW ",
        "last": "DENY gate.ledger-unavailable",
        "health": "DOWN",
        "help": "ALLOW:help",
        "turned": "True",
        "freed": "ALLOW ",
        "healthy": "OK",
    }
