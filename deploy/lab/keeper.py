"""Owns the end of a lab: a process that outlives the one that started it, to kill everything the
lab started and to remove its folder, whatever way the starter went.

Run as a script by `Keeper`. Its standard input is a pipe that only the starter holds: end of file
means that the starter closed the lab, or was ended by an exception, a signal, even SIGKILL. Nothing
is started outside the process group that the keeper kills.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path


def _keep(folder: Path) -> None:
    """Prints the number of the process group to start everything in, then waits for the end."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    anchor = os.fork()  # holds the group's number while no other process is in it
    if anchor == 0:
        os.setpgid(0, 0)
        os.write(1, b"%d\n" % os.getpid())
        os.closerange(0, 3)
        while True:
            signal.pause()
    os.close(1)
    os.read(0, 1)
    os.killpg(anchor, signal.SIGKILL)
    os.waitpid(anchor, 0)
    deadline = time.monotonic() + 5
    while folder.exists() and time.monotonic() < deadline:
        # A process may write its last file while it dies.
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.01)


class Keeper:
    """The starter's hold on its keeper. `process_group` is where children are to be started."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self._process.stdout.close()
        if not line:
            raise OSError("the lab's keeper did not start")
        self.process_group = int(line)

    def close(self) -> None:
        """Kills everything in the group, removes the folder, and returns when that is done."""
        assert self._process.stdin is not None
        if not self._process.stdin.closed:
            self._process.stdin.close()
            self._process.wait()


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
