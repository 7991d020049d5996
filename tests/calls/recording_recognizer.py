"""A Recognition service that keeps the audio it is sent, for tests that look at the frames; it says
what a test tells it to say.

What it does with a stream is the contract's: `ready` to `start`, `closing` to `end`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import grpc
import grpc.aio

from callwarden import transport
from callwarden.settings import Tls
from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import recognition_pb2 as recognition
from callwarden.v1.recognition_pb2_grpc import (
    RecognitionServicer,
    add_RecognitionServicer_to_server,
)

LEGS = (conversation.LEG_AGENT, conversation.LEG_CUSTOMER)
Context = grpc.aio.ServicerContext[recognition.ListenRequest, recognition.ListenResponse]


@dataclass
class Stream:
    """One Listen call: what came, and a queue of what to answer."""

    start: recognition.CallStart
    audio: list[recognition.Audio] = field(default_factory=list)
    messages: int = 0
    """That it came in."""
    end: recognition.CallEnd | None = None
    over: bool = False
    missing: list[conversation.NotAnalysed] = field(default_factory=list)
    """Of each leg, received and lost."""
    say: "asyncio.Queue[recognition.ListenResponse | None]" = field(default_factory=asyncio.Queue)
    """None ends the stream in the middle, as a recognizer that dies does."""

    def samples(self, leg: "conversation.Leg.ValueType") -> bytes:
        return b"".join(each.samples for each in self.audio if each.leg == leg)

    def seconds(self, leg: "conversation.Leg.ValueType") -> float:
        return len(self.samples(leg)) / 2 / self.start.sample_rate_hz

    def coverage(self) -> recognition.Coverage:
        """All that came, analysed; what another one had heard is not counted."""
        return recognition.Coverage(legs=[self._coverage(leg) for leg in LEGS])

    def _coverage(self, leg: "conversation.Leg.ValueType") -> conversation.LegCoverage:
        rate_hz = self.start.sample_rate_hz
        before = sum(round(e.until_s * rate_hz) for e in self.start.heard_until if e.leg == leg)
        ends = [
            (each.first_sample, each.first_sample + len(each.samples) // 2)
            for each in self.audio
            if each.leg == leg
        ]
        counted_s = sum(max(0, end - max(begin, before)) for begin, end in ends) / rate_hz
        return conversation.LegCoverage(
            leg=leg,
            received_s=counted_s,
            analysed_s=max(0.0, counted_s - sum(e.end_s - e.start_s for e in self.missing)),
            missing=self.missing,
            until_s=max([before, *(end for _, end in ends)]) / rate_hz,
        )


class RecordingRecognizer(RecognitionServicer):
    """`refusing` answers every Listen with that status; `describing` is added to how it describes
    itself."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.refusing: grpc.StatusCode | None = None
        self.model = "recording"
        self.learnt: dict[str, str] = {}
        self.missing = ""
        self.describing = recognition.DescribeResponse()
        self.fallback = ""
        self.missing_there: list[conversation.NotAnalysed] = []
        """What streams that begin from now on lose of each leg."""

    async def Describe(  # noqa: N802  # the name in the contract
        self, request: recognition.DescribeRequest, context: Context
    ) -> recognition.DescribeResponse:
        described = recognition.DescribeResponse(
            model=self.model,
            missing=self.missing,
            workers=1,
            workers_alive=1,
            learnt=self.learnt,
            calls=sum(not each.over for each in self.streams),
        )
        described.MergeFrom(self.describing)
        return described

    async def LearnRulebook(  # noqa: N802  # the name in the contract
        self, request: recognition.LearnRulebookRequest, context: Context
    ) -> recognition.LearnRulebookResponse:
        self.learnt[request.rulebook.digest] = request.content
        return recognition.LearnRulebookResponse()

    async def Listen(  # noqa: N802  # the name in the contract
        self, requests: AsyncIterator[recognition.ListenRequest], context: Context
    ) -> AsyncIterator[recognition.ListenResponse]:
        if self.refusing:
            await context.abort(self.refusing, "told to refuse")
        first = await anext(requests)
        assert first.HasField("start")
        if {first.start.rulebook_digest, first.start.shadow_digest} - {"", *self.learnt}:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "a rulebook to be learnt")
        stream = Stream(first.start, missing=self.missing_there)
        self.streams.append(stream)
        yield recognition.ListenResponse(
            ready=recognition.Ready(model=self.model, fallback=self.fallback)
        )
        reading = asyncio.get_running_loop().create_task(self._read(stream, requests))
        try:
            while (response := await stream.say.get()) is not None:
                yield response
                if response.HasField("closing"):
                    return
            await context.abort(grpc.StatusCode.UNAVAILABLE, "told to die")
        finally:
            stream.over = True
            reading.cancel()

    async def _read(
        self, stream: Stream, requests: AsyncIterator[recognition.ListenRequest]
    ) -> None:
        async for request in requests:
            if request.HasField("pieces"):
                stream.messages += 1
                stream.audio.extend(request.pieces.audio)
                told = recognition.ListenResponse(coverage=stream.coverage())
            else:
                stream.end = request.end
                told = recognition.ListenResponse(closing=stream.coverage())
            stream.say.put_nowait(told)


@contextlib.asynccontextmanager
async def serving(address: str) -> AsyncIterator[tuple[RecordingRecognizer, int]]:
    """The service at `address`, with the port it has."""
    recognizer, server = RecordingRecognizer(), transport.server()
    add_RecognitionServicer_to_server(recognizer, server)
    port = transport.serve_on(server, address, Tls())
    await server.start()
    try:
        yield recognizer, port
    finally:
        await server.stop(0)
