"""Two real recognizers with the real model: one is killed, hung or upgraded while calls are up, and
nothing that is said on them is lost or told twice."""

import asyncio
import itertools
import random
import signal
import time
from pathlib import Path

import pytest

from recognizer import recordings
from tests.calls.fleet import Fleet, Placed, fleet
from tests.calls.heard import until
from tests.full_box import cores_left, in_calls, start_with

_CALLS = ("collection-threat", "refusal-ignored", "no-recording-notice", "refusal-and-stop")
_SPEED = 2.5
_LOAD = 0.6
_TRIAL_S = 15.0
_KILLS = 8
_BETWEEN_S = 12.0
_STARTED_AFTER_S = 1.0


@pytest.mark.timeout(180)
async def test_a_killed_recognizer_loses_no_finding(
    tmp_path: Path, model_folder: Path, calls_folder: Path
) -> None:
    async with fleet(tmp_path, model_folder) as two:
        calls = [asyncio.create_task(two.place(calls_folder / each, _SPEED)) for each in _CALLS]
        await until(lambda: [two.link(each).carried for each in two.ports] == [2, 2])
        await until(lambda: all(len(each.finals) > 2 for each in two.told), bound_s=30)
        two.send(two.ports[0], signal.SIGKILL)
        for placed in await asyncio.gather(*calls):
            placed.is_whole()
        assert two.moved() == 2
        (part,) = (each for each in two.health.changed().parts if each.part == "recognizer")
        assert f"127.0.0.1:{two.ports[0]}: recognizer unreachable" in part.message


@pytest.mark.soak
@pytest.mark.timeout(240)
async def test_a_rolling_upgrade_loses_no_call(
    tmp_path: Path, model_folder: Path, calls_folder: Path
) -> None:
    short = ("refusal-and-stop", "collection-third-party", "collection-threat")
    over = asyncio.Event()
    async with fleet(tmp_path, model_folder, drain_s=0.5) as two:

        async def call_after_call(name: str) -> list[Placed]:
            placed = [await two.place(calls_folder / name, _SPEED)]
            while not over.is_set():
                placed.append(await two.place(calls_folder / name, _SPEED))
            return placed

        lines = [asyncio.create_task(call_after_call(each)) for each in short]
        for port in two.ports:
            await until(lambda: all(each.finals for each in two.told[-3:]), bound_s=60)
            two.send(port, signal.SIGTERM)
            assert await two.ended(port) == 0
            two.start(port)
            await two.serves(port)
        over.set()
        for line in await asyncio.gather(*lines):
            for placed in line:
                placed.is_whole()
        assert two.moved() >= 2


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_a_recognizer_that_hangs_loses_no_finding(
    tmp_path: Path, model_folder: Path, calls_folder: Path
) -> None:
    async with fleet(tmp_path, model_folder) as two:
        calls = [asyncio.create_task(two.place(calls_folder / each, 1.0)) for each in _CALLS]
        await until(lambda: [two.link(each).carried for each in two.ports] == [2, 2])
        await until(lambda: all(each.finals for each in two.told), bound_s=30)
        hung = max(two.ports, key=lambda each: two.link(each).carried)
        two.send(hung, signal.SIGSTOP)
        for placed in await asyncio.gather(*calls):
            placed.is_whole()
        assert two.moved() >= 2
        two.send(hung, signal.SIGCONT)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_one_of_two_killed_again_and_again_at_60_percent_loses_no_finding(
    tmp_path: Path, model_folder: Path, calls_folder: Path
) -> None:
    """Calls as they were spoken, one after the other on as many lines as make three fifths of what
    the box carries with all that they need; the recognizer that has more of them is killed at any
    moment and started again a second later, as systemd does it."""
    folders = list(recordings.find([calls_folder]))
    over, calls = asyncio.Event(), list[Placed]()
    moments = random.Random(5)

    async def line(number: int, two: Fleet) -> None:
        for at in itertools.count(number):
            calls.append(await two.place(folders[at % len(folders)], 1.0))
            if over.is_set():
                return

    few = start_with() // 2
    async with fleet(tmp_path, model_folder) as two, asyncio.TaskGroup() as lines:
        for each in range(few // 2):
            lines.create_task(line(each, two))
        await until(lambda: all(each.utterances for each in two.told), bound_s=60)
        began_s, busy_s = time.monotonic(), two.cpu_s()
        left = await cores_left(_TRIAL_S)
        cost = (two.cpu_s() - busy_s) / (time.monotonic() - began_s) / few
        full = few + left / cost
        wanted = max(few, in_calls(_LOAD * full)) // 2
        for each in range(few // 2, wanted):
            lines.create_task(line(each, two))
        await until(lambda: sum(two.link(each).carried for each in two.ports) >= wanted)
        moved = two.moved()
        for _ in range(_KILLS):
            await asyncio.sleep(moments.uniform(0, _BETWEEN_S))
            port = max(two.ports, key=lambda each: two.link(each).carried)
            two.send(port, signal.SIGKILL)
            await two.ended(port)
            await asyncio.sleep(_STARTED_AFTER_S)
            two.start(port)
            await two.serves(port)
        over.set()
    moved = two.moved() - moved
    print(f"full with {full:.0f} legs, {2 * wanted} up; {len(calls)} calls, {moved:.0f} moved")
    assert moved >= _KILLS
    assert [lost for placed in calls for lost in placed.lost] == []
    for placed in calls:
        placed.is_whole()
