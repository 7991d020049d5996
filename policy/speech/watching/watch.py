"""Owns what every watch has: the occurrences of one event on one call, in the order of their time.

A watch is asked to `work` when something it depends on has changed, or when time has passed and it
is `waiting`. Invariants: what stands in `occurrences` stands there for good; none that happened
before `settled_s` is still to come; both follow from what was heard, never from when it arrived.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter

from policy.speech.event import Event, Said, everything_in
from policy.speech.utterance import Leg
from policy.speech.watching.occurrence import Occurrence
from policy.speech.watching.timeline import Timeline

_AT_S = attrgetter("at_s")


class Watch:
    def __init__(self, event: Event, timeline: Timeline) -> None:
        self.event, self.timeline = event, timeline
        self.occurrences: list[Occurrence] = []
        self.for_whom: list[Watch] = []
        """Watches of the events that this one's is a part of."""
        self.legs = _legs_of(event)

    @property
    def waiting(self) -> bool:
        """Whether time alone may bring an occurrence."""
        return False

    def settled_s(self) -> float:
        """Every occurrence before that second stands in `occurrences`."""
        raise NotImplementedError

    def work(self) -> None:
        """Takes what is known now."""
        raise NotImplementedError

    def in_doubt(self) -> Iterator[Occurrence]:
        """What will have happened, as far as is known, if the seconds in doubt bear it out."""
        yield from ()

    def settled_past(self, at_s: float) -> bool:
        """Whether everything up to that second, itself included, is known."""
        return self.timeline.ended or self.settled_s() > at_s

    def between(self, after_s: float, until_s: float) -> Sequence[Occurrence]:
        """Those that happened after the one and by the other second, in their order."""
        first = bisect_right(self.occurrences, after_s, key=_AT_S)
        return self.occurrences[first : bisect_right(self.occurrences, until_s, key=_AT_S)]

    def before(self, at_s: float) -> Sequence[Occurrence]:
        """Those that happened before that second."""
        return self.occurrences[: bisect_left(self.occurrences, at_s, key=_AT_S)]

    @property
    def may_have_missed(self) -> bool:
        """Whether words that it listens for may have been lost."""
        return bool(self.timeline.missed & self.legs)


class CallEndsWatch(Watch):
    """Happens once, when the call has ended."""

    @property
    def waiting(self) -> bool:
        return not self.occurrences

    def settled_s(self) -> float:
        return math.inf

    def work(self) -> None:
        if self.timeline.ended and not self.occurrences:
            end_s = max(each.analysed_s for each in self.timeline.hearings.values())
            self.occurrences.append(Occurrence(None, end_s, end_s, math.inf, certain=True))


def _legs_of(event: Event) -> set[Leg]:
    found: set[Leg] = set()
    for each in everything_in([event]):
        found |= each.legs if isinstance(each, Said) else set()
        leg = getattr(each, "leg", None)
        found |= {leg} if leg else set()
    return found
