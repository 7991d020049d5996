"""Owns how many legs this box is full with, told from what a few cost it: no search, as what is
loaded is the box that the tests run on.

Used by the tests that load a recognizer to a share of what the box carries.
"""

import asyncio
import os
from pathlib import Path

from recognizer.bench.capacity import Spoken
from recognizer.bench.served import Served

CORES = len(os.sched_getaffinity(0))
_FIRST_A_CORE = 8
_EDGES_S = 3.0
"""Of a run: its players start before they speak, and wait for the last words."""
_TICKS_S = os.sysconf("SC_CLK_TCK")


async def full_with(legs: int, served: Served, spoken: Spoken) -> float:
    """Legs, by what so many cost the recognizer and its players, and what they left."""
    looking = asyncio.create_task(cores_left(spoken.seconds - _EDGES_S, spoken.warm_s + _EDGES_S))
    run = await spoken.to("recognizer", served.port, served.pid, legs)
    each = (run.server_cpu_s + run.lags.cpu_s) / (legs * run.seconds)
    return legs + await looking / each


async def cores_left(seconds: float, begins_s: float = 0.0) -> float:
    """Cores that have nothing to do, from so many seconds on."""
    await asyncio.sleep(begins_s)
    before_s = idle_s()
    await asyncio.sleep(seconds)
    return (idle_s() - before_s) / seconds


def idle_s() -> float:
    """How long the cores that this process may use have had nothing to do, all together."""
    ours = {f"cpu{each}" for each in os.sched_getaffinity(0)}
    lines = (each.split() for each in Path("/proc/stat").read_text().splitlines())
    return sum(int(each[4]) + int(each[5]) for each in lines if each[0] in ours) / _TICKS_S


def start_with() -> int:
    """Legs to begin with."""
    return _FIRST_A_CORE * CORES


def in_calls(legs: float) -> int:
    """Legs of whole calls: two each."""
    return 2 * round(legs / 2)
