"""Whatever way a lab ends, nothing of it runs and nothing of it is on disk afterwards."""

import os
import pwd
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from callwarden.settings import load
from deploy.lab import Lab

_ROOT = Path(__file__).resolve().parent.parent.parent


def _running(folder: str) -> dict[str, str]:
    """Command lines that name `folder`, and whose they are."""
    owners = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ")
            owners[line.decode(errors="replace")] = process.owner()
        except OSError:  # it ended meanwhile
            continue
    return {line: owner for line, owner in owners.items() if folder in line}


def _eventually(condition: Callable[[], bool], timeout_s: float = 5) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_two_labs_side_by_side_then_none() -> None:
    with Lab.start() as one, Lab.start() as other:
        assert one.addresses.sip != other.addresses.sip
        for lab in (one, other):
            assert "Asterisk 22." in lab.cli("core show version")
            assert _running(str(lab.folder))
        one.call("110", talk_s=30).wait_answered()
        assert [each.number for each in one.invites()] == ["110"]
        assert other.invites() == []
    for lab in (one, other):
        assert not lab.folder.exists()
        assert _running(str(lab.folder)) == {}


def test_an_exception_ends_it_and_what_was_spawned_in_it() -> None:
    lab = Lab.start()
    spawned = lab.spawn(["sleep", "60"], "sleep.log")
    with pytest.raises(ZeroDivisionError), lab:
        lab.asterisk_pid / 0
    assert spawned.returncode == -signal.SIGKILL
    assert not lab.folder.exists()
    assert _running(str(lab.folder)) == {}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_it(how: signal.Signals) -> None:
    """Also where the tests were started with SIGINT ignored, as a shell starts what it puts into
    the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.lab", "run"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        assert process.stdout is not None
        folder = re.search(r"in (/\S+/callwarden-lab-\S+)", process.stdout.readline())
        assert folder is not None
        assert _eventually(lambda: Path(folder.group(1), "callwarden.yaml").is_file())
        process.send_signal(how)
        process.wait(30)
        assert _eventually(lambda: not Path(folder.group(1)).exists())
        assert _eventually(lambda: not _running(folder.group(1)))
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_asterisk_and_sipp_are_never_root(lab: Lab) -> None:
    lab.call("110", talk_s=0.5).wait_answered()
    owners = {
        program: {owner for line, owner in _running(str(lab.folder)).items() if program in line}
        for program in ("/asterisk -C", "sipp -sf")
    }
    expected = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    assert owners == {"/asterisk -C": {expected}, "sipp -sf": {expected}}


def test_its_settings_are_settings(lab: Lab) -> None:
    settings = load(lab.write_settings(gate={"deadline_ms": 500}, locale="en"))
    assert settings.gate.listen == f"127.0.0.1:{lab.addresses.gate}"
    assert settings.gate.deadline_ms == 500
    assert settings.ledger_file.is_relative_to(lab.folder)
    assert settings.asterisk.ari_url.endswith(str(lab.addresses.http))
