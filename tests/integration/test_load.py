"""Load at the lab's ceiling: each call gets the verdict that is right for its number, nothing is
left in Asterisk or open at the gate, each allowed call is settled, and none is taken for a bypass.
"""

import asyncio
import itertools
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab import Lab, LoadedCall, LoadResult
from deploy.lab.numbers import open_now, shut_now
from tests.integration.calls_stack import Stack, stack

_RANGE = 10_000
"""Numbers that `open_now` has at any hour."""
_USED_UP = _RANGE - 1
_OUT_OF_REACH = 500.0
"""Calls a second that no box of two cores takes: so they go through as fast as they can."""
_AT_ONCE = 40


class _Mix:
    """Calls of three kinds, half of them to be allowed: three times a day each number may be
    called, and the one that is used up was."""

    def __init__(self) -> None:
        self._seeds = itertools.count()
        self.allowed: list[str] = []
        self.refused: set[str] = set()
        self.count = 0

    @property
    def exhausted(self) -> bool:
        """Whether numbers would have to be dialled a fourth time."""
        return len(self.allowed) > 2 * _RANGE

    def calls(self) -> Iterator[LoadedCall]:
        while True:
            self.count += 1
            if self.count % 2:
                number = open_now(next(self._seeds) % _USED_UP)
                self.allowed.append(number)
            else:
                number = open_now(_USED_UP) if self.count % 4 else shut_now(self.count)
                self.refused.add(number)
            yield LoadedCall(number)


def _load(lab: Lab, mix: _Mix, count: int) -> LoadResult:
    calls = mix.calls()
    seconds = count / _OUT_OF_REACH
    return lab.load(_OUT_OF_REACH, seconds, lambda _: next(calls), at_once=_AT_ONCE)


async def _load_for(lab: Lab, mix: _Mix, seconds: float, chunk: int) -> None:
    """Chunks of calls until that long has passed, each looked at: no verdict is wrong."""
    results, ends = list[LoadResult](), time.monotonic() + seconds
    while time.monotonic() < ends and not mix.exhausted:
        result = await asyncio.to_thread(_load, lab, mix, chunk)
        results.append(result)
        for number, statuses in result.by_number.items():
            right = 403 if number in mix.refused else 200
            assert set(statuses) == {right}, f"{statuses} where {right} is right"
    placed = sum(sum(each.statuses.values()) for each in results)
    took = sum(each.seconds for each in results)
    slowest = max(each.percentile_ms(99) for each in results)
    print(f"{placed} calls, {placed / took:.0f}/s, p99 of the slowest chunk {slowest:.0f} ms")
    assert placed == mix.count


async def _nothing_is_left(made: Stack, allowed: int) -> None:
    await made.nothing_left_in_asterisk()
    async with httpx.AsyncClient() as client:
        scraped = (await client.get(f"http://{made.settings.metrics}/metrics")).text
    assert "callwarden_gate_open_sessions 0.0" in scraped
    assert "callwarden_bypasses_total{" not in scraped
    deadline = time.monotonic() + 60
    while (settled := len(made.rows("SELECT nonce FROM settlements"))) < allowed:
        assert time.monotonic() < deadline, f"{settled} of {allowed} allowed calls are settled"
        await asyncio.sleep(0.2)
    assert made.rows("SELECT * FROM bypasses") == []


def _play(lab: Lab, folder: Path, seconds: float, chunk: int) -> None:
    async def play() -> None:
        async with stack(lab, rules={"speech": []}, state=str(folder / "state")) as made:
            for _ in range(3):
                placed = await made.call(open_now(_USED_UP), talk_s=0.1)
                assert (await made.outcome(placed)).answered
            mix = _Mix()
            await _load_for(lab, mix, seconds, chunk)
            await _nothing_is_left(made, len(mix.allowed) + 3)

    asyncio.run(play())


def test_fifteen_seconds_at_the_ceiling(lab: Lab, tmp_path: Path) -> None:
    _play(lab, tmp_path, 12, 240)


@pytest.mark.timeout(180)
def test_a_recognizer_that_hangs_changes_no_verdict_and_holds_none_up(
    lab: Lab, model_folder: Path, tmp_path: Path
) -> None:
    """It is stopped with calls on it, and every call that is allowed wants to be heard by it."""

    async def play() -> None:
        state = str(tmp_path / "state")
        async with stack(lab, model=model_folder, state=state) as made:
            for _ in range(2):
                assert (
                    await made.outcome(await made.call(open_now(_USED_UP), talk_s=0.1))
                ).answered
            since = len(made.events)
            talking = await made.call(open_now(_USED_UP), talk_s=12)
            await made.call_is(oversight.CALL_STATE_LISTENED, since=since)
            made.send("recognizer", signal.SIGSTOP)
            try:
                mix = _Mix()
                calls = mix.calls()
                result = await asyncio.to_thread(lab.load, 10.0, 3.0, lambda _: next(calls))
                for number, statuses in result.by_number.items():
                    right = {200} if number in mix.allowed else {403}
                    assert set(statuses) == right, f"{statuses} where {right} is right"
                assert result.percentile_ms(100) < made.settings.gate.deadline_ms
            finally:
                made.send("recognizer", signal.SIGCONT)
            assert (await made.outcome(talking)).answered

    asyncio.run(play())


@pytest.mark.soak
@pytest.mark.timeout(1500)
def test_ten_minutes_at_the_ceiling(lab: Lab, tmp_path: Path) -> None:
    _play(lab, tmp_path, 600, 1500)
