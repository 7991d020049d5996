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
    parent_rss_mb: float
    parent_cpu_s: float
    workers_cpu_s: float


def footprint(pid: int) -> Footprint:
    """Of the process `pid` and its children. PSS counts shared pages once."""
    rss, pss = _memory_mb(pid)
    children = list(_children(pid))
    inner = [_memory_mb(each) for each in children]
    return Footprint(
        rss_mb=rss + sum(each for each, _ in inner),
        pss_mb=pss + sum(each for _, each in inner),
        parent_rss_mb=rss,
        parent_cpu_s=_cpu_s(pid),
        workers_cpu_s=sum(map(_cpu_s, children)),
    )


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def _memory_mb(pid: int) -> tuple[float, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return kilobytes["Rss"] * 1024 / 1e6, kilobytes["Pss"] * 1024 / 1e6


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_S
