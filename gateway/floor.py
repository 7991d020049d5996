"""Owns the live calls and the event hub: what is on the floor now, and each change as an event.

Written by the gate (a call allowed) and by the PBX side (channels, audio, end); read by oversight.
Lives in the one event loop of the gateway and does no I/O. The one invariant: a watcher never slows
the gateway; a slow one loses its oldest events and sees the gap in their sequence.

A full number lives here only inside `LiveCall.number`; what is published is masked.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import TracebackType
from typing import Self, TypedDict, Unpack

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from policy.speech.utterance import Leg

UNDIALLED = timedelta(seconds=90)
"""How long an allowed call that the PBX never showed a channel of stays on the floor: longer than
dialplans let a phone ring."""
_REMEMBERED = timedelta(seconds=60)
"""How long an ended call can still be asked for: the last findings of a call trail its hang-up."""
_WATCHER_EVENTS = 4096
"""Events kept for a watcher that does not read: about a minute of a busy floor."""

_LEGS = {Leg.AGENT: conversation.LEG_AGENT, Leg.CUSTOMER: conversation.LEG_CUSTOMER}


class CallState(Enum):
    """Where a call stands; the values are those of the wire."""

    DIALLING = oversight.CALL_STATE_DIALLING
    LISTENED = oversight.CALL_STATE_LISTENED
    UNHEARD = oversight.CALL_STATE_UNHEARD
    ENDED = oversight.CALL_STATE_ENDED


_AFTER: Mapping[CallState, frozenset[CallState]] = {
    CallState.DIALLING: frozenset(CallState),
    CallState.LISTENED: frozenset({CallState.LISTENED, CallState.UNHEARD, CallState.ENDED}),
    CallState.UNHEARD: frozenset({CallState.LISTENED, CallState.UNHEARD, CallState.ENDED}),
    CallState.ENDED: frozenset({CallState.ENDED}),
}


@dataclass(frozen=True)
class LiveCall:
    """One allowed call, from its ALLOW until it is forgotten. `call_id` is the decision's nonce;
    `number` is E.164 and is never logged or published; `product` and `campaign` are the site's own
    ids, empty when not given; times are UTC."""

    call_id: str
    number: str = field(repr=False)
    number_masked: str
    agent: str
    scene: str
    customer: str = field(repr=False)
    linkedid: str
    decision_id: str
    started_at: datetime
    product: str = ""
    campaign: str = ""
    state: CallState = CallState.DIALLING
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    channels: Mapping[Leg, str] = field(default_factory=dict)
    """Asterisk's channel ids, once the PBX has shown them."""
    talking: frozenset[Leg] = frozenset()
    coverage: Mapping[Leg, conversation.LegCoverage] = field(default_factory=dict)
    unheard_cause: str = ""
    q850_cause: int = 0
    team: str = ""
    """The agent's, by the file of people; empty where it names none."""

    def changed(self) -> oversight.CallChanged:
        """The call as it is published."""
        return oversight.CallChanged(
            call_id=self.call_id,
            state=self.state.value,
            number_masked=self.number_masked,
            agent=self.agent,
            scene=self.scene,
            started_at=_epoch(self.started_at),
            answered_at=_epoch(self.answered_at),
            ended_at=_epoch(self.ended_at),
            talking=sorted(_LEGS[leg] for leg in self.talking),
            coverage=[self.coverage[leg] for leg in Leg if leg in self.coverage],
            unheard_cause=self.unheard_cause,
            q850_cause=self.q850_cause,
            team=self.team,
        )


class Changes(TypedDict, total=False):
    """The fields of a LiveCall that change while it is up."""

    state: CallState
    answered_at: datetime | None
    ended_at: datetime | None
    channels: Mapping[Leg, str]
    talking: frozenset[Leg]
    coverage: Mapping[Leg, conversation.LegCoverage]
    unheard_cause: str
    q850_cause: int
    team: str


Payload = (
    oversight.Live
    | oversight.DecisionMade
    | oversight.CallChanged
    | oversight.UtteranceHeard
    | oversight.FindingRaised
    | oversight.SuppressionMade
    | oversight.HealthChanged
    | oversight.BypassFound
    | oversight.DutyChanged
    | oversight.AlertChanged
    | oversight.ActDone
)

Kinds = type[Payload] | tuple[type[Payload], ...]


class Floor:
    """The live calls and the hub. Every method must be called in the gateway's event loop."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._calls: dict[str, LiveCall] = {}
        self._of_linkedid: dict[str, list[str]] = {}
        self._duties: dict[str, oversight.DutyChanged] = {}
        self._watchers: set[Watcher] = set()
        self._sequence = 0
        self.team_of: Callable[[str], str] = lambda agent: ""
        """The team of an agent, for calls that come onto the floor from now on."""

    @property
    def sequence(self) -> int:
        """The number of the last event."""
        return self._sequence

    @property
    def watchers(self) -> int:
        """How many watch."""
        return len(self._watchers)

    def allowed(self, call: LiveCall) -> None:
        """Puts a call on the floor: after an ALLOW, or found up after a restart of the gateway.

        A call that is already there stays as it is.
        """
        if call.call_id not in self._calls:
            if (team := self.team_of(call.agent)) != call.team:
                call = replace(call, team=team)
            self._calls[call.call_id] = call
            self._of_linkedid.setdefault(call.linkedid, []).append(call.call_id)
            self.publish_as(oversight.CallChanged, call.changed)

    def regroup(self) -> None:
        """The teams are others now."""
        for call in tuple(self._calls.values()):
            self.change(call.call_id, team=self.team_of(call.agent))

    def call(self, call_id: str) -> LiveCall | None:
        """A call that is up, or that ended within the last minute."""
        return self._calls.get(call_id)

    def of_linkedid(self, linkedid: str) -> tuple[LiveCall, ...]:
        """The calls of Asterisk's `linkedid` that are up, or ended within the last minute."""
        return tuple(self._calls[each] for each in self._of_linkedid.get(linkedid, ()))

    def calls(self) -> tuple[LiveCall, ...]:
        """The calls that have not ended, oldest first."""
        return tuple(call for call in self._calls.values() if call.state is not CallState.ENDED)

    def known(self) -> tuple[LiveCall, ...]:
        """The calls that are up, or that ended within the last minute, oldest first."""
        return tuple(self._calls.values())

    def change(self, call_id: str, **changes: Unpack[Changes]) -> LiveCall:
        """The one setter: publishes the call when anything in it changed, and returns it.

        Raises KeyError for a call that is not on the floor, ValueError for a state that cannot
        follow the present one (nothing follows ENDED, nothing returns to DIALLING).
        """
        before = self._calls[call_id]
        after = replace(before, **changes)
        if after.state not in _AFTER[before.state]:
            raise ValueError(f"a call cannot go from {before.state.name} to {after.state.name}")
        if after != before:
            self._calls[call_id] = after
            self.publish_as(oversight.CallChanged, after.changed)
        return after

    def ended(
        self, call_id: str, *, q850_cause: int = 0, ended_at: datetime | None = None
    ) -> LiveCall | None:
        """Ends a call, whatever its state; forgotten a minute later. None: no such call is up."""
        call = self._calls.get(call_id)
        if call is None or call.state is CallState.ENDED:
            return None
        return self.change(
            call_id,
            state=CallState.ENDED,
            ended_at=ended_at or self._now(),
            q850_cause=q850_cause or call.q850_cause,
            talking=frozenset(),
        )

    def owe(self, call_id: str, duties: Sequence[conversation.Duty]) -> list[conversation.Duty]:
        """What must be told on a call, as it stands now; which of it is new or has changed. What
        was told once stays told, whoever listens on."""
        if call_id not in self._calls:
            return []
        known = self.duties(call_id)
        told = {each.rule: each for each in known.duties if each.HasField("made_s")}
        now = oversight.DutyChanged(
            call_id=call_id,
            duties=[told.pop(each.rule, each) for each in duties] + list(told.values()),
        )
        if now != known:
            self._duties[call_id] = now
            self.publish(now)
        return [each for each in now.duties if each not in known.duties]

    def duties(self, call_id: str) -> oversight.DutyChanged:
        """The duties of a call, none where it has none."""
        return self._duties.get(call_id) or oversight.DutyChanged(call_id=call_id)

    def sweep(self) -> None:
        """Ends calls that the PBX never showed a channel of, and forgets those that ended long ago.

        Called every few seconds by the gateway.
        """
        now = self._now()
        for call in tuple(self._calls.values()):
            if call.state is CallState.ENDED:
                if call.ended_at is None or now - call.ended_at >= _REMEMBERED:
                    self._forget(call)
            elif (
                call.state is CallState.DIALLING
                and not call.channels
                and now - call.started_at >= UNDIALLED
            ):
                self.ended(call.call_id)

    def _forget(self, call: LiveCall) -> None:
        del self._calls[call.call_id]
        self._duties.pop(call.call_id, None)
        others = self._of_linkedid[call.linkedid]
        others.remove(call.call_id)
        if not others:
            del self._of_linkedid[call.linkedid]

    def publish(self, payload: Payload) -> None:
        """Hands an event to every watcher, with its sequence and time."""
        self.publish_as(type(payload), lambda: payload)

    def publish_as(self, kind: type[Payload], make: Callable[[], Payload]) -> None:
        """The same for a payload of `kind` that is made only where somebody watches for it: the
        gate decides hundreds of calls a second, and most of the time nobody looks."""
        self._sequence += 1
        watching = [each for each in self._watchers if each.looks_for(kind)]
        if watching:
            event = self.event(make())
            for watcher in watching:
                watcher.offer(event)

    def tell(self, what: Callable[["Floor"], None]) -> None:
        """Does `what` with the floor; for those who in another thread have it done here."""
        what(self)

    def event(self, payload: Payload) -> oversight.Event:
        """`payload` as an event of now that bears the sequence of the last one published."""
        event = oversight.Event(sequence=self._sequence, at=_epoch(self._now()))
        getattr(event, _FIELDS[type(payload)]).CopyFrom(payload)
        return event

    def watch(self, only: Kinds | None = None) -> "Watcher":
        """Every event from now on, or those of one or some kinds alone. Close the watcher, or use
        it in `with`."""
        watcher = Watcher(self._watchers, only)
        self._watchers.add(watcher)
        return watcher


class Watcher(AsyncIterator[oversight.Event]):
    """One reader of the floor's events. Never ends by itself."""

    def __init__(self, among: set["Watcher"], only: Kinds | None) -> None:
        self._among = among
        self._only = only if only is None or isinstance(only, tuple) else (only,)
        self._events: deque[oversight.Event] = deque(maxlen=_WATCHER_EVENTS)
        self._arrived = asyncio.Event()

    def looks_for(self, kind: type[Payload]) -> bool:
        return self._only is None or kind in self._only

    def offer(self, event: oversight.Event) -> None:
        """Adds an event; the oldest one falls out of a full queue."""
        self._events.append(event)
        self._arrived.set()

    def pending(self) -> tuple[oversight.Event, ...]:
        """What has not been read yet."""
        return tuple(self._events)

    def close(self) -> None:
        self._among.discard(self)

    async def __anext__(self) -> oversight.Event:
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


_FIELDS: Mapping[type, str] = {
    oversight.Live: "live",
    oversight.DecisionMade: "decision",
    oversight.CallChanged: "call",
    oversight.UtteranceHeard: "utterance",
    oversight.FindingRaised: "finding",
    oversight.SuppressionMade: "suppression",
    oversight.HealthChanged: "health",
    oversight.BypassFound: "bypass",
    oversight.DutyChanged: "duty",
    oversight.AlertChanged: "alert",
    oversight.ActDone: "act",
}


def _epoch(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0
