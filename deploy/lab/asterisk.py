"""Owns the lab's Asterisk process: starting it, asking it, ending it.

Called by `Lab`. It never runs as root: where root starts a lab, Asterisk and sipp run as `nobody`.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.lab.rootfs import LabError, Rootfs

_NOBODY = 65534
_BOOT_S = 30.0


def unprivileged() -> dict[str, int | list[int]]:
    """Arguments for Popen that give up root's rights; none where there are none to give up."""
    if os.geteuid() != 0:
        return {}
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}


def hand_over(folder: Path) -> None:
    """Gives `folder` and all in it to the user that the lab's programs run as."""
    if os.geteuid() == 0:
        for each in (folder, *folder.rglob("*")):
            os.chown(each, _NOBODY, _NOBODY)


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
            self._process = subprocess.Popen(
                self._rootfs.asterisk("-C", str(self._conf), "-f", "-n"),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=self._environment(),
                process_group=self._process_group,
                **unprivileged(),  # type: ignore[call-overload]  # keywords of Popen by name
            )
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
        try:
            return subprocess.run(
                self._rootfs.asterisk("-C", str(self._conf), "-rx", command),
                check=True,
                capture_output=True,
                text=True,
                timeout=10,
                cwd=self._folder,
                env=self._environment(),
                process_group=self._process_group,
                **unprivileged(),  # type: ignore[call-overload]  # keywords of Popen by name
            ).stdout
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise LabError(f"Asterisk does not answer `{command}`: {error}") from None

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

    def _environment(self) -> Mapping[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),
            "TERM": "dumb",
        }
