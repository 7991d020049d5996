"""Owns one call's way to the recognizer and back: audio of both legs out, utterances and findings
in, and the account of what was analysed.

Made by `asterisk.answered_call` for each answered call. The call never waits for it: audio that
cannot be sent is dropped, oldest first, and what was not analysed stands in the coverage with its
cause, never as clean. A call whose recognizer is lost goes on at another one, which is told what
was heard for certain and sent the audio since then.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Final

import grpc
import grpc.aio
import structlog

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import recognition_pb2 as recognition
from gateway.heard_so_far import HeardSoFar
from gateway.kept_audio import KeptAudio
from gateway.media.reception import SAMPLE_RATE_HZ, Talking
from gateway.missed_audio import MissedAudio
from gateway.pieces import Pieces
from gateway.recognizer_link import RecognizerLink
from gateway.recognizer_stream import FULL, OVERLOAD, UNREACHED, Outlet, Stream
from gateway.recognizers import Recognizers
from policy.on_the_wire import LEG_OF, WIRE_OF, missing_messages, missing_of, product_message
from policy.speech.circumstances import ProductFacts
from policy.speech.not_analysed import NOT_RECEIVED, NotAnalysed, clipped
from policy.speech.utterance import Leg

_log = structlog.get_logger(__name__)

_KEPT_S: Final = 25.0
"""Audio kept of a leg: a recognizer that takes the call within this has missed nothing."""
_PIECES_A_MESSAGE: Final = 20
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 3.0
_READY_S: Final = 5.0
_SILENT_S: Final = 5.0
"""A recognizer tells the coverage every 2 s; one that says nothing for this long hangs."""
_CLOSING_S: Final = 30.0
"""How long the last words of a call may take to be analysed after its hang-up, by a recognizer that
is behind or took the call over late."""
_CLOSING_UNHEARD_S: Final = 10.0
"""The same where none has the call."""
_ROUNDING_S: Final = 0.3
"""Analysed to within this of what was received is analysed: a recognizer counts in steps."""
_MISSED_S: Final = 1.0
"""A gap this long may hold words: no rule may say of the leg what it did not say."""

_UNKNOWN_PRODUCT: Final = ProductFacts()


class _Broken(Exception):
    """The stream cannot go on; the text is the cause shown."""


class Listening:
    """One call. `hear` takes its audio; `run` is its task; `end` says that it is over."""

    def __init__(
        self,
        call_id: str,
        scene: str,
        recognizers: Recognizers,
        outlet: Outlet,
        *,
        message_ms: int,
        resumed: bool = False,
        dialect: str = "",
        product: ProductFacts = _UNKNOWN_PRODUCT,
    ) -> None:
        """`resumed`: an earlier gateway listened to this call, so names of its are taken."""
        self._about = recognition.CallStart(
            call_id=call_id,
            scene=scene,
            sample_rate_hz=SAMPLE_RATE_HZ,
            resumed=resumed,
            dialect=dialect,
            product=product_message(product),
        )
        self._recognizers = recognizers
        self._outlet = outlet
        self._pieces = Pieces(message_ms)
        self._kept = {leg: KeptAudio(_KEPT_S) for leg in Leg}
        self._arrived = asyncio.Event()
        self._missed_audio = {leg: MissedAudio() for leg in Leg}
        self._talking = {leg: Talking() for leg in Leg}
        self._received = dict.fromkeys(Leg, 0)
        self._expected = dict.fromkeys(Leg, 0)
        self._so_far = HeardSoFar()
        self._until_s = dict.fromkeys(Leg, 0.0)
        """What recognizers that were lost have heard of each leg, for good."""
        self._analysed_before_s = dict.fromkeys(Leg, 0.0)
        self._missed: set[Leg] = set()
        self._causes: dict[Leg, set[str]] = {leg: set() for leg in Leg}
        self._suffix = ""
        self._was_heard = False
        self._remarks: set[str] = set()
        self._stream: Stream | None = None
        self._lost = UNREACHED
        """Why the last one that broke analysed no more."""
        self._ended_after_s: float | None = None
        self.cause = recognizers.cause or "the recognizer is being asked"
        """Why what is said is not analysed at this moment; empty while it is."""

    @property
    def talking(self) -> frozenset[Leg]:
        return frozenset(leg for leg in Leg if self._talking[leg].now)

    def hear(self, leg: Leg, first_sample: int, samples: bytes) -> None:
        """Takes 8 kHz signed 16-bit little-endian samples, at their place in the call."""
        self._received[leg] += len(samples) // 2
        for piece in self._pieces.hear(leg, first_sample, samples):
            self._keep(*piece)

    def _keep(self, leg: Leg, first_sample: int, samples: bytes) -> None:
        """Until it is sent, and as long as it may have to be sent again."""
        if self._about.resumed and not self._suffix:
            # The recognizer counts anew; in the call, names must not repeat.
            self._suffix = f"@{first_sample // SAMPLE_RATE_HZ}"
        if self._talking[leg].hear(first_sample, samples):
            self._outlet.changed()
        if first_sample - self._expected[leg] > _MISSED_S * SAMPLE_RATE_HZ:
            self._missed.add(leg)
        self._expected[leg] = first_sample + len(samples) // 2
        missed = self._missed_audio[leg]
        missed.came(first_sample / SAMPLE_RATE_HZ, self._expected[leg] / SAMPLE_RATE_HZ)
        sent, unsent = self._kept[leg].add(first_sample, samples)
        for span in sent:
            missed.let_go(span, self._heard_until_s(leg))
        for span in unsent:
            missed.dropped(span, self._why_unsent, self._until_s[leg])
        if unsent:
            self._causes[leg].add(self._why_unsent)
            self._missed.add(leg)
        self._arrived.set()

    def _heard_until_s(self, leg: Leg) -> float:
        """Second of the call up to which words were told, by the present recognizer too."""
        return max(self._until_s[leg], self._stream.until_s[leg] if self._stream else 0.0)

    @property
    def _why_unsent(self) -> str:
        if not self.cause:
            return OVERLOAD
        refused = self._stream.refused if self._stream else self._lost == FULL
        return FULL if refused else UNREACHED

    async def run(self) -> None:
        """Streams until the call is over and its last words are analysed. Whenever a recognizer is
        lost or takes no call, goes on at another one; tries all anew for as long as the call is
        up."""
        pause_s = _FIRST_PAUSE_S
        tried: set[RecognizerLink] = set()
        while True:
            link = self._recognizers.choose(tried)
            if link is None:
                if self._ended_after_s is not None and tried:
                    return
                tried.clear()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            stream = self._stream = self._begin(link)
            with link.carrying():
                cause = await self._why_it_ended(stream)
            if stream.closed:
                return
            self._account(stream)
            if stream.ready:
                tried.clear()
                pause_s = _FIRST_PAUSE_S
            tried.add(link)
            at = link.address
            if self._recognizers.choose(tried) is not None:
                _log.info("call moves", call=self._about.call_id, cause=cause, recognizer=at)
            elif cause != self.cause:
                _log.warning("not analysed", call=self._about.call_id, cause=cause, recognizer=at)
                self._become(cause)

    def _begin(self, link: RecognizerLink) -> Stream:
        """All that is kept is to be sent to it."""
        self._so_far.go_on()
        for leg, kept in self._kept.items():
            kept.send_again()
            begins_s = kept.begins_s
            if begins_s is not None and begins_s > self._until_s[leg] + _MISSED_S:
                self._missed.add(leg)
        return Stream(link, self._until_s)

    async def _why_it_ended(self, stream: Stream) -> str:
        """Streams to one recognizer; empty when the call is over and analysed."""
        try:
            await self._listen(stream)
        except grpc.aio.AioRpcError as error:
            stream.refused = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            if stream.refused:
                stream.link.mistrust()
                self._recognizers.metrics.call_not_admitted()
            return stream.link.why(error)
        except _Broken as broken:
            return str(broken)
        except (KeyError, ValueError):
            return "the recognizer sent what this gateway does not know: use one version"
        return ""

    def _account(self, stream: Stream) -> None:
        """Closes the account of a stream that broke: what it had heard for good counts, the rest
        is the next one's."""
        for leg in Leg:
            told_s = stream.until_s[leg]
            until_s = max(self._until_s[leg], self._so_far.until_s(leg, told_s))
            # Words may have been told after the last coverage, and some of it comes again.
            more_s = self._kept[leg].seconds_between(told_s, until_s)
            again_s = self._kept[leg].seconds_between(until_s, told_s)
            begins_s = self._kept[leg].begins_s
            again_from_s = max(until_s, told_s if begins_s is None else begins_s)
            again_s -= self._missed_audio[leg].moves(
                stream.missing[leg], told_s, again_from_s, stream.lost
            )
            self._until_s[leg] = until_s
            self._analysed_before_s[leg] += max(0.0, stream.analysed_s[leg] + more_s - again_s)
            self._causes[leg] |= stream.causes[leg] | {stream.lost}
            if stream.causes[leg]:
                self._missed.add(leg)
        self._lost = stream.lost
        self._stream = None

    def _become(self, cause: str) -> None:
        self.cause = cause
        self._outlet.changed()

    async def _listen(self, stream: Stream) -> None:
        call = stream.link.stub.Listen(self._requests(stream))
        now_s = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(_READY_S) as patience:
                async for response in call:
                    patience.reschedule(now_s() + _SILENT_S)
                    kind = response.WhichOneof("payload")
                    if kind == "ready":
                        self._remarks = {response.ready.fallback} - {""}
                        if not stream.ready and self._was_heard:
                            self._recognizers.metrics.call_moved()
                        stream.ready = self._was_heard = True
                        stream.answered.set()
                        self._become("")
                    else:
                        self._take(stream, kind, response)
        except TimeoutError:
            stream.link.mistrust()
            raise _Broken("the recognizer does not answer: see its log") from None
        finally:
            call.cancel()
            stream.over = True  # what waits in `_requests` ends with it
            stream.answered.set()
            self._arrived.set()
        if not stream.closed:
            raise _Broken("the recognizer ended the stream: see its log")

    def _start(self) -> recognition.CallStart:
        start = recognition.CallStart()
        start.CopyFrom(self._about)
        start.rulebook_digest, start.shadow_digest = self._recognizers.digests
        heard, is_all = self._so_far.in_order()
        start.heard.extend(heard)
        for leg, until_s in self._until_s.items():
            if until_s:
                missed = leg in self._missed or not is_all
                start.heard_until.add(leg=WIRE_OF[leg], until_s=until_s, missed=missed)
        return start

    async def _requests(self, stream: Stream) -> AsyncIterator[recognition.ListenRequest]:
        yield recognition.ListenRequest(start=self._start())
        await stream.answered.wait()
        while True:
            while not stream.over and (pieces := self._next_pieces()):
                together = recognition.AudioPieces(audio=pieces)
                yield recognition.ListenRequest(pieces=together)
            if stream.over:
                return
            if self._ended_after_s is not None:
                end = recognition.CallEnd(seconds=self._ended_after_s)
                yield recognition.ListenRequest(end=end)
                return
            self._arrived.clear()
            await self._arrived.wait()

    def _next_pieces(self) -> list[recognition.Audio]:
        """What waits of both legs, as it was spoken; empty when nothing does."""
        pieces = list[recognition.Audio]()
        while len(pieces) < _PIECES_A_MESSAGE and (piece := self._next_audio()) is not None:
            pieces.append(piece)
        return pieces

    def _next_audio(self) -> recognition.Audio | None:
        """Of both legs what was spoken first."""
        places = {leg: each.next_place for leg, each in self._kept.items()}
        waiting = {place: leg for leg, place in places.items() if place is not None}
        if not waiting:
            return None
        leg = waiting[min(waiting)]
        first_sample, samples = self._kept[leg].take()
        return recognition.Audio(leg=WIRE_OF[leg], first_sample=first_sample, samples=samples)

    def _take(self, stream: Stream, kind: str | None, response: recognition.ListenResponse) -> None:
        if kind == "utterance":
            if self._so_far.utterance(response.utterance):
                response.utterance.utterance_id += self._suffix
                self._outlet.heard(response.utterance)
        elif kind == "finding":
            if self._so_far.finding(response.finding):
                self._tell(response.finding)
        elif kind == "second_look":
            if self._so_far.look(response.second_look):
                response.second_look.doubt_id += self._suffix
                self._outlet.looked(response.second_look)
        elif kind == "duties":
            self._outlet.owed(response.duties.duties)
        elif kind in ("coverage", "closing"):
            self._cover(stream, response.coverage if kind == "coverage" else response.closing)
            stream.closed = kind == "closing"
            if stream.closed and not self._missed:
                for finding in self._so_far.not_found_again():
                    self._tell(finding)
            self._outlet.changed()

    def _tell(self, finding: conversation.Finding) -> None:
        finding.finding_id += self._suffix
        self._outlet.found(finding)

    def _cover(self, stream: Stream, told: recognition.Coverage) -> None:
        for each in told.legs:
            leg = LEG_OF[each.leg]
            stream.analysed_s[leg], stream.until_s[leg] = each.analysed_s, each.until_s
            stream.causes[leg] = set(each.causes) - {NOT_RECEIVED}
            missing = (span for span in missing_of(each.missing) if span.cause != NOT_RECEIVED)
            # What lies before was another one's to hear, and is accounted.
            stream.missing[leg] = clipped(missing, self._until_s[leg], math.inf)
            self._kept[leg].forget(self._so_far.needed_from_s(leg, each.until_s))

    async def end(self, seconds: float, running: asyncio.Task[None]) -> None:
        """The call is over after `seconds`: waits, within a bound, until its last words are
        analysed. `running` is the task of `run`."""
        for piece in self._pieces.rest():
            self._keep(*piece)
        self._ended_after_s = seconds
        self._arrived.set()
        hopeless = self.cause and self._recognizers.cause
        patience_s = _CLOSING_UNHEARD_S if self.cause else _CLOSING_S
        done, _ = await asyncio.wait({running}, timeout=0 if hopeless else patience_s)
        if not done:
            running.cancel()
            await asyncio.wait({running})
            why = self._why_unsent
            if self._stream is not None:
                self._account(self._stream)
            for causes in self._causes.values():
                causes.add(why)
            self.gives_up(why)
        elif self._stream is None:
            self.gives_up(self._lost)

    def gives_up(self, why: str) -> None:
        """Nothing that waits is analysed any more."""
        for leg in Leg:
            self._missed_audio[leg].over(self._kept[leg], self._heard_until_s(leg), why)

    def coverage(self, call_seconds: float) -> dict[Leg, conversation.LegCoverage]:
        """What was heard of each leg of a call that is (or was) this long."""
        accounts = {}
        for leg in Leg:
            received_s = min(self._received[leg] / SAMPLE_RATE_HZ, call_seconds)
            analysed_s = self._analysed_before_s[leg]
            causes = set[str]()
            if self._stream is not None:
                analysed_s += self._stream.analysed_s[leg]
                causes |= self._stream.causes[leg]
            if received_s - analysed_s > _ROUNDING_S:
                causes |= self._causes[leg]
            accounts[leg] = conversation.LegCoverage(
                leg=WIRE_OF[leg],
                received_s=received_s,
                analysed_s=min(analysed_s, received_s),
                causes=sorted(causes),
                remarks=sorted(self._remarks),
                missing=missing_messages(self._which_missing(leg, call_seconds)),
            )
        return accounts

    def _which_missing(self, leg: Leg, call_seconds: float) -> tuple[NotAnalysed, ...]:
        more = self._stream.missing[leg] if self._stream else ()
        return self._missed_audio[leg].told(call_seconds, more)
