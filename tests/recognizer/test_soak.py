"""A recognizer that listens for long neither grows nor falls behind.

Played by the same players that size a box, in rounds of calls that begin and end.
"""

import os
import statistics
from collections.abc import Sequence
from pathlib import Path

import pytest

from callwarden.settings import Settings
from recognizer import recordings
from recognizer.bench.capacity import Run, Spoken, search
from recognizer.bench.served import Served
from recognizer.bench.spoken import legs_of

_FLAT = 0.02
_DRIFT_S = 0.25


def _spoken(calls_folder: Path, into: Path, seconds: float) -> Spoken:
    calls = [
        recordings.open_recording(each, None, "left") for each in recordings.find([calls_folder])
    ]
    return Spoken(
        legs_of(calls, "conversation", into), [each.scene for each in calls], 8000, 100, seconds
    )


async def _rounds(served: Served, spoken: Spoken, streams: int, rounds: int) -> list[Run]:
    return [await spoken.to("recognizer", served.port, served.pid, streams) for _ in range(rounds)]


def _is_flat(runs: Sequence[Run]) -> None:
    """From the second round on: by then all is loaded that is loaded when it is first needed."""
    thirds = max(1, len(runs) // 3)
    first, last = runs[1 : 1 + thirds], runs[-thirds:]
    memory_mb = [statistics.median(each.own_mb for each in part) for part in (first, last)]
    print(f"own memory, MB: {[round(each.own_mb, 1) for each in runs]}")
    print(f"PSS, MB: {[round(each.memory_mb, 1) for each in runs]}")
    assert memory_mb[1] <= memory_mb[0] * (1 + _FLAT)
    p95_s = [statistics.median(each.lags.p95_s for each in part) for part in (first, last)]
    assert p95_s[1] <= p95_s[0] + _DRIFT_S
    assert all(each.lags.words for each in runs)


@pytest.mark.soak
@pytest.mark.timeout(400)
async def test_a_fifth_of_what_a_box_carries_for_a_minute(
    calls_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    spoken = _spoken(calls_folder, tmp_path, 12.0)
    async with Served(Settings(), model_folder) as served:
        _is_flat(await _rounds(served, spoken, 8, 5))


@pytest.mark.soak
@pytest.mark.timeout(2 * 3600)
async def test_four_fifths_of_what_this_box_carries_for_45_minutes(
    calls_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    cores = len(os.sched_getaffinity(0))

    async def run(streams: int) -> Run:
        async with Served(Settings(), model_folder, workers=cores) as served:
            return await short.to("recognizer", served.port, served.pid, streams)

    short = _spoken(calls_folder, tmp_path, 15.0)
    carried = await search(run, 24 * cores, "calls carried")
    streams = 2 * int(0.8 * carried.streams / 2)
    spoken = _spoken(calls_folder, tmp_path, 90.0)
    async with Served(Settings(), model_folder, workers=cores) as served:
        runs = await _rounds(served, spoken, streams, 30)
    _is_flat(runs)
    assert all(each.carried for each in runs)
