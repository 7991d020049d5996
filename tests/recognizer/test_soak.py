"""A recognizer at four fifths of what the box carries neither grows nor falls behind.

Two minutes of it are a phase of their own of `make test`, 45 are in `make soak`: nothing else may
run beside them. Calls begin and end all the time, so that what a call leaves behind adds up.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callwarden.settings import Settings
from recognizer import recordings
from recognizer.bench.capacity import Run, Spoken
from recognizer.bench.served import Served
from recognizer.bench.spoken import legs_of
from recognizer.footprint import footprint
from tests.full_box import CORES, cores_left, full_with, in_calls, start_with

_LOAD = 0.8
_GUESSED = 0.75
"""Of what a box is full with, by what a few legs cost it alone: many cost more each."""
_LEAST_TRIED, _TRIED, _MOST_TRIED = 0.85, 0.93, 0.98
"""How busy a trial may keep the box. Busier than the soak: what many legs make it hold is then held
already, and what still grows is lost somewhere. Not full: that would not say how much too full."""
_FLAT = 0.02
_DRIFT_S = 0.25
_TRIAL_S = 12.0
_TRIAL_WARM_S = 6.0
_GROUPS = 3
"""A third of the calls begins and ends at a time."""
_LOOK_EVERY_S = 2.0


def _spoken(calls_folder: Path, into: Path, seconds: float, warm_s: float) -> Spoken:
    calls = [
        recordings.open_recording(each, None, "left") for each in recordings.find([calls_folder])
    ]
    into.mkdir()
    legs, scenes = legs_of(calls, "conversation", into), [each.scene for each in calls]
    return Spoken(legs, scenes, 8000, 100, seconds, warm_s)


@dataclass
class _Soak:
    """What was seen of a recognizer: each group of calls when it was over, and its memory."""

    served: Served
    spoken: Spoken
    legs: int
    runs: list[Run] = field(default_factory=list)
    own_mb: list[float] = field(default_factory=list)

    async def last(self, seconds: float) -> None:
        """Groups follow their own kind as soon as they end, and each other in thirds of a call."""
        groups = round((seconds / self.spoken.seconds - 1) * _GROUPS) + 1
        began = time.monotonic()
        looking = asyncio.create_task(self._look())
        try:
            async with asyncio.TaskGroup() as calls:
                for number in range(groups):
                    begins = began + number * self.spoken.seconds / _GROUPS
                    await asyncio.sleep(begins - time.monotonic())
                    calls.create_task(self._group(number % _GROUPS))
        finally:
            looking.cancel()
            await asyncio.wait({looking})

    def is_flat(self) -> None:
        """The first third against the last, of the time in which all groups speak: none begins for
        the first time, and none has ended for good."""
        call = round(self.spoken.seconds / _LOOK_EVERY_S)
        first_mb, last_mb = _thirds(self.own_mb[call:-call])
        first_s, last_s = _thirds([each.lags.p95_s for each in self.runs[_GROUPS:]])
        print(f"own memory, MB: {' '.join(f'{each:.1f}' for each in self.own_mb)}")
        print(f"p95, s: {' '.join(f'{each.lags.p95_s:.2f}' for each in self.runs)}")
        print(
            f"{self.legs} legs, {len(self.runs)} groups of calls: own memory {first_mb:.1f} to "
            f"{last_mb:.1f} MB ({last_mb / first_mb - 1:+.2%}), p95 {first_s:.2f} to {last_s:.2f} s"
        )
        assert last_mb == pytest.approx(first_mb, rel=_FLAT)
        assert last_s <= first_s + _DRIFT_S
        assert all(each.lags.words for each in self.runs)

    async def _group(self, number: int) -> None:
        legs = in_calls(self.legs * (number + 1) / _GROUPS) - in_calls(self.legs * number / _GROUPS)
        run = await self.spoken.to("recognizer", self.served.port, self.served.pid, legs)
        self.runs.append(run)

    async def _look(self) -> None:
        while True:
            self.own_mb.append((await asyncio.to_thread(footprint, self.served.pid)).own_mb)
            await asyncio.sleep(_LOOK_EVERY_S)


async def _four_fifths(served: Served, begun: Spoken, spoken: Spoken) -> int:
    """Legs that keep the box busy for four fifths of the time: tried as the soak is to be, with
    calls that begin and end and players that start, after a guess from what a few legs cost. Other
    programs' share is theirs."""
    legs = in_calls(_GUESSED * await full_with(start_with(), served, begun))
    while True:
        tried = _Soak(served, spoken, legs)
        all_speak_s = (1 - 1 / _GROUPS) * spoken.seconds
        looking = asyncio.create_task(cores_left(all_speak_s, all_speak_s))
        await tried.last(2 * spoken.seconds)
        busy = 1 - await looking / CORES
        late_s = max(each.lags.p95_s for each in tried.runs)
        print(f"{legs} legs: busy for {busy:.0%} of the time, p95 {late_s:.2f} s")
        if busy > _MOST_TRIED:
            legs = in_calls(_TRIED * _TRIED * legs)
        elif busy < _LEAST_TRIED:
            legs = in_calls(_TRIED / busy * legs)
        else:
            return in_calls(_LOAD / busy * legs)


def _thirds(values: Sequence[float]) -> tuple[float, float]:
    """Medians of the first and of the last third."""
    third = max(1, len(values) // 3)
    return statistics.median(values[:third]), statistics.median(values[-third:])


async def _soak(
    calls_folder: Path, model_folder: Path, into: Path, *, minutes: float, call_s: float
) -> None:
    begun = _spoken(calls_folder, into / "begun", _TRIAL_S, _TRIAL_WARM_S)
    spoken = _spoken(calls_folder, into / "soak", call_s, 0.0)
    async with Served(Settings(), model_folder, workers=CORES) as served:
        soak = _Soak(served, spoken, await _four_fifths(served, begun, spoken))
        await soak.last(60 * minutes)
    soak.is_flat()


@pytest.mark.steady
@pytest.mark.timeout(600)
async def test_two_minutes_at_four_fifths_of_what_this_box_carries(
    calls_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    await _soak(calls_folder, model_folder, tmp_path, minutes=2, call_s=24)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_45_minutes_at_four_fifths_of_what_this_box_carries(
    calls_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    await _soak(calls_folder, model_folder, tmp_path, minutes=45, call_s=48)
