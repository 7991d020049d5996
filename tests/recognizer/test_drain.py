"""A recognizer that is to end takes no more calls, hears those that run to their end within a
limit, and has those that are left go on elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import pytest

from callwarden import transport
from callwarden.settings import Recognizer, Settings, Tls
from callwarden.v1 import recognition_pb2
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from policy.speech.rulebook import SpeechRulebook
from recognizer import planned, recordings
from recognizer.models.model import Model
from recognizer.recordings import Recording
from recognizer.service import ENDS, RecognizerServer
from tests.recognizer.conftest import Listened, listen, requests_of, start

if TYPE_CHECKING:
    from callwarden.v1.recognition_pb2_grpc import RecognitionAsyncStub

_Served = tuple[RecognizerServer, "RecognitionAsyncStub"]


@pytest.fixture
async def served(model: Model, rules: SpeechRulebook) -> AsyncIterator[_Served]:
    settings = Settings(recognizer=Recognizer(listen="127.0.0.1:0", workers=1))
    plans = [planned.single(settings.recognizer, model)]
    async with (
        RecognizerServer(settings, rules, plans, "") as server,
        transport.channel_to(f"127.0.0.1:{server.port}", Tls()) as channel,
    ):
        yield server, RecognitionStub(channel)


@pytest.fixture
def call(calls_folder: Path) -> Recording:
    return recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")


async def _half_heard(
    stub: "RecognitionAsyncStub", call: Recording, goes_on: asyncio.Event
) -> "asyncio.Task[Listened]":
    """The call as it is listened to, once half of it is sent; the rest waits for `goes_on`."""
    half = asyncio.Event()
    requests = [each async for each in requests_of(call)]

    async def sent() -> AsyncIterator[recognition_pb2.ListenRequest]:
        for at, each in enumerate(requests):
            if at == len(requests) // 2:
                half.set()
                await goes_on.wait()
            yield each

    running = asyncio.create_task(listen(stub, sent()))
    await half.wait()
    return running


async def _refused(stub: "RecognitionAsyncStub") -> str:
    """Why a further call is not taken."""

    async def begins() -> AsyncIterator[recognition_pb2.ListenRequest]:
        yield start()

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await listen(stub, begins())
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    return str(refused.value.details())


async def test_who_ends_in_time_is_heard_to_the_end_and_nobody_else_is_taken(
    served: _Served, call: Recording
) -> None:
    server, stub = served
    goes_on = asyncio.Event()
    async with asyncio.timeout(30):
        running = await _half_heard(stub, call, goes_on)
        ending = asyncio.create_task(server.end(drain_s=30))
        assert await _refused(stub) == ENDS
        assert not ending.done()
        goes_on.set()
        listened = await running
        await ending
    assert {each.rule for each in listened.findings.values()} >= {"refusal.explicit"}
    for leg in listened.covered.values():
        assert leg.analysed_s == pytest.approx(call.seconds, abs=0.01)


async def test_who_does_not_end_in_time_is_told_to_go_on_elsewhere(
    served: _Served, call: Recording
) -> None:
    server, stub = served
    async with asyncio.timeout(30):
        running = await _half_heard(stub, call, asyncio.Event())
        await server.end(drain_s=0.2)
        with pytest.raises(grpc.aio.AioRpcError) as left:
            await running
    assert (left.value.code(), left.value.details()) == (grpc.StatusCode.UNAVAILABLE, ENDS)
