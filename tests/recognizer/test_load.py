"""How far behind the recognizer is, whom it refuses, and what running calls go without."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import grpc.aio
import pytest

from callwarden import transport
from callwarden.settings import Recognizer, Settings, Tls
from callwarden.v1 import recognition_pb2
from callwarden.v1.recognition_pb2 import ListenRequest
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg
from recognizer import load, planned, recordings, wire
from recognizer.leg_stream import LegStream
from recognizer.load import IN_ORDER, Lateness, Load
from recognizer.models.model import Model
from recognizer.service import RecognizerServer
from recognizer.wire import Kind
from tests.calls.heard import Clock
from tests.recognizer.conftest import Listened, audio, end, start
from tests.recognizer.conftest import listen as listen_to

_TENTH = bytes(1600)


class _Call:
    """A leg whose audio comes in real time by a clock of the test's, and whose words come as many
    seconds late as the test says."""

    def __init__(self, of: Load, clock: Clock) -> None:
        self.stream = LegStream(1, 8000, lambda _: None, lambda _: None)
        self.lateness = Lateness(clock, {Leg.AGENT: self.stream})
        self.leave = of.begin(self.lateness)
        self._clock, self._began_s, self._tenths = clock, clock.at_s, 0

    async def until_now(self, late_s: float) -> None:
        while self._tenths < round((self._clock.at_s - self._began_s) * 10):
            self._tenths += 1
            self.lateness.came(Leg.AGENT, self._tenths / 10)
            told_s = max(0.0, self._tenths / 10 - late_s)
            self.stream.take((Kind.POSITION, 1, wire.position_payload(told_s, told_s)))
            await self.stream.push((self._tenths - 1) * 800, _TENTH)


async def _pass(of: Load, calls: list[_Call], clock: Clock, seconds: float, late_s: float) -> None:
    for _ in range(round(seconds / load.SAMPLE_EVERY_S)):
        clock.at_s += load.SAMPLE_EVERY_S
        for each in calls:
            await each.until_now(late_s)
        of.sample()


async def test_nothing_is_given_up_and_nobody_refused_while_words_come_in_time() -> None:
    clock = Clock()
    of = Load(1.0, 0, 1, clock)
    calls = [_Call(of, clock) for _ in range(10)]
    await _pass(of, calls, clock, 30, 0.3)
    assert of.lag_s == pytest.approx(0.3, abs=0.11)
    assert (of.degraded, of.why_not(running=False), of.takes) == ((), "", 0)


async def test_things_are_given_up_in_order_and_taken_up_in_reverse() -> None:
    clock = Clock()
    of = Load(1.0, 0, 1, clock)
    calls = [_Call(of, clock) for _ in range(10)]
    await _pass(of, calls, clock, 5, 0.2)
    seen = [of.degraded]
    for late_s, seconds in ((3.0, 8), (0.7, 30), (0.2, 40)):
        for _ in range(2 * seconds):
            await _pass(of, calls, clock, 0.5, late_s)
            if of.degraded != seen[-1]:
                seen.append(of.degraded)
        if late_s == 0.7:  # neither late nor calm: what was given up stays so
            assert of.degraded == IN_ORDER
            assert "go without partials" in of.why_not(running=False)
    up = [IN_ORDER[:level] for level in range(5)]
    assert seen == [*up, *reversed(up[:-1])]
    assert of.why_not(running=False) == ""


async def test_a_call_is_refused_for_the_lag_and_one_that_runs_already_later() -> None:
    clock = Clock()
    of = Load(1.0, 0, 1, clock)
    calls = [_Call(of, clock) for _ in range(10)]
    await _pass(of, calls, clock, 6, 2.0)
    assert "2.0 s late" in of.why_not(running=False)
    assert of.why_not(running=True) == ""
    assert of.takes == 10
    await _pass(of, calls, clock, 10, 4.6)
    assert "late" in of.why_not(running=True)
    for each in calls:
        each.leave()
    of.sample()
    assert (of.calls, of.degraded, of.why_not(running=False)) == (0, (), "")


async def test_one_slow_step_is_no_overload() -> None:
    clock = Clock()
    of = Load(1.0, 0, 1, clock)
    calls = [_Call(of, clock) for _ in range(10)]
    await _pass(of, calls, clock, 5, 0.2)
    await _pass(of, calls, clock, 0.5, 3.0)
    assert (of.degraded, of.why_not(running=False)) == ((), "")


async def test_one_leg_of_many_that_is_late_is_no_overload() -> None:
    clock = Clock()
    of = Load(1.0, 0, 4, clock)
    calls = [_Call(of, clock) for _ in range(40)]
    for _ in range(20):
        clock.at_s += 0.5
        for at, each in enumerate(calls):
            await each.until_now(4.0 if at == 0 else 0.2)
        of.sample()
    assert (of.degraded, of.why_not(running=False)) == ((), "")


async def test_audio_that_is_caught_up_with_is_not_taken_for_the_present() -> None:
    """It comes at once, as it does when a call moves: until it is told, its words are late."""
    clock = Clock()
    stream = LegStream(1, 8000, lambda _: None, lambda _: None)
    lateness = Lateness(clock, {Leg.AGENT: stream})
    for tenth in range(40):
        lateness.came(Leg.AGENT, 20 + (tenth + 1) / 10)
        await stream.push(tenth * 800, _TENTH)
    clock.at_s += 0.5
    (late_s,) = lateness.seconds()
    assert late_s == pytest.approx(24.5)


def test_a_burst_is_measured_before_more_is_taken() -> None:
    clock = Clock()
    of = Load(1.0, 0, 1, clock)
    admitted = 0
    while not of.why_not(running=False):
        of.begin(Lateness(clock, {}))
        admitted += 1
    assert admitted == 16
    assert of.why_not(running=True) == ""
    clock.at_s += 3
    assert of.why_not(running=False) == ""


def test_a_ceiling_is_kept_and_told() -> None:
    of = Load(0.0, 2, 1)
    for _ in range(2):
        assert of.why_not(running=False) == ""
        of.begin(Lateness(of.now, {}))
    assert "recognizer.most_calls" in of.why_not(running=False)
    assert of.why_not(running=True) == ""
    assert of.takes == 2


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that take seconds in a real floor."""
    for module in (load, "recognizer.service"):
        where = module if isinstance(module, str) else module.__name__
        monkeypatch.setattr(f"{where}.SAMPLE_EVERY_S", 0.1)
    monkeypatch.setattr(load, "_STEP_UP_S", 0.2)
    monkeypatch.setattr(load, "_STEP_DOWN_S", 0.4)


async def _in_real_time(call: recordings.Recording) -> AsyncIterator[ListenRequest]:
    yield start(call.id, call.scene, call.rate_hz, recorded=False)
    began = asyncio.get_running_loop().time()
    blocks: Iterator[tuple[Leg, int, bytes]] = call.blocks(0.1)
    for leg, first_sample, pcm in itertools.takewhile(lambda at: at[1] < 12 * call.rate_hz, blocks):
        ahead_s = began + first_sample / call.rate_hz - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, ahead_s))
        yield audio(leg, first_sample, pcm)
    yield end(12.0)


async def test_a_recognizer_that_is_behind_says_so_refuses_and_recovers(
    quick: None, model: Model, rules: SpeechRulebook, calls_folder: Path
) -> None:
    """Its worker is stopped for a while, so that the lag is a real one."""
    settings = Settings(recognizer=Recognizer(listen="127.0.0.1:0", most_lag_s=0.8))
    call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    async with (
        RecognizerServer(
            settings, rules, [planned.single(settings.recognizer, model)], ""
        ) as server,
        transport.channel_to(f"127.0.0.1:{server.port}", Tls()) as channel,
    ):
        stub = RecognitionStub(channel)

        async def degraded(wanted: tuple[str, ...]) -> recognition_pb2.DescribeResponse:
            async with asyncio.timeout(30):
                while True:
                    state = await stub.Describe(recognition_pb2.DescribeRequest())
                    if tuple(state.degraded) == wanted:
                        return state
                    await asyncio.sleep(0.05)

        heard = Listened()

        async def listen() -> None:
            async for response in stub.Listen(_in_real_time(call)):
                heard.take(response)

        listening = asyncio.create_task(listen())
        assert server.pools is not None
        (worker,) = server.pools.default.worker_pids
        while not heard.partials:  # noqa: ASYNC110  # another process hears them
            await asyncio.sleep(0.05)
        os.kill(worker, signal.SIGSTOP)
        try:
            state = await degraded(IN_ORDER)
            assert state.lag_s > 0.8
            assert state.most_calls == 1
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await listen_to(stub, _one(start("another", recorded=False)))
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "no further call is taken" in str(refused.value.details())
        finally:
            os.kill(worker, signal.SIGCONT)
        state = await degraded(())
        assert state.refused == 1
        await listening
        for leg in heard.covered.values():
            assert leg.analysed_s == pytest.approx(leg.received_s, abs=0.01)
        assert heard.finals


async def _one(request: ListenRequest) -> AsyncIterator[ListenRequest]:
    yield request
