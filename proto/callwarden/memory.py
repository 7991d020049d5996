"""Owns measuring a process: its memory with that of its children, as Linux accounts it.

Called by the benchmarks.
"""

from pathlib import Path


def resident_mib(pid: int) -> float:
    """Resident memory of the process and its descendants, in MiB, as an operator's `ps` adds it up:
    a page that several processes share counts in each (`Rss` of /proc/PID/smaps_rollup). 0 for a
    process that is gone."""
    return sum(_resident_kib(each) for each in _with_descendants(pid)) / 1024


def _resident_kib(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Rss:"))


def _with_descendants(pid: int) -> list[int]:
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        children = [
            int(child)
            for task in tasks
            for child in (task / "children").read_text(encoding="ascii").split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(each for child in children for each in _with_descendants(child))]
