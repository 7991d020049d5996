"""Owns what a process and its children use of the machine, read from /proc. Called by the bench."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Footprint:
    """Memory in MB (10^6 bytes), CPU in seconds since each process began."""

    rss_mb: float
    pss_mb: float
    own_mb: float
    """What no file stands behind, shared with nobody: the rest of PSS rises and falls with the
    other programs that have the same libraries open."""
    parent_rss_mb: float
    parent_cpu_s: float
    workers_cpu_s: float


def footprint(pid: int) -> Footprint:
    """Of the process `pid` and its children. PSS counts shared pages once."""
    rss, pss, own = _memory_mb(pid)
    children = list(_children(pid))
    inner = [_memory_mb(each) for each in children]
    return Footprint(
        rss_mb=rss + sum(each for each, _, _ in inner),
        pss_mb=pss + sum(each for _, each, _ in inner),
        own_mb=own + sum(each for _, _, each in inner),
        parent_rss_mb=rss,
        parent_cpu_s=_cpu_s(pid),
        workers_cpu_s=sum(map(_cpu_s, children)),
    )


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def _memory_mb(pid: int) -> tuple[float, float, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    rss, pss, own = (1024 * kilobytes[each] / 1e6 for each in ("Rss", "Pss", "Pss_Anon"))
    return rss, pss, own


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_S
