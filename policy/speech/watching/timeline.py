"""Owns both legs' speech on one line of time: whose turn it was, who came in on whom, where nobody
spoke, and up to when all of that is known.

Called by the watches. Invariant: what it tells depends on the syllables and their times alone: it
takes them in the order of their beginning, and only those before which no other can come.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from policy.speech.hearing import SYLLABLE_S, Hearing, Syllable
from policy.speech.utterance import Leg, Utterance

BURST_PAUSE_S = 0.6
"""From one syllable's end to the next one's beginning: a longer way and the leg begins anew."""
_CAME_IN_AFTER_S = 0.2
"""Two who begin so close together began together: nobody came in on the other."""
_LEAST_GAP_S = 1.0
_HUMS = frozenset({"en", "n", "ng", "m", "e", "o", "ou", "a", "ai", "ei", "ao", "ya"})
"""嗯 呃 哦 噢 啊 哎 诶 嗷 呀: said while listening."""


@dataclass(eq=False)
class Burst:
    """A leg's syllables without a pause between."""

    leg: Leg
    start_s: float
    end_s: float
    words: bool
    """Whether there is more in it than hums."""


@dataclass(frozen=True)
class Turn:
    """From here on it is the leg that has the word."""

    leg: Leg
    start_s: float


@dataclass(frozen=True)
class Growth:
    """At `at_s` the leg of `incoming` was known to have spoken over the other for `length_s`."""

    at_s: float
    incoming: Burst
    length_s: float


@dataclass
class Timeline:
    hearings: Mapping[Leg, Hearing]
    missed: set[Leg] = field(default_factory=set)
    """Legs of which words may have been lost."""
    ended: bool = False
    turns: list[Turn] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)
    gaps: list[tuple[float, float]] = field(default_factory=list)
    """Where nobody spoke, between two syllables."""
    finals: dict[Leg, list[Utterance]] = field(default_factory=lambda: {leg: [] for leg in Leg})
    """Final utterances of each leg, in their order."""
    _taken: dict[Leg, int] = field(default_factory=lambda: dict.fromkeys(Leg, 0))
    _bursts: dict[Leg, Burst] = field(default_factory=dict)
    _over: tuple[Burst, Burst] | None = None
    spoken_until_s: float = math.nan
    """When the latest syllable ended; not a number while nobody has spoken."""

    @property
    def known_s(self) -> float:
        """No syllable of either leg that begins before it is still to come."""
        return math.inf if self.ended else self.heard_s

    @property
    def heard_s(self) -> float:
        """Seconds of the call that were heard of both legs."""
        return min(each.analysed_s for each in self.hearings.values())

    def move_on(self) -> None:
        """Takes what is known now."""
        until_s = self.known_s
        ready: list[tuple[float, str, Leg, Syllable]] = []
        for leg, hearing in self.hearings.items():
            at = self._taken[leg]
            while at < len(hearing.syllables) and hearing.syllables[at].start_s < until_s:
                syllable = hearing.syllables[at]
                ready.append((syllable.start_s, leg.value, leg, syllable))
                at += 1
            self._taken[leg] = at
        for _, _, leg, syllable in sorted(ready, key=lambda each: each[:2]):
            self._take(leg, syllable)

    def turn_of(self, leg: Leg | None, at_s: float) -> int:
        """Which turn of the call the leg was in at `at_s`, counted from 0; -1 before the first.
        Without a leg: the turn of whoever had the word."""
        found = -1
        for number in range(len(self.turns) - 1, -1, -1):
            turn = self.turns[number]
            if turn.start_s <= at_s:
                if turn.leg is leg or leg is None:
                    return number
                if found < 0:
                    found = number
        return found

    def _take(self, leg: Leg, syllable: Syllable) -> None:
        start_s, end_s = syllable.start_s, syllable.start_s + SYLLABLE_S
        hum = syllable.sound in _HUMS
        if start_s - self.spoken_until_s > _LEAST_GAP_S:
            self.gaps.append((self.spoken_until_s, start_s))
        self.spoken_until_s = max(end_s, self.spoken_until_s) if self._bursts else end_s
        burst = self._bursts.get(leg)
        if burst is None or start_s - burst.end_s > BURST_PAUSE_S:
            burst = self._bursts[leg] = Burst(leg, start_s, end_s, not hum)
            self._come_in(burst)
        burst.end_s, burst.words = end_s, burst.words or not hum
        self._turn_to(burst, start_s)
        if self._over is not None and burst in self._over:
            incoming, other = self._over
            length_s = min(incoming.end_s, other.end_s) - incoming.start_s
            if incoming.words and length_s > 0:
                self.growths.append(Growth(start_s, incoming, length_s))

    def _come_in(self, burst: Burst) -> None:
        others = [each for leg, each in self._bursts.items() if leg is not burst.leg]
        if self._over is not None and burst.leg in (each.leg for each in self._over):
            self._over = None
        for other in others:
            if (
                burst.start_s < other.end_s + BURST_PAUSE_S
                and other.start_s + _CAME_IN_AFTER_S < burst.start_s
            ):
                self._over = burst, other

    def _turn_to(self, burst: Burst, now_s: float) -> None:
        """Whoever begins with more than a hum has the word; who only goes on does not take it."""
        last = self.turns[-1] if self.turns else None
        if burst.words and (
            last is None or (last.leg is not burst.leg and burst.start_s >= last.start_s)
        ):
            self.turns.append(Turn(burst.leg, now_s))
