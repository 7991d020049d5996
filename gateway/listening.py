"""Owns one call's way to the recognizer and back: audio of both legs out, utterances and findings
in, and the account of what was analysed.

Made by `asterisk.answered_call` for each answered call. The call never waits for it: audio that
cannot be sent is dropped, oldest first, and what was not analysed stands in the coverage with its
cause, never as clean.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

import grpc
import grpc.aio
import structlog

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import recognition_pb2 as recognition
from gateway.media.reception import SAMPLE_RATE_HZ, Talking
from gateway.recognizer_link import RecognizerLink
from policy.on_the_wire import LEG_OF, WIRE_OF, product_message
from policy.speech.circumstances import ProductFacts
from policy.speech.utterance import Leg

_log = structlog.get_logger(__name__)

_KEPT_S: Final = 5.0
"""Audio of a leg kept while there is nobody to send it to: a recognizer that comes back within this
has missed nothing."""
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 3.0
_READY_S: Final = 5.0
_CLOSING_S: Final = 10.0
"""How long the last words of a call may take to be analysed after its hang-up."""
_ROUNDING_S: Final = 0.3
"""Analysed to within this of what was received is analysed: a recognizer counts in steps."""

_NOT_RECEIVED: Final = "not-received"
"""A recognizer's word for gaps in what we sent; why they are there is known on this side."""
_UNKNOWN_PRODUCT: Final = ProductFacts()
UNREACHED: Final = "recognizer-unreachable"
LOST: Final = "recognizer-lost"
BEHIND: Final = "recognizer-behind"


class Outlet(Protocol):
    """Where what was heard goes. Called in the event loop; must not block."""

    def heard(self, utterance: conversation.Utterance) -> None: ...

    def found(self, finding: conversation.Finding) -> None: ...

    def looked(self, look: conversation.SecondLook) -> None:
        """Seconds in doubt were listened to once more; what follows from it comes after."""

    def owed(self, duties: Sequence[conversation.Duty]) -> None:
        """All that must be told on the call, told by now or not: one of them has changed."""

    def changed(self) -> None:
        """`cause`, `talking` or the coverage is another one."""


class _Broken(Exception):
    """The stream cannot go on; the text is the cause shown."""


class _Stream:
    """One Listen call. A call has another one after each that broke."""

    def __init__(self, first: bool) -> None:
        self.first = first
        self.ready = asyncio.Event()
        self.closed = False
        self.suffix = ""
        self.analysed_s = dict.fromkeys(Leg, 0.0)
        self.causes: dict[Leg, set[str]] = {leg: set() for leg in Leg}


class Listening:
    """One call. `hear` takes its audio; `run` is its task; `end` says that it is over."""

    def __init__(
        self,
        call_id: str,
        scene: str,
        link: RecognizerLink,
        outlet: Outlet,
        *,
        message_ms: int,
        resumed: bool = False,
        dialect: str = "",
        product: ProductFacts = _UNKNOWN_PRODUCT,
    ) -> None:
        """`resumed`: an earlier gateway listened to this call, so names of its are taken."""
        self._start = recognition.CallStart(
            call_id=call_id,
            scene=scene,
            sample_rate_hz=SAMPLE_RATE_HZ,
            dialect=dialect,
            product=product_message(product),
        )
        self._link = link
        self._outlet = outlet
        self._message_bytes = message_ms * SAMPLE_RATE_HZ // 1000 * 2
        self._most_messages = int(2 * _KEPT_S * 1000 / message_ms)
        self._pending = {leg: (0, bytearray()) for leg in Leg}
        self._queue: deque[recognition.Audio] = deque()
        self._arrived = asyncio.Event()
        self._talking = {leg: Talking() for leg in Leg}
        self._received = dict.fromkeys(Leg, 0)
        self._analysed_before_s = dict.fromkeys(Leg, 0.0)
        self._causes: dict[Leg, set[str]] = {leg: set() for leg in Leg}
        self._dropped = False
        self._stream = _Stream(first=not resumed)
        self._ended_after_s: float | None = None
        self.cause = link.cause or "the recognizer is being asked"
        """Why what is said is not analysed at this moment; empty while it is."""

    @property
    def talking(self) -> frozenset[Leg]:
        return frozenset(leg for leg in Leg if self._talking[leg].now)

    def hear(self, leg: Leg, first_sample: int, samples: bytes) -> None:
        """Takes 8 kHz signed 16-bit little-endian samples, at their place in the call."""
        self._received[leg] += len(samples) // 2
        start, pending = self._pending[leg]
        if pending and first_sample != start + len(pending) // 2:
            self._send(leg, start, bytes(pending))
            pending.clear()
        if not pending:
            start = first_sample
        pending += samples
        while len(pending) >= self._message_bytes:
            self._send(leg, start, bytes(pending[: self._message_bytes]))
            del pending[: self._message_bytes]
            start += self._message_bytes // 2
        self._pending[leg] = (start, pending)

    def _send(self, leg: Leg, first_sample: int, samples: bytes) -> None:
        if self._talking[leg].hear(first_sample, samples):
            self._outlet.changed()
        self._queue.append(
            recognition.Audio(leg=WIRE_OF[leg], first_sample=first_sample, samples=samples)
        )
        if len(self._queue) > self._most_messages:
            dropped = LEG_OF[self._queue.popleft().leg]
            self._causes[dropped].add(UNREACHED if self.cause else BEHIND)
            self._dropped = True
        self._arrived.set()

    async def run(self) -> None:
        """Streams until the call is over and its last words are analysed. Tries anew, for as long
        as the call is up, whenever the recognizer is away."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._listen(self._stream)
            except grpc.aio.AioRpcError as error:
                cause = self._link.why(error)
            except _Broken as broken:
                cause = str(broken)
            except (KeyError, ValueError):
                cause = "the recognizer sent what this gateway does not know: use one version"
            if self._stream.closed:
                return
            was_ready = self._stream.ready.is_set()
            self._account(LOST if was_ready else UNREACHED)
            if self._ended_after_s is not None:
                return
            if cause != self.cause:
                _log.warning("not analysed", call=self._start.call_id, cause=cause)
            self._become(cause)
            pause_s = _FIRST_PAUSE_S if was_ready else min(2 * pause_s, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    def _account(self, cause: str) -> None:
        """Closes the account of a stream that broke: what it last said it had analysed counts."""
        for leg in Leg:
            self._analysed_before_s[leg] += self._stream.analysed_s[leg]
            self._causes[leg] |= self._stream.causes[leg] | {cause}
        self._stream = _Stream(first=self._stream.first and cause == UNREACHED)

    def _become(self, cause: str) -> None:
        self.cause = cause
        self._outlet.changed()

    async def _listen(self, stream: _Stream) -> None:
        call = self._link.stub.Listen(self._requests(stream))
        try:
            async with asyncio.timeout(_READY_S) as patience:
                async for response in call:
                    kind = response.WhichOneof("payload")
                    if kind == "ready":
                        patience.reschedule(None)
                        stream.ready.set()
                        self._become("")
                    else:
                        self._take(stream, kind, response)
        except TimeoutError:
            raise _Broken("the recognizer does not answer: see its log") from None
        finally:
            call.cancel()
        if not stream.closed:
            raise _Broken("the recognizer ended the stream: see its log")

    async def _requests(self, stream: _Stream) -> AsyncIterator[recognition.ListenRequest]:
        self._start.resumed = not stream.first or self._dropped
        self._start.rulebook_digest, self._start.shadow_digest = self._link.digests
        yield recognition.ListenRequest(start=self._start)
        await stream.ready.wait()
        while True:
            while self._queue and stream is self._stream:
                audio = self._queue.popleft()
                if not stream.first and not stream.suffix:
                    # The recognizer counts anew in each stream; in the call, names must not repeat.
                    stream.suffix = f"@{audio.first_sample // SAMPLE_RATE_HZ}"
                yield recognition.ListenRequest(audio=audio)
            if stream is not self._stream:  # gRPC lets go of a broken stream's requests late
                return
            if self._ended_after_s is not None:
                end = recognition.CallEnd(seconds=self._ended_after_s)
                yield recognition.ListenRequest(end=end)
                return
            self._arrived.clear()
            await self._arrived.wait()

    def _take(
        self, stream: _Stream, kind: str | None, response: recognition.ListenResponse
    ) -> None:
        if kind == "utterance":
            response.utterance.utterance_id += stream.suffix
            self._outlet.heard(response.utterance)
        elif kind == "finding":
            response.finding.finding_id += stream.suffix
            self._outlet.found(response.finding)
        elif kind == "second_look":
            response.second_look.doubt_id += stream.suffix
            self._outlet.looked(response.second_look)
        elif kind == "duties":
            self._outlet.owed(response.duties.duties)
        elif kind in ("coverage", "closing"):
            told = response.coverage if kind == "coverage" else response.closing
            for each in told.legs:
                stream.analysed_s[LEG_OF[each.leg]] = each.analysed_s
                stream.causes[LEG_OF[each.leg]] = set(each.causes) - {_NOT_RECEIVED}
            stream.closed = kind == "closing"
            self._outlet.changed()

    async def end(self, seconds: float, running: asyncio.Task[None]) -> None:
        """The call is over after `seconds`: waits, within a bound, until its last words are
        analysed. `running` is the task of `run`."""
        for leg, (start, pending) in self._pending.items():
            if pending:
                self._send(leg, start, bytes(pending))
            self._pending[leg] = (0, bytearray())
        self._ended_after_s = seconds
        self._arrived.set()
        hopeless = self.cause and self._link.cause
        done, _ = await asyncio.wait({running}, timeout=0 if hopeless else _CLOSING_S)
        if not done:
            running.cancel()
            await asyncio.wait({running})
            self._account(UNREACHED if self.cause else BEHIND)

    def coverage(self, call_seconds: float) -> dict[Leg, conversation.LegCoverage]:
        """What was heard of each leg of a call that is (or was) this long."""
        accounts = {}
        for leg in Leg:
            received_s = min(self._received[leg] / SAMPLE_RATE_HZ, call_seconds)
            analysed_s = self._analysed_before_s[leg] + self._stream.analysed_s[leg]
            missing = received_s - analysed_s > _ROUNDING_S
            accounts[leg] = conversation.LegCoverage(
                leg=WIRE_OF[leg],
                received_s=received_s,
                analysed_s=min(analysed_s, received_s),
                causes=sorted(self._stream.causes[leg] | (self._causes[leg] if missing else set())),
            )
        return accounts
