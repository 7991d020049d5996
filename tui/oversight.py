"""Owns the console's side of the oversight API: watching, watching anew, asking for an act.

Started and drained by the app a few times a second, so that a flood of events is one repaint. The
one invariant: whatever breaks, it says why and tries again by itself; it never ends the console.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from callwarden.v1.oversight_pb2 import Event, PastCallRequest, WatchRequest
from callwarden.v1.oversight_pb2_grpc import OversightStub

Reply = TypeVar("Reply", bound=Message)

HISTORY = 200
SILENCE_S = 12.0
"""The gateway tells its health every 2 s; a stream silent for so long is taken for dead."""
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 5.0)
_PAST_CALL_S = 30.0
_ANSWER_S = 8.0


@dataclass(frozen=True)
class Began:
    """A stream began; the present state follows."""


@dataclass(frozen=True)
class Lost:
    """The stream ended. `retry_at`: when the next try is due, by the console's clock."""

    why: str
    retry_at: float


@dataclass(frozen=True)
class Received:
    """What came, and when, in seconds since 1970-01-01 UTC by the console's clock."""

    at: float
    what: Began | Lost | Event


class Kind(Enum):
    """Why something asked for was not done; the values name what the console says of it."""

    GONE = "refused.gone"
    FORBIDDEN = "refused.forbidden"
    UNKNOWN_PERSON = "refused.unknown-person"
    WANTING = "refused.wanting"
    AWAY = "refused.away"
    OLD = "refused.old"
    DEMO = "refused.demo"


_KINDS = {
    grpc.StatusCode.NOT_FOUND: Kind.GONE,
    grpc.StatusCode.PERMISSION_DENIED: Kind.FORBIDDEN,
    grpc.StatusCode.UNAUTHENTICATED: Kind.UNKNOWN_PERSON,
    grpc.StatusCode.INVALID_ARGUMENT: Kind.WANTING,
    grpc.StatusCode.FAILED_PRECONDITION: Kind.WANTING,
    grpc.StatusCode.ALREADY_EXISTS: Kind.WANTING,
    grpc.StatusCode.UNIMPLEMENTED: Kind.OLD,
}


class Refused(Exception):
    """The gateway did not do it; the text is the gateway's own."""

    def __init__(self, why: str, kind: Kind) -> None:
        super().__init__(why)
        self.kind = kind


class Source(Protocol):
    """Where events come from: the gateway, or a recorded session."""

    def start(self) -> None: ...

    def take(self) -> Sequence[Received]:
        """What came since the last call, in order."""

    def watch_anew(self) -> None:
        """Ends the present stream and begins another."""

    async def ask(self, request: Message, reply: type[Reply]) -> Reply:
        """What the gateway answers to `request`, whose name is that of the call with `Request`
        behind it. Raises Refused."""

    async def past_call(self, call_id: str) -> Sequence[Event]:
        """A call from the ledger: itself, then all that fell on it. Raises Refused."""

    async def close(self) -> None: ...


class OversightStream:
    """The gateway's stream over a channel that the caller owns and closes."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        clock: Callable[[], float] = time.time,
        backoff_s: Sequence[float] = BACKOFF_S,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._channel = channel
        self._stub = OversightStub(channel)
        self._clock = clock
        self._backoff_s = backoff_s
        self._silence_s = silence_s
        self._received: list[Received] = []
        self._task: asyncio.Task[None] | None = None
        self._stream: grpc.aio.UnaryStreamCall[WatchRequest, Event] | None = None
        self._anew = False
        self._heard = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch_for_ever(), name="oversight")

    def take(self) -> Sequence[Received]:
        taken, self._received = self._received, []
        return taken

    def watch_anew(self) -> None:
        self._anew = True
        if self._stream is not None:
            self._stream.cancel()

    async def ask(self, request: Message, reply: type[Reply]) -> Reply:
        name = type(request).__name__.removesuffix("Request")
        asking: grpc.aio.UnaryUnaryMultiCallable[Message, Reply] = self._channel.unary_unary(
            f"/callwarden.v1.Oversight/{name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=reply.FromString,
        )
        try:
            return await asking(request, timeout=_ANSWER_S)
        except grpc.aio.AioRpcError as error:
            raise Refused(_why(error), _KINDS.get(error.code(), Kind.AWAY)) from None

    async def past_call(self, call_id: str) -> Sequence[Event]:
        try:
            told = self._stub.PastCall(PastCallRequest(call_id=call_id), timeout=_PAST_CALL_S)
            return [event async for event in told]
        except grpc.aio.AioRpcError as error:
            raise Refused(_why(error), _KINDS.get(error.code(), Kind.AWAY)) from None

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch_for_ever(self) -> None:
        failures = 0
        while True:
            why = await self._watch_once()
            if self._anew:
                self._anew = False
                await asyncio.sleep(self._backoff_s[0])
                continue
            failures = 0 if self._heard else failures
            wait_s = self._backoff_s[min(failures, len(self._backoff_s) - 1)]
            failures += 1
            self._add(Lost(why, self._clock() + wait_s))
            await asyncio.sleep(wait_s)

    async def _watch_once(self) -> str:
        """Watches until the stream ends and says why it did."""
        self._heard = False
        self._stream = self._stub.Watch(WatchRequest(history=HISTORY))
        self._add(Began())
        try:
            while True:
                async with asyncio.timeout(self._silence_s):
                    event = await self._stream.read()
                if event is grpc.aio.EOF:
                    return "the gateway ended the stream"
                assert isinstance(event, Event)  # noqa: S101  # read() gives EOF or an Event
                self._heard = True
                self._add(event)
        except TimeoutError:
            return f"nothing heard for {self._silence_s:.0f} s"
        except grpc.aio.AioRpcError as error:
            return _why(error)
        except asyncio.CancelledError:
            if not self._anew:
                raise
            return "watching anew"
        finally:
            self._stream.cancel()
            self._stream = None

    def _add(self, what: Began | Lost | Event) -> None:
        self._received.append(Received(self._clock(), what))


def _why(error: grpc.aio.AioRpcError) -> str:
    """The gateway's words where it said any, else the status; of gRPC's chain of reasons for not
    connecting, the last."""
    said = error.details() or error.code().name.lower().replace("_", " ")
    return said.rpartition(": ")[2] if said.startswith("failed to connect") else said
