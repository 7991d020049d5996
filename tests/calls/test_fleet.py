"""Two real recognizers with the real model: one is killed, hung or upgraded while calls are up, and
nothing that is said on them is lost or told twice."""

import asyncio
import signal
from pathlib import Path

import pytest

from recognizer import recordings
from tests.calls.fleet import Placed, fleet
from tests.calls.heard import until

_CALLS = ("collection-threat", "refusal-ignored", "no-recording-notice", "refusal-and-stop")
_SPEED = 2.5


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
@pytest.mark.timeout(600)
async def test_one_of_two_killed_again_and_again_loses_no_finding(
    tmp_path: Path, model_folder: Path, calls_folder: Path
) -> None:
    """All calls as they were spoken, on both; the one that has more is killed and started again."""
    folders = recordings.find([calls_folder])
    async with fleet(tmp_path, model_folder) as two:
        calls = asyncio.gather(*(two.place(each, 1.0) for each in folders))
        while not calls.done():
            await asyncio.wait({calls}, timeout=6.0)
            port = max(two.ports, key=lambda each: two.link(each).carried)
            two.send(port, signal.SIGKILL)
            await two.ended(port)
            two.start(port)
            await two.serves(port)
        for placed in await calls:
            placed.is_whole()
