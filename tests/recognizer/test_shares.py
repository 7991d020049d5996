"""A worker that follows a dead one takes its share of the legs that are behind; who is in time
stays where he is."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from policy.speech.utterance import Leg
from recognizer import pool as pools
from recognizer import recordings
from recognizer.decoding import Decoding
from recognizer.leg_stream import LegStream, Words
from recognizer.models.model import Model
from recognizer.pool import Pool
from recognizer.process import WorkerProcess
from tests.gate.waiting import until

_WAIT_S = 20.0

_LEGS = 4
_BEFORE, _BEHIND, _ALL = 30, 15, 75
"""Blocks of 0.2 s before a worker is stopped, those that come meanwhile (3 s), and all."""


@pytest.fixture
async def pool(model: Model, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pool]:
    monkeypatch.setattr(pools, "_SHARED_EVERY_S", 0.02)
    one = Pool(model, 2, Decoding())
    await one.start()
    yield one
    await one.close()


@pytest.fixture
def blocks(calls_folder: Path) -> list[tuple[int, bytes]]:
    call = recordings.open_recording(calls_folder / "refusal-ignored", None, "left")
    found = [(first, pcm) for leg, first, pcm in call.blocks(0.2) if leg is Leg.AGENT]
    return found[:_ALL]


class _Played:
    """The same leg, `_LEGS` times side by side."""

    def __init__(self, pool: Pool) -> None:
        self.told: list[list[Words]] = [[] for _ in range(_LEGS)]
        self.streams: list[LegStream] = [
            pool.open(8000, each.append, lambda _: None) for each in self.told
        ]

    async def push(self, blocks: list[tuple[int, bytes]]) -> None:
        for first, pcm in blocks:
            for each in self.streams:
                await each.push(first, pcm)

    async def push_in_time(self, blocks: list[tuple[int, bytes]]) -> None:
        """No leg is ever behind."""
        for block in blocks:
            await self.push([block])
            await until(lambda: all(each.waiting_s < 1.0 for each in self.streams), _WAIT_S)

    def elsewhere(self, worker: WorkerProcess) -> list[LegStream]:
        return [each for each in self.streams if each.worker not in (worker, None)]

    async def finals(self) -> list[list[tuple[str, float]]]:
        for each in self.streams:
            each.finish()
        await asyncio.gather(*(each.drained() for each in self.streams))
        return [
            [(w.text, w.start_s) for each in words if each.final for w in each.heard]
            for words in self.told
        ]


async def test_legs_that_are_behind_go_on_in_the_new_worker_and_tell_the_same(
    pool: Pool, blocks: list[tuple[int, bytes]]
) -> None:
    played = _Played(pool)
    await played.push(blocks)
    undisturbed = await played.finals()
    assert undisturbed[0]

    played = _Played(pool)
    await played.push_in_time(blocks[:_BEFORE])
    doomed, hangs = played.streams[0].worker, played.streams[1].worker
    assert doomed is not None
    assert hangs is not None
    assert doomed is not hangs
    os.kill(hangs.pid, signal.SIGSTOP)
    try:
        await played.push(blocks[_BEFORE : _BEFORE + _BEHIND])
        os.kill(doomed.pid, signal.SIGKILL)
        await until(lambda: pool.restarts == 1, _WAIT_S)
        await until(lambda: len(played.elsewhere(hangs)) == _LEGS // 2, _WAIT_S)
        moved = played.elsewhere(hangs)
        await until(lambda: all(each.waiting_s < 1.0 for each in moved), _WAIT_S)
        assert played.elsewhere(hangs) == moved
    finally:
        os.kill(hangs.pid, signal.SIGCONT)
    await played.push(blocks[_BEFORE + _BEHIND :])
    assert await played.finals() == undisturbed


async def test_legs_in_time_stay_with_the_worker_that_took_them_over(
    pool: Pool, blocks: list[tuple[int, bytes]]
) -> None:
    played = _Played(pool)
    await played.push_in_time(blocks[:_BEFORE])
    doomed, survivor = played.streams[0].worker, played.streams[1].worker
    assert doomed is not None
    assert survivor is not None
    os.kill(doomed.pid, signal.SIGKILL)
    await until(lambda: pool.restarts == 1, _WAIT_S)
    await until(lambda: all(each.waiting_s < 1.0 for each in played.streams), _WAIT_S)
    before = played.elsewhere(survivor)
    await played.push_in_time(blocks[_BEFORE:])
    assert played.elsewhere(survivor) == before == []
    await played.finals()
