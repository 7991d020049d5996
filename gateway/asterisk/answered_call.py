"""Owns one answered call while it is up: a fork for each leg, the listening, and what the floor and
the ledger are told of it.

Made by `pbx` at the answer, stopped by it at the hang-up. The invariant: a call is shown as
listened to only while both legs are heard and analysed; otherwise it says why not and what to do.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import structlog

from callwarden.settings import Media
from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from gateway.asterisk.ari import Ari
from gateway.asterisk.fork import Fork, Stasis
from gateway.asterisk.known_before import KnownBefore
from gateway.durable import UTTERANCE, Durable
from gateway.enforcement import Enforcement
from gateway.floor import CallState, Floor, LiveCall
from gateway.listening import Listening
from gateway.media.reception import CallClock, MediaListener, Reception
from gateway.media.tap import Tap
from gateway.recognizers import Recognizers
from policy.ledger import Ledger, LegCoverage
from policy.on_the_wire import duty_of, finding_of, missing_of, second_look_of, utterance_of
from policy.speech.not_analysed import NOT_RECEIVED
from policy.speech.utterance import Leg

_log = structlog.get_logger(__name__)

_RESUMED_S: Final = 0.5
"""A call that has been up this long when it is first seen was listened to by another gateway."""
_SHOWN_EVERY_S: Final = 1.0
_STOPPED: Final = "gateway-stopped"
_AUDIO_LOST: Final = "audio-lost"
_HARDLY_S: Final = 1.0
"""Audio missing of a leg, in seconds, below which the fork's start is what is missing."""


@dataclass(frozen=True)
class Room:
    """What every call of a gateway shares."""

    media_settings: Media
    ari: Ari
    stasis: Stasis
    media: MediaListener
    recognizers: Recognizers
    floor: Floor
    ledger: Ledger
    durable: Durable
    enforcement: Enforcement
    known: KnownBefore
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class AnsweredCall:
    """`start` it, then `end` it (hung up) or `leave` it (the gateway goes)."""

    def __init__(
        self, room: Room, live: LiveCall, channels: Mapping[Leg, str], elapsed_s: float = 0.0
    ) -> None:
        self._room = room
        self._live = live
        self._clock = CallClock(elapsed_s)
        self._listening = Listening(
            live.call_id,
            live.scene,
            room.recognizers,
            self,
            message_ms=room.media_settings.message_ms,
            resumed=elapsed_s > _RESUMED_S,
            dialect=room.known.dialect(live),
            product=room.known.product(live),
        )
        self._forks = {
            leg: Fork(
                room.ari,
                room.stasis,
                room.media,
                channel=channel,
                reception=Reception(leg, self._clock, self._hear),
                changed=self.changed,
            )
            for leg, channel in channels.items()
        }
        self._listener: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._taps: set[Tap] = set()

    @property
    def seconds(self) -> float:
        """How long the call has been up."""
        return self._clock.seconds()

    def start(self) -> None:
        self._tasks = [
            *(self._task(fork.hold()) for fork in self._forks.values()),
            self._task(self._show_now_and_then()),
        ]
        self.changed()

    def _hear(self, leg: Leg, first_sample: int, samples: bytes) -> None:
        """The recognizer is asked for nothing before there is something to hear."""
        if self._listener is None:
            self._listener = self._task(self._listening.run())
        self._listening.hear(leg, first_sample, samples)
        for tap in self._taps:
            tap.hear(leg, first_sample, samples)

    def tap(self) -> Tap:
        """What both parties say from now on, for whoever listens. Close it."""
        made = Tap(self._taps.discard)
        self._taps.add(made)
        return made

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._died)
        return task

    def _died(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            _log.error("a call is not heard", call=self._live.call_id, exc_info=error)

    async def end(self, seconds: float) -> None:
        """The call was hung up after `seconds`: deletes the forks, hears the last words out, and
        writes the coverage."""
        for fork in self._forks.values():
            fork.call_is_over = True
        await self._unfork()
        if self._listener:
            await self._listening.end(seconds, self._listener)
        self._account(seconds, ())
        self._room.enforcement.forget(self._live.call_id)

    async def leave(self) -> None:
        """The gateway goes while the call is up: what was heard until now is accounted."""
        await self._unfork()
        if self._listener:
            self._listener.cancel()
            await asyncio.wait({self._listener})
        self._listening.gives_up(_STOPPED)
        self._account(self.seconds, (_STOPPED,))

    async def _unfork(self) -> None:
        for tap in self._taps:
            tap.ended()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _account(self, seconds: float, more: tuple[str, ...]) -> None:
        coverage = self._coverage(seconds, more)
        call_id, now = self._live.call_id, self._room.now()
        if self._room.floor.call(call_id):
            self._room.floor.change(call_id, coverage=coverage)
        for leg, each in coverage.items():
            why = (*each.causes, *each.remarks)
            missing = missing_of(each.missing)
            row = LegCoverage(leg, seconds, each.received_s, each.analysed_s, why, missing)
            write = partial(self._room.ledger.add_coverage, call_id, row, now)
            self._room.durable.record("coverage", call_id, write)

    def _coverage(
        self, seconds: float, more: tuple[str, ...] = ()
    ) -> dict[Leg, conversation.LegCoverage]:
        coverage = self._listening.coverage(seconds)
        for leg, fork in self._forks.items():
            causes = {*coverage[leg].causes, *more}
            missing_s = seconds - coverage[leg].received_s
            unexplained = not causes and not coverage[leg].analysed_s
            nothing_came = not coverage[leg].received_s
            if missing_s > _HARDLY_S or (missing_s and (nothing_came or unexplained)):
                never_came = fork.losses or {_AUDIO_LOST}
                causes |= never_came
            else:
                never_came = set()
            coverage[leg].causes[:] = sorted(causes)
            _say_why_nothing_came(coverage[leg], never_came)
        return coverage

    async def _show_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_SHOWN_EVERY_S)
            self._show(self._coverage(self.seconds))

    def _show(self, coverage: Mapping[Leg, conversation.LegCoverage] | None = None) -> None:
        live = self._room.floor.call(self._live.call_id)
        if live is None or live.state is CallState.ENDED:
            return
        causes = [fork.cause for fork in self._forks.values() if fork.cause]
        if self._listening.cause and (self._listener or not causes):
            causes.append(self._listening.cause)
        self._room.floor.change(
            self._live.call_id,
            state=CallState.UNHEARD if causes else CallState.LISTENED,
            unheard_cause="; ".join(dict.fromkeys(causes)),
            talking=self._listening.talking,
            coverage=live.coverage if coverage is None else coverage,
        )

    def changed(self) -> None:
        self._show()

    def heard(self, utterance: conversation.Utterance) -> None:
        call_id = self._live.call_id
        self._room.floor.publish(oversight.UtteranceHeard(call_id=call_id, utterance=utterance))
        if utterance.final:
            said = utterance_of(utterance)
            write = partial(self._room.ledger.add_utterance, call_id, said)
            self._room.durable.record(UTTERANCE, call_id, write)

    def looked(self, look: conversation.SecondLook) -> None:
        write = partial(
            self._room.ledger.add_second_look, self._live.call_id, *second_look_of(look)
        )
        self._room.durable.record("second look", self._live.call_id, write)

    def owed(self, duties: Sequence[conversation.Duty]) -> None:
        call_id, now = self._live.call_id, self._room.now()
        for each in self._room.floor.owe(call_id, duties):
            write = partial(self._room.ledger.add_duty, call_id, duty_of(each), now)
            self._room.durable.record("duty", call_id, write)

    def found(self, finding: conversation.Finding) -> None:
        call_id, found = self._live.call_id, finding_of(finding)
        if finding.shadow:  # recorded; nobody is shown it and nothing follows from it
            write = partial(self._room.ledger.add_shadow_finding, call_id, found, self._room.now())
            self._room.durable.record("shadow finding", call_id, write)
            return
        self._room.enforcement.found(self._live, found)
        write = partial(self._room.ledger.add_finding, call_id, found, self._room.now())
        self._room.durable.record("finding", call_id, write)
        self._room.floor.publish(
            oversight.FindingRaised(
                call_id=call_id, agent=self._live.agent, scene=self._live.scene, finding=finding
            )
        )


def _say_why_nothing_came(leg: conversation.LegCoverage, causes: set[str]) -> None:
    """Of the seconds that never came; without a cause they are the fork's start, and not told."""
    for at in reversed(range(len(leg.missing))):
        if leg.missing[at].cause == NOT_RECEIVED:
            leg.missing[at].cause = "+".join(sorted(causes))
            if not causes:
                del leg.missing[at]
