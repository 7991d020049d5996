"""What a client may do wrong on the wire, over real gRPC with the real model: each gets its status,
and nothing is left of it."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from callwarden.v1 import conversation_pb2, recognition_pb2
from callwarden.v1.recognition_pb2 import ListenRequest
from policy.speech.utterance import Leg
from recognizer import listening, recordings, service
from recognizer.footprint import footprint
from tests.recognizer.conftest import (
    WIRE_LEG,
    Serving,
    audio,
    end,
    listen,
    pieces,
    requests_of,
    start,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

_NEWER = b"\xfa\x01\x03abc"
"""Field 31, which no message of this contract has."""
_GROWN_MB = 25
"""Of this process and its workers, by streams that are gone."""


async def _sent(*requests: ListenRequest, hold: bool = False) -> AsyncIterator[ListenRequest]:
    """`hold`: and then nothing, the stream staying open."""
    for each in requests:
        yield each
    if hold:
        await asyncio.Event().wait()


async def _status(
    serving: Serving, *requests: ListenRequest, hold: bool = False
) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await listen(serving.stub, _sent(*requests, hold=hold))
    assert refused.value.details()
    return refused.value.code()


async def _nothing_is_left(serving: Serving, tasks: int | None = None) -> None:
    assert serving.server.pools is not None
    pools = list(serving.server.pools.by_plan.values())
    async with asyncio.timeout(20):
        while True:
            state = await serving.stub.Describe(recognition_pb2.DescribeRequest())
            left = [each.legs or each.errands.open for each in pools]
            more_tasks = tasks is not None and len(asyncio.all_tasks()) > tasks
            if not (state.calls or any(left) or serving.server.load.calls or more_tasks):
                return
            await asyncio.sleep(0.05)


async def test_fields_of_a_newer_contract_are_passed_over(serving: Serving) -> None:
    first = start()
    first.start.MergeFromString(_NEWER)
    heard = await listen(serving.stub, _sent(first, audio(Leg.AGENT, 0, bytes(16_000)), end(1.0)))
    assert heard.closing is not None


@pytest.mark.parametrize("begun", [True, False])
async def test_a_message_of_a_newer_contract_is_unimplemented(
    serving: Serving, begun: bool
) -> None:
    newer = ListenRequest.FromString(_NEWER)
    sent = (start(), newer) if begun else (newer,)
    assert await _status(serving, *sent) is grpc.StatusCode.UNIMPLEMENTED
    await _nothing_is_left(serving)


async def test_a_stream_that_never_starts_is_ended(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "START_LIMIT_S", 0.2)
    assert await _status(serving, hold=True) is grpc.StatusCode.DEADLINE_EXCEEDED
    await _nothing_is_left(serving)


async def test_one_leg_that_never_starts_is_told_and_the_other_is_heard(
    serving: Serving, calls_folder: Path
) -> None:
    call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    blocks = [audio(*each) for each in call.blocks(0.1) if each[0] is Leg.CUSTOMER]
    heard = await listen(serving.stub, _sent(start(scene=call.scene), *blocks, end(call.seconds)))
    assert [each.rule for each in heard.findings.values()] == ["refusal.explicit"]
    agent, customer = (heard.covered[leg] for leg in (1, 2))
    assert (agent.received_s, list(agent.causes)) == (0.0, ["not-received"])
    assert customer.analysed_s == pytest.approx(call.seconds, abs=0.01)


async def test_audio_is_heard_the_same_in_one_message_for_both_legs(
    serving: Serving, calls_folder: Path
) -> None:
    call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    single = [audio(*each) for each in call.blocks(0.1)]
    both = [pieces(*single[at : at + 2]) for at in range(0, len(single), 2)]
    told = [
        await listen(serving.stub, _sent(start(scene=call.scene), *each, end(call.seconds)))
        for each in (single, both)
    ]
    assert told[0].findings.keys() == told[1].findings.keys() != set()
    for leg in (1, 2):
        assert told[0].covered[leg].received_s == told[1].covered[leg].received_s


_UTTERANCE = recognition_pb2.Heard(
    utterance=conversation_pb2.Utterance(
        leg=WIRE_LEG[Leg.AGENT], final=True, tokens=["hao3"], token_starts_s=[1.0], end_s=1.2
    )
)


def _heard_wrongly(what: str) -> ListenRequest:
    heard = recognition_pb2.Heard()
    heard.CopyFrom(_UTTERANCE)
    until_s = 2.0
    match what:
        case "a partial":
            heard.utterance.final = False
        case "no leg":
            heard.utterance.ClearField("leg")
        case "tokens without times":
            heard.utterance.ClearField("token_starts_s")
        case "times backwards":
            heard.utterance.end_s = 0.5
        case "no time":
            until_s = float("nan")
        case "newer":
            heard = recognition_pb2.Heard.FromString(_NEWER)
    until = recognition_pb2.HeardUntil(leg=WIRE_LEG[Leg.AGENT], until_s=until_s)
    return start(heard=[heard], heard_until=[until])


@pytest.mark.parametrize(
    "what", ["a partial", "no leg", "tokens without times", "times backwards", "no time", "newer"]
)
async def test_what_no_recognizer_heard_is_an_invalid_argument(serving: Serving, what: str) -> None:
    assert await _status(serving, _heard_wrongly(what)) is grpc.StatusCode.INVALID_ARGUMENT
    await _nothing_is_left(serving)


async def test_a_client_that_never_reads_is_let_go(
    serving: Serving, calls_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gRPC's buffers hold minutes of what is heard, so that messages are made larger here."""
    monkeypatch.setattr(service, "UNREAD_S", 0.3)
    response = listening._response
    monkeypatch.setattr(listening, "_response", lambda heard: _larger(response(heard)))
    call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    stream = serving.stub.Listen(requests_of(call))
    async with asyncio.timeout(20):
        while not await _calls(serving):  # noqa: ASYNC110  # asked over the wire
            await asyncio.sleep(0.02)
    await _nothing_is_left(serving)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        async for _ in stream:
            pass
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def _larger(response: recognition_pb2.ListenResponse) -> recognition_pb2.ListenResponse:
    response.MergeFromString(b"\xfa\x01\x80\x80\x20" + bytes(512 << 10))
    return response


async def _calls(serving: Serving) -> int:
    return (await serving.stub.Describe(recognition_pb2.DescribeRequest())).calls


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when a stream has reached the service."""
    event = asyncio.Event()

    class Seen(listening.Listening):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            event.set()

    monkeypatch.setattr(service, "Listening", Seen)
    return event


async def _opened_and_dropped(serving: Serving, reached: asyncio.Event, count: int) -> None:
    """In every state: before the start, after it, with audio, ready. None is dropped before it has
    reached the service."""
    second = bytes(16_000)
    for number in range(count):
        reached.clear()
        match number % 4:
            case 0:
                call = serving.stub.Listen(_sent(hold=True))
            case 1:
                call = serving.stub.Listen(_sent(start(), hold=True))
            case 2:
                call = serving.stub.Listen(_sent(start(), audio(Leg.AGENT, 0, second), hold=True))
            case _:
                sent = _sent(start(), audio(Leg.CUSTOMER, 0, second), hold=True)
                call = serving.stub.Listen(sent)
                await call.read()
        async with asyncio.timeout(20):
            await reached.wait()
        call.cancel()
        if number % 100 == 99:
            await _nothing_is_left(serving)
    await _nothing_is_left(serving)


async def _dropped_leave_nothing(serving: Serving, reached: asyncio.Event, count: int) -> None:
    await _opened_and_dropped(serving, reached, 200)  # what is made once is made
    gc.collect()
    tasks, files = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
    before = footprint(os.getpid())
    await _opened_and_dropped(serving, reached, count)
    await _nothing_is_left(serving, tasks)
    gc.collect()
    after = footprint(os.getpid())
    assert len(os.listdir("/proc/self/fd")) <= files
    assert after.rss_mb - before.rss_mb < _GROWN_MB


@pytest.mark.timeout(120)
async def test_three_hundred_streams_opened_and_dropped_leave_nothing(
    serving: Serving, reached: asyncio.Event
) -> None:
    await _dropped_leave_nothing(serving, reached, 300)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_ten_thousand_streams_opened_and_dropped_leave_nothing(
    serving: Serving, reached: asyncio.Event
) -> None:
    await _dropped_leave_nothing(serving, reached, 10_000)
