"""Owns what a watcher of the operator API is sent: the present state, `live`, then each event as it
falls, as far as this person sees it.

Called by oversight. The one invariant: the sequence that a watcher reads rises by one an event he
is shown, and jumps only where events were dropped for him; what is withheld leaves no gap.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from typing import Final, Protocol

from callwarden.v1 import oversight_pb2 as oversight
from gateway.floor import Floor, LiveCall, Watcher
from gateway.health import Health
from gateway.past_call import Told
from gateway.sight import Sight
from policy.people import Person

_MOST_HISTORY: Final = 1000
_MOST_OF_A_CALL: Final = 200
"""Utterances, and as many findings, of a live call that a watcher begins with: half an hour's."""
_MOST_OF_ALL_CALLS: Final = 10_000
"""The same of all live calls, so that a watcher is live before what falls meanwhile is too much."""


class History(Protocol):
    """What happened before: events of the ledger, oldest first. May block: it reads the disk."""

    def events(self, limit: int) -> Sequence[oversight.Event]:
        """The newest of each kind."""

    def of_call(self, call: LiveCall, limit: int) -> Sequence[oversight.Event]:
        """The newest final utterances and findings of one call."""

    def past_call(self, call_id: str) -> Told | None:
        """All of one call. Raises LedgerUnavailable."""

    def agent_of(self, call_id: str) -> str:
        """The agent of a call; empty where nobody knows."""


class Watching:
    """`history` is asked in a thread; `team_of` tells an agent's team; `alerts` are those of the
    last day, which every watcher begins with."""

    def __init__(
        self,
        floor: Floor,
        health: Health,
        history: History,
        team_of: Callable[[str], str],
        alerts: Callable[[], Sequence[oversight.Event]] = lambda: (),
    ) -> None:
        self._floor = floor
        self._health = health
        self._history = history
        self._team_of = team_of
        self._alerts = alerts

    def sight(self, person: Person) -> Sight:
        return Sight(person, self._floor, self._team_of, self._history.agent_of)

    async def events(
        self, person: Person, history: int, same: Callable[[], bool]
    ) -> AsyncIterator[oversight.Event]:
        """Ends when `same` says that the person sees other things now: who watches anew is told
        what those are."""
        sight = self.sight(person)
        with self._floor.watch() as watcher:
            sequence = self._floor.sequence
            async for event in self._present(sight, watcher, min(history, _MOST_HISTORY)):
                event.sequence = sequence
                yield event
            async for event in _shown(sight, watcher, sequence):
                if not same():
                    return
                yield event

    async def past_call(self, person: Person, call_id: str) -> Sequence[oversight.Event] | None:
        """All of one call; None where there is none that this person sees. Raises
        LedgerUnavailable."""
        told = await asyncio.to_thread(self._history.past_call, call_id)
        team = self._team_of(told.agent) if told else ""
        if told is None or not person.sees(team):
            return None
        live = self._floor.call(call_id)
        if live is not None:
            told.events[0].call.CopyFrom(live.changed())
        told.events[0].call.team = team
        return told.events

    async def _present(
        self, sight: Sight, watcher: Watcher, limit: int
    ) -> AsyncIterator[oversight.Event]:
        """The past, as far as a watcher begins with it, and the present state, up to `live`."""
        calls = self._floor.calls()
        present = [self._floor.event(call.changed()) for call in calls]
        duties = [self._floor.duties(call.call_id) for call in calls]
        present += [self._floor.event(each) for each in duties if each.duties]
        present += self._alerts()
        present.append(self._floor.event(self._health.changed()))
        # Who sees some teams alone is shown as much of theirs as there is among the newest.
        asked = limit if sight.whole or not limit else _MOST_HISTORY
        past = await self._past(sight, watcher, self._history.events, asked)
        for event in _newest(past, limit):
            yield event
        of_each = min(_MOST_OF_A_CALL, _MOST_OF_ALL_CALLS // max(len(calls), 1))
        for call in calls:
            of_call = partial(self._history.of_call, call)
            for event in await self._past(sight, watcher, of_call, of_each):
                yield event
        for event in present:
            if await sight.shows(event):
                yield event
        yield self._floor.event(oversight.Live())

    async def _past(
        self,
        sight: Sight,
        watcher: Watcher,
        ask: Callable[[int], Sequence[oversight.Event]],
        limit: int,
    ) -> list[oversight.Event]:
        """What the ledger tells, without what the watcher is about to be told anyway."""
        past = await asyncio.to_thread(ask, limit)
        shown = [event for event in past if await sight.shows(event)]
        fallen_since = {_identity(event) for event in watcher.pending()}
        return [event for event in shown if _identity(event) not in fallen_since]


async def _shown(sight: Sight, watcher: Watcher, sequence: int) -> AsyncIterator[oversight.Event]:
    """The events that fall, from the one after `sequence` on, counted as this watcher counts."""
    if sight.whole:
        async for event in watcher:
            yield event
        return
    last = counted = sequence
    async for event in watcher:
        counted += event.sequence - last - 1
        last = event.sequence
        if await sight.shows(event):
            counted += 1
            own = oversight.Event()
            own.CopyFrom(event)
            own.sequence = counted
            yield own


def _newest(events: Iterable[oversight.Event], limit: int) -> list[oversight.Event]:
    """The last `limit` of each kind, in their order."""
    left: dict[str | None, int] = {}
    kept = []
    for event in reversed([*events]):
        kind = event.WhichOneof("payload")
        left[kind] = left.get(kind, limit) - 1
        if left[kind] >= 0:
            kept.append(event)
    return kept[::-1]


def _identity(event: oversight.Event) -> tuple[str, ...] | None:
    """What makes a past event and a live one the same; None for those that have no past."""
    match event.WhichOneof("payload"):
        case "decision":
            return ("decision", event.decision.decision_id)
        case "finding":
            found = event.finding
            identity = (found.call_id, found.finding.finding_id, str(found.finding.status))
            return ("finding", *identity)
        case "utterance" if event.utterance.utterance.final:
            return ("utterance", event.utterance.call_id, event.utterance.utterance.utterance_id)
        case "suppression":
            return ("suppression", event.suppression.suppression_id)
        case "bypass":
            return ("bypass", event.bypass.bypass_id)
    return None
