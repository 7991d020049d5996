"""Owns what must have happened around an event, before it and after it.

Invariant: an event is judged when everything that bears on it is known, in the order of time; what
must follow is waited for until its time is over, on the call's clock, live as on a recording.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from policy.speech.event import Around, Event, InContext
from policy.speech.watching.occurrence import Occurrence
from policy.speech.watching.timeline import Timeline
from policy.speech.watching.watch import Watch

Key = Literal["after", "unless_after", "followed_by", "unless_followed_by"]


@dataclass(frozen=True)
class Judged:
    """What one condition made of one occurrence, and what it found of what it asks for."""

    event: InContext
    occurrence: Occurrence
    key: Key
    around: Around
    found: tuple[Occurrence, ...]
    missed: bool
    """Whether words it depends on may have been lost."""

    @property
    def certain(self) -> bool:
        return bool(self.found) and all(each.certain for each in self.found)

    @property
    def holds(self) -> bool:
        if self.key in ("after", "followed_by"):
            return bool(self.found)
        return not self.missed and not self.certain

    @property
    def in_doubt(self) -> bool:
        """Whether it rests on something that is not certain."""
        return bool(self.found) and not self.certain


class InContextWatch(Watch):
    def __init__(
        self,
        event: InContext,
        timeline: Timeline,
        watches: Mapping[Event, Watch],
        judged: Callable[[Judged], None] | None,
    ) -> None:
        super().__init__(event, timeline)
        self._event, self._watches, self._judged = event, watches, judged
        self._base = watches[event.event]
        self._before: list[tuple[Key, Around]] = [
            *(("after", each) for each in event.after),
            *(("unless_after", each) for each in event.unless_after),
        ]
        self._behind: list[tuple[Key, Around]] = [
            *(("followed_by", each) for each in event.followed_by),
            *(("unless_followed_by", each) for each in event.unless_followed_by),
        ]
        self._taken = 0

    @property
    def waiting(self) -> bool:
        return self._taken < len(self._base.occurrences)

    def settled_s(self) -> float:
        if self.waiting:
            return self._base.occurrences[self._taken].at_s
        return self._base.settled_s()

    def work(self) -> None:
        while self.waiting:
            occurrence = self._base.occurrences[self._taken]
            judgements = self._judge(occurrence)
            if judgements is None:
                return
            self._taken += 1
            for each in judgements if self._judged else ():
                if self._judged:
                    self._judged(each)
            if all(each.holds for each in judgements):
                in_doubt = self._event.provisional or any(each.in_doubt for each in judgements)
                certain = occurrence.certain and not in_doubt
                self.occurrences.append(replace(occurrence, certain=certain))

    def in_doubt(self) -> Iterator[Occurrence]:
        for occurrence in self._base.in_doubt():
            judged = [self._look(occurrence, key, around) for key, around in self._before]
            judged += [
                self._look(occurrence, key, around)
                for key, around in self._behind
                if key == "followed_by"
            ]
            if all(each.holds for each in judged):
                yield replace(occurrence, certain=False)

    def _judge(self, occurrence: Occurrence) -> list[Judged] | None:
        """What each condition makes of it, up to the first that does not hold; None while one of
        them cannot tell."""
        judgements: list[Judged] = []
        for key, around in (*self._before, *self._behind):
            if not self._is_known(occurrence, key, around):
                return None
            judgements.append(self._look(occurrence, key, around))
            if not judgements[-1].holds:
                break
        return judgements

    def _is_known(self, occurrence: Occurrence, key: Key, around: Around) -> bool:
        at_s = occurrence.at_s
        if around.within_turns is not None and not self._turns_known(at_s):
            return False
        until_s = at_s
        if key in ("followed_by", "unless_followed_by"):
            until_s = self._until_s(occurrence, around)
            found = self._look(occurrence, key, around)
            if found.certain:
                until_s = max(each.at_s for each in found.found)
        return all(self._watches[each].settled_past(until_s) for each in around.parts())

    def _turns_known(self, at_s: float) -> bool:
        return self.timeline.ended or self.timeline.known_s > at_s

    def _until_s(self, occurrence: Occurrence, around: Around) -> float:
        """The last second at which what must follow still counts; infinite while that is open."""
        until_s = math.inf if around.within_s is None else occurrence.at_s + around.within_s
        if around.within_turns is not None:
            turn = self.timeline.turn_of(occurrence.leg, occurrence.at_s)
            beyond = turn + around.within_turns + 1
            if beyond < len(self.timeline.turns):
                until_s = min(until_s, self.timeline.turns[beyond].start_s)
        return until_s

    def _look(self, occurrence: Occurrence, key: Key, around: Around) -> Judged:
        """What of it has happened, as far as is known."""
        ahead = key in ("followed_by", "unless_followed_by")
        each_found = [
            self._nearest(occurrence, self._watches[event], around, key, ahead=ahead)
            for event in around.of
        ]
        found: list[Occurrence] = [each for each in each_found if each is not None]
        if around.every:
            found = found if len(found) == len(around.of) else []
        elif found:
            found = [max(found, key=lambda each: (each.certain, -abs(each.at_s - occurrence.at_s)))]
        missed = any(self._watches[event].may_have_missed for event in around.of)
        return Judged(self._event, occurrence, key, around, tuple(found), missed)

    def _nearest(
        self, occurrence: Occurrence, watch: Watch, around: Around, key: Key, *, ahead: bool
    ) -> Occurrence | None:
        """The nearest that counts, a certain one if there is one."""
        doubtful: Occurrence | None = None
        for each in self._reach(occurrence, watch, around, key, ahead=ahead):
            if each.key == occurrence.key or self._is_too_far(occurrence, each, around):
                continue
            if self._is_undone(occurrence, each, around):
                continue
            if each.certain:
                return each
            doubtful = doubtful or each
        return doubtful

    def _reach(
        self, occurrence: Occurrence, watch: Watch, around: Around, key: Key, *, ahead: bool
    ) -> Sequence[Occurrence]:
        at_s, within_s = occurrence.at_s, around.within_s
        if ahead:
            until_s = math.inf if within_s is None else at_s + within_s
            return watch.between(at_s, until_s)
        since_s = -math.inf if within_s is None else at_s - within_s
        earlier = watch.between(math.nextafter(since_s, -math.inf), at_s)
        if key == "after":  # what it is said with is not what it comes after
            earlier = [each for each in earlier if not _overlap(each, occurrence)]
        return earlier[::-1]

    def _is_too_far(self, occurrence: Occurrence, each: Occurrence, around: Around) -> bool:
        if around.within_turns is None:
            return False
        turn_of = self.timeline.turn_of
        turns = turn_of(occurrence.leg, occurrence.at_s) - turn_of(each.leg, each.at_s)
        return abs(turns) > around.within_turns

    def _is_undone(self, occurrence: Occurrence, each: Occurrence, around: Around) -> bool:
        since_s, until_s = sorted((occurrence.at_s, each.at_s))
        return any(
            undoing is not each and undoing is not occurrence
            for event in around.until
            for undoing in self._watches[event].between(since_s, until_s)
        )


def _overlap(one: Occurrence, another: Occurrence) -> bool:
    """Whether the earlier one is not over before the later one begins, on one leg."""
    if one.leg is not another.leg:
        return one.at_s >= another.at_s
    return one.end_s > another.start_s and another.end_s > one.start_s
