"""Owns one `Listen` stream: what a client may send in which order, and the order of what it gets.

Called by the service, one Listening a stream. Whatever ends the stream, `close` leaves nothing of
it behind.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from datetime import date
from typing import Final

import grpc

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import recognition_pb2 as wire
from policy.on_the_wire import (
    LEG_OF,
    WIRE_OF,
    duties_message,
    finding_message,
    identity_message,
    missing_messages,
    product_of,
    second_look_message,
    utterance_message,
)
from policy.speech.circumstances import CallCircumstances
from policy.speech.finding import Finding
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Utterance
from recognizer.analysis import Analysis, AnalysisFailed
from recognizer.heard_elsewhere import HeardElsewhere, heard_elsewhere
from recognizer.load import Load
from recognizer.opening import Opening, pieces_of, told_in_time
from recognizer.pools import Choice, NoPoolAlive, Pools
from recognizer.rulebooks import Rulebooks, UnknownRulebook
from recognizer.told import Heard, LegCoverage, Looked, Owed, ShadowFinding

START_LIMIT_S: Final = 10.0
RATES_HZ: Final = (8000, 16000)
LONGEST_MESSAGE_S: Final = 5.0
LONGEST_CALL_S: Final = 24 * 3600.0
UNREAD_LIMIT: Final = 1000
"""Events a client may leave unread; findings are never dropped, so the stream ends instead."""
_COVERAGE_EVERY_S: Final = 2.0
_SCENE: Final = re.compile(r"(\*|[a-z0-9_-]+(\.[a-z0-9_-]+)*)?")
_DIALECT: Final = re.compile(r"([a-z]{3}(-[a-z]+)*)?")


class Refused(Exception):
    """The stream ends with this status."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self.code, self.details = code, details


def _invalid(details: str) -> Refused:
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, details)


def _unknown(request: wire.ListenRequest | None, details: str) -> Refused:
    """A message without a payload that this contract knows."""
    if request is not None and request.ByteSize() and not request.WhichOneof("payload"):
        newer = "a message of a newer contract: use one version of gateway and recognizer"
        return Refused(grpc.StatusCode.UNIMPLEMENTED, newer)
    return _invalid(details)


class Listening:
    """One call's stream. `requests` is what the client sends."""

    def __init__(
        self,
        requests: AsyncIterator[wire.ListenRequest],
        pools: Pools,
        rulebooks: Rulebooks,
        today: date,
        load: Load,
        *,
        identify_s: float = 0.0,
    ) -> None:
        """`identify_s` of the customer's speech tell the dialect of a call that has none; 0: it is
        not told."""
        self._requests, self._pools, self._rulebooks = requests, pools, rulebooks
        self._today = today
        self._load, self._identify_s = load, identify_s
        self._opening: asyncio.Task[str] | None = None
        self._unread: deque[Heard] = deque()
        self._news = asyncio.Event()
        self._analysis: Analysis | None = None
        self._reader: asyncio.Task[None] | None = None
        self._overrun = False
        self._leaves = ""

    async def responses(self) -> AsyncIterator[wire.ListenResponse]:
        """From `ready` to `closing`. Raises Refused."""
        start = await self._start()
        rulebook = self._rulebook(start.rulebook_digest)
        shadow = self._rulebook(start.shadow_digest) if start.shadow_digest else None
        elsewhere = _elsewhere(start)
        if not start.recorded:
            self._admit(running=start.resumed or bool(start.heard_until))
        self._rate_hz = start.sample_rate_hz
        dialect = start.dialect
        if self._is_to_be_identified(start):
            yield self._ready(self._pool(""), rulebook)
            opening = Opening(
                self._requests, start.sample_rate_hz, self._identify_s, self._pools.dialect
            )
            self._opening = asyncio.create_task(opening.dialect())
            while not await told_in_time(self._opening, _COVERAGE_EVERY_S):
                yield wire.ListenResponse(coverage=wire.Coverage())
            dialect = self._opening.result()
            self._requests = opening.requests()
        choice = self._pool(dialect)
        analysis = self._analysis = Analysis(
            choice.pool,
            rulebook,
            self._circumstances(start, dialect),
            rate_hz=start.sample_rate_hz,
            deliver=self._take,
            shadow=shadow,
            patient=start.recorded,
            elsewhere=elsewhere,
            load=None if start.recorded else self._load,
        )
        yield self._ready(choice, rulebook)
        self._reader = asyncio.create_task(self._read(analysis))
        self._reader.add_done_callback(lambda _: self._news.set())
        told_at = time.monotonic()
        while not (self._reader.done() and not self._unread):
            await self._wait_for_news()
            while self._unread:
                yield _response(self._unread.popleft())
            if self._overrun:
                raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "the client does not read")
            if self._leaves:
                # Where it stood, so that no more than needed is heard again.
                yield self._covered(analysis)
                raise Refused(grpc.StatusCode.UNAVAILABLE, self._leaves)
            if time.monotonic() - told_at >= _COVERAGE_EVERY_S:
                told_at = time.monotonic()
                yield self._covered(analysis)
        self._reader.result()
        closing = wire.Coverage(legs=_coverage(analysis.coverage()))
        yield wire.ListenResponse(closing=closing)

    def _is_to_be_identified(self, start: wire.CallStart) -> bool:
        """A call that goes on here was heard by somebody already: its words do not wait."""
        moved = start.resumed or start.heard or start.heard_until
        unknown = not start.dialect and not moved
        return unknown and self._identify_s > 0 and self._pools.identifies

    def _ready(self, choice: Choice, rulebook: SpeechRulebook) -> wire.ListenResponse:
        return wire.ListenResponse(
            ready=wire.Ready(
                model=choice.pool.model.name,
                rulebook=identity_message(rulebook.identity),
                fallback=choice.fallback,
            )
        )

    def leave(self, why: str) -> None:
        """The call is to go on at another recognizer: the stream ends as soon as all is told."""
        self._leaves = why
        self._news.set()

    def _covered(self, analysis: Analysis) -> wire.ListenResponse:
        return wire.ListenResponse(coverage=wire.Coverage(legs=_coverage(analysis.coverage())))

    def close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        if self._reader is not None:
            self._reader.cancel()
        if self._analysis is not None:
            self._analysis.close()

    async def read_to_the_end(self) -> None:
        """Waits until all the client sent has been taken, whether or not it reads."""
        if self._reader is not None:
            await asyncio.wait({self._reader})

    def _admit(self, *, running: bool) -> None:
        """Raises Refused."""
        why = self._load.why_not(running=running)
        if why:
            self._load.refused += 1
            raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, f"no further call is taken: {why}")

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(_COVERAGE_EVERY_S):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()

    def _take(self, heard: Heard) -> None:
        """A partial that was not read yet gives way to the next one of its utterance."""
        last = self._unread[-1] if self._unread else None
        if (
            isinstance(heard, Utterance)
            and isinstance(last, Utterance)
            and last.utterance_id == heard.utterance_id
        ):
            self._unread.pop()
        if len(self._unread) >= UNREAD_LIMIT:
            self._overrun = True
            return
        self._unread.append(heard)
        self._news.set()

    async def _start(self) -> wire.CallStart:
        try:
            request = await asyncio.wait_for(anext(self._requests, None), START_LIMIT_S)
        except TimeoutError:
            raise Refused(
                grpc.StatusCode.DEADLINE_EXCEEDED, f"no start within {START_LIMIT_S:.0f} s"
            ) from None
        if request is None or request.WhichOneof("payload") != "start":
            raise _unknown(request, "the first message must be start")
        start = request.start
        if not 0 < len(start.call_id) <= 200:
            raise _invalid("call_id must have 1 to 200 characters")
        if start.sample_rate_hz not in RATES_HZ:
            raise _invalid(f"sample_rate_hz must be one of {RATES_HZ}, not {start.sample_rate_hz}")
        if not _SCENE.fullmatch(start.scene):
            raise _invalid("scene must be a dotted name such as marketing.loan, or empty")
        if not _DIALECT.fullmatch(start.dialect):
            raise _invalid("dialect must be an ISO 639-3 code such as yue or cmn-sichuan, or empty")
        return start

    def _pool(self, dialect: str) -> Choice:
        """Raises Refused."""
        try:
            return self._pools.choose(dialect)
        except NoPoolAlive:
            why = "no worker is alive; new ones are being started"
            raise Refused(grpc.StatusCode.UNAVAILABLE, why) from None

    def _circumstances(self, start: wire.CallStart, dialect: str) -> CallCircumstances:
        return CallCircumstances(
            scene=start.scene,
            on=self._today,
            dialect=dialect,
            product=product_of(start.product),
            resumed=start.resumed,
        )

    def _rulebook(self, digest: str) -> SpeechRulebook:
        try:
            return self._rulebooks.of(digest)
        except UnknownRulebook:
            why = f"rulebook {digest[:12]} is not known here: LearnRulebook first"
            raise Refused(grpc.StatusCode.FAILED_PRECONDITION, why) from None

    async def _read(self, analysis: Analysis) -> None:
        """Until the end of the call; then waits for the last words. Raises Refused."""
        seconds = 0.0
        try:
            await analysis.go_on()
            async for request in self._requests:
                match request.WhichOneof("payload"):
                    case "audio" | "pieces":
                        for audio in pieces_of(request):
                            await self._hear(analysis, audio)
                    case "end":
                        seconds = request.end.seconds
                        break
                    case "start":
                        raise _invalid("start came twice")
                    case _:
                        raise _unknown(request, "a message that is neither audio nor end")
            if not 0 <= seconds <= LONGEST_CALL_S:
                raise _invalid(f"seconds must lie between 0 and {LONGEST_CALL_S:.0f}")
            await analysis.finish(seconds)
        except AnalysisFailed as error:
            raise Refused(grpc.StatusCode.INTERNAL, str(error)) from None

    async def _hear(self, analysis: Analysis, audio: wire.Audio) -> None:
        leg, samples = LEG_OF.get(audio.leg), len(audio.samples) // 2
        if leg is None:
            raise _invalid("audio of no leg")
        if len(audio.samples) % 2 or not samples:
            raise _invalid(f"{len(audio.samples)} bytes are not 16-bit samples")
        if samples > LONGEST_MESSAGE_S * self._rate_hz:
            raise _invalid(f"more than {LONGEST_MESSAGE_S:.0f} s of audio in one message")
        if audio.first_sample > LONGEST_CALL_S * self._rate_hz:
            raise _invalid("first_sample lies beyond the longest call")
        try:
            await analysis.hear(leg, audio.first_sample, audio.samples)
        except ValueError as error:
            raise _invalid(f"{leg.value}: {error}") from None


def _elsewhere(start: wire.CallStart) -> HeardElsewhere:
    """Raises Refused."""
    try:
        return heard_elsewhere(start)
    except ValueError as error:
        raise _invalid(str(error)) from None


def _response(heard: Heard) -> wire.ListenResponse:
    if isinstance(heard, ShadowFinding):
        finding = finding_message(heard.finding)
        finding.shadow = True
        return wire.ListenResponse(finding=finding)
    if isinstance(heard, Finding):
        return wire.ListenResponse(finding=finding_message(heard))
    if isinstance(heard, Looked):
        return wire.ListenResponse(second_look=second_look_message(heard.doubt, heard.answer))
    if isinstance(heard, Owed):
        return wire.ListenResponse(duties=duties_message(heard.duties))
    return wire.ListenResponse(utterance=utterance_message(heard))


def _coverage(of: Iterable[LegCoverage]) -> list[conversation.LegCoverage]:
    return [
        conversation.LegCoverage(
            leg=WIRE_OF[each.leg],
            received_s=each.received_s,
            analysed_s=each.analysed_s,
            causes=each.causes,
            until_s=each.until_s,
            missing=missing_messages(each.missing),
        )
        for each in of
    ]
