"""Owns how the lab starts a program: never as root, and in the process group that its keeper kills.

Called by `asterisk` and `sipp`. Where root starts a lab, its programs run as `nobody`.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_NOBODY = 65534


def start(
    command: Sequence[str],
    *,
    output: IO[bytes] | int,
    cwd: Path,
    process_group: int,
    environment: Mapping[str, str] | None = None,
) -> "subprocess.Popen[bytes]":
    """Starts `command` with both its outputs going to `output`, and nothing to read."""
    root = os.geteuid() == 0
    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=environment,
        process_group=process_group,
        user=_NOBODY if root else None,
        group=_NOBODY if root else None,
        extra_groups=[] if root else None,
    )


def hand_over(path: Path) -> None:
    """Gives a file, or a folder and all in it, to the user that the lab's programs run as."""
    if os.geteuid() == 0:
        for each in (path, *path.rglob("*")):
            os.chown(each, _NOBODY, _NOBODY)
