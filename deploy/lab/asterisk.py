"""Owns the lab's Asterisk process: starting it, asking it, ending it.

Called by `Lab`. Asterisk counts as started once it has fully booted.
"""

import contextlib
import os
import subprocess
import time
from pathlib import Path
from typing import IO

from deploy.lab import process
from deploy.lab.rootfs import LabError, Rootfs

_BOOT_S = 30.0


class AsteriskProcess:
    """One Asterisk on the files that `configuration.write` made."""

    def __init__(self, rootfs: Rootfs, asterisk_conf: Path, process_group: int) -> None:
        self._rootfs = rootfs
        self._conf = asterisk_conf
        self._process_group = process_group
        self._folder = asterisk_conf.parent.parent
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when Asterisk has fully booted. Raises LabError with its last words."""
        with (self._folder / "log" / "console.log").open("ab") as console:
            self._process = self._run("-f", "-n", output=console)
        deadline = time.monotonic() + _BOOT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            if (self._folder / "run" / "asterisk.ctl").exists():
                with contextlib.suppress(LabError):
                    if "fully booted" in self.cli("core waitfullybooted"):
                        return
            time.sleep(0.05)
        self.kill()
        last_words = (self._folder / "log" / "console.log").read_text(errors="replace")[-2000:]
        raise LabError(f"Asterisk did not boot within {_BOOT_S:.0f} s:\n{last_words}")

    def cli(self, command: str) -> str:
        """What `asterisk -rx command` prints. Raises LabError where Asterisk does not answer."""
        asked = self._run("-rx", command, output=subprocess.PIPE)
        try:
            answer, _ = asked.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            asked.kill()
            asked.communicate()
            raise LabError(f"Asterisk does not answer `{command}` within 10 s") from None
        if asked.returncode != 0:
            raise LabError(f"Asterisk does not answer `{command}`: is it running?")
        return answer.decode(errors="replace")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Ends it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        (self._folder / "run" / "asterisk.ctl").unlink(missing_ok=True)

    def _run(self, *arguments: str, output: IO[bytes] | int) -> "subprocess.Popen[bytes]":
        return process.start(
            self._rootfs.asterisk("-C", str(self._conf), *arguments),
            output=output,
            cwd=self._folder,
            process_group=self._process_group,
            environment={
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": str(self._folder),
                "TERM": "dumb",
            },
        )
