"""Owns finding phrases in a stream of syllables, one syllable at a time.

A reading is what was said from one syllable on: the places in the tree of all phrases (`tree`) that
it may have come to, each with how well it was heard on the way. What a syllable leads to from a
place is worked out once and kept, so what is paid for is how much of what was said sounds like the
beginning of a phrase, not how many phrases there are. Called by `hearing`. Invariant: a reading
depends on its syllables and pauses alone, never on how they arrived or on what is kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from policy.speech import sound
from policy.speech.sound import Heard
from policy.speech.tolerance import Tolerance
from policy.speech.tree import Arrival, Node

MOST_PLACES_KEPT = 24_000
"""About 0.7 kB each with what leads on from them; when there are more, all are worked out anew."""
MOST_PAIRS_KEPT = 10_000
"""Of syllables, about 0.3 kB each."""
_CLOSES_GAPS = "bu"
"""不: a gap takes any other syllable."""
_FEW_WAYS = 8
_NO_STEPS: "dict[str, tuple[Way, ...]]" = {}
"""Of a place where nothing is worked out yet."""


class Counts(NamedTuple):
    """Of the syllables said so far how many were heard only so (`sound`), and whether one was
    blurred; a pause that broke the phrase counts among the `nears`."""

    syllables: int
    blurred: bool
    closes: int
    nears: int
    near_now: bool
    """Whether the last syllable was only near: no phrase ends so but with Tolerance.GENEROUS."""

    def covered_by(self, tolerance: Tolerance) -> bool:
        if self.near_now and tolerance is Tolerance.USUAL:
            return False
        return tolerance.covers(self.syllables, self.blurred, self.closes, self.nears)


_NOTHING_SAID = Counts(0, False, 0, 0, False)


@lru_cache(maxsize=4096)
def _after(counts: Counts, got: float) -> Counts:
    """One syllable more, which was heard so well."""
    near = got in (sound.SAME_INITIAL, sound.SAME_FINAL)
    return Counts(
        counts.syllables + 1,
        counts.blurred or got in (sound.BLURRED, sound.BLURRED_TWICE),
        counts.closes + (got == sound.CLOSE),
        counts.nears + near,
        near,
    )


class Place:
    """A node of the tree as it was come to. A gap that is open may take `gap` more syllables, over
    a pause if `gap_pauses`. What is worked out is kept in it."""

    __slots__ = (
        *("_automaton", "_taken", "counts", "ends", "gap", "gap_pauses", "node"),
        *("onward", "steps"),
    )

    def __init__(
        self, automaton: "Automaton", node: Node, gap: int, gap_pauses: bool, counts: Counts
    ) -> None:
        self._automaton = automaton
        self._taken: Place | None = None
        self.node, self.gap, self.gap_pauses, self.counts = node, gap, gap_pauses, counts
        self.ends = tuple(each for each in node.ends if counts.covered_by(each.tolerance))
        self.onward = self._onward()
        """The classes of syllables that may lead on."""
        self.steps: dict[str, tuple[Way, ...]] = _NO_STEPS
        """By syllable where it leads, how much it counts, and what is spelled on the way."""

    @property
    def taken(self) -> "Place":
        """After a syllable that the open gap takes."""
        if self._taken is None:
            self._taken = self._automaton.place(
                self.node, self.gap - 1, self.gap_pauses, self.counts
            )
        return self._taken

    @property
    def paused(self) -> "Place":
        """After a pause in the middle of the phrase. A gap that does not reach over it closes; a
        phrase that it breaks has one near syllable less to spare."""
        if self.gap and self.gap_pauses:
            return self
        counts = self.counts._replace(nears=self.counts.nears + 1, near_now=False)
        return self._automaton.place(self.node, 0, self.gap_pauses, counts)

    def step(self, heard: Heard) -> "tuple[Way, ...]":
        """Works out where a syllable leads."""
        syllable, alike, _ = heard
        ways = self.node.onward
        found: list[Way] = []
        for meant, node in ways.get(alike, ()):
            found += self._arrivals(node, sound.likeness(syllable, meant))
        if not self.gap and syllable not in sound.POLARITY:
            may_be_near = self.counts.syllables and self.counts.nears < self.node.spare
            near = sound.near_classes(alike)
            for each in ways if len(ways) < _FEW_WAYS else near.keys() & ways.keys():
                got = near.get(each, 0)
                if got == sound.CLOSE or (got and may_be_near):
                    for meant, node in ways[each]:
                        if node.inexact and meant not in sound.POLARITY:
                            found += self._arrivals(node, got)
        if self.steps is _NO_STEPS:
            self.steps = {}
        self.steps[syllable] = tuple(found)
        return self.steps[syllable]

    def _arrivals(self, node: Node, got: float) -> "Iterable[Way]":
        """Where a node leads that was reached by a syllable heard so well: nowhere, when the phrase
        may not have so many mistakes."""
        counts = _after(self.counts, got)
        if counts.near_now and self.counts.nears >= node.spare:
            return ()
        if counts.nears + counts.closes > node.mistakes:
            return ()
        return [self._automaton.way(each, counts, got) for each in node.arrivals()]

    def _onward(self) -> int:
        alike, close, near = self.node.bits()
        counts = self.counts
        if self.gap or counts.nears + counts.closes >= self.node.mistakes:
            return alike
        return near if counts.syllables and counts.nears < self.node.spare else close


Way = tuple[Place, float, str]
"""A place, how well it was heard on the way there in all (`sound`), and what is spelled so far."""
Reading = Sequence[Way]


class Found(NamedTuple):
    """A phrase that ends with the last syllable, and how it is spelled (保证…收益). `score` sums up
    how well each of its `syllables` was heard; the confidence is the mean."""

    pattern: str
    spelled: str
    score: float
    syllables: int

    @property
    def confidence(self) -> float:
        return self.score / self.syllables


class Automaton:
    """What walks one tree. Shared by all conversations of a process, in one thread."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._places: dict[tuple[Node, int, bool, Counts], Place] = {}
        self._first: dict[str, Reading] = {}
        self._second: dict[tuple[str, str], Reading] = {}
        self._forget()

    @property
    def places_kept(self) -> int:
        return len(self._places)

    @property
    def begin(self) -> Reading:
        """Where nothing has been said yet."""
        return self._begin

    def first(self, heard: Heard) -> Reading:
        """Where one syllable leads from the beginning."""
        known = self._first.get(heard.syllable)
        if known is None:
            known = self._first[heard.syllable] = tuple(step(self._begin, heard))
        return known

    def second(self, before: Heard, heard: Heard) -> Reading:
        """Where two syllables lead from the beginning."""
        pair = (before.syllable, heard.syllable)
        known = self._second.get(pair)
        if known is None:
            if len(self._second) >= MOST_PAIRS_KEPT:
                self._second = {}
            known = self._second[pair] = tuple(step(self.first(before), heard))
        return known

    def place(self, node: Node, gap: int, gap_pauses: bool, counts: Counts) -> Place:
        key = (node, gap, gap_pauses, counts)
        known = self._places.get(key)
        if known is None:
            if len(self._places) >= MOST_PLACES_KEPT:
                self._forget()
            known = self._places[key] = Place(self, *key)
        return known

    def way(self, at: Arrival, counts: Counts, got: float) -> Way:
        return self.place(at.node, at.gap, at.gap_pauses, counts), got, at.spelled

    def _forget(self) -> None:
        """Readings under way keep their places."""
        self._places, self._first, self._second = {}, {}, {}
        self._begin = [self.way(each, _NOTHING_SAID, 0.0) for each in self._root.arrivals()]


class Walk:
    """What one leg says, read from each syllable on that a phrase may have begun with."""

    def __init__(self, automaton: Automaton) -> None:
        self._automaton = automaton
        self._readings: list[tuple[int, Reading]] = []
        self._latest: tuple[int, Heard] | None = None
        """The last syllable, unless a pause followed."""

    def hear(self, index: int, syllable: str) -> None:
        """The leg's syllable of this index, the next one."""
        heard, latest = sound.heard(syllable), self._latest
        after: list[tuple[int, Reading]] = []
        for first, reading in self._readings:
            if latest is not None and first == latest[0]:
                went_on = self._automaton.second(latest[1], heard)
            else:
                went_on = step(reading, heard)
            if went_on:
                after.append((first, went_on))
        begun = self._automaton.first(heard)
        if begun:
            after.append((index, begun))
        self._readings, self._latest = after, (index, heard)

    def pause(self) -> None:
        """A pause in the middle of what may be a phrase."""
        self._latest = None
        self._readings = [(first, paused(reading)) for first, reading in self._readings]

    def stop(self) -> None:
        """A pause that ends every phrase."""
        self._latest, self._readings = None, []

    def found(self) -> Iterator[tuple[int, Found]]:
        """The phrases that end with the last syllable and the syllables they begin with: the
        earliest first, of these the best heard."""
        for first, reading in self._readings:
            for place, _, _ in reading:
                if place.ends:
                    for each in found(reading):
                        yield first, each
                    break

    def leads_to(self, first: int, pattern: str) -> bool:
        """Whether more syllables, without a gap, would complete the pattern from there on."""
        return any(
            leads_to(reading, pattern) for began, reading in self._readings if began == first
        )


def step(reading: Reading, heard: Heard) -> Reading:
    """A reading one syllable further. Of two ways that come to one node the one that was heard
    better is kept."""
    syllable, _, bit = heard
    after: list[Way] = []
    for place, score, spelled in reading:
        if place.onward & bit:
            ways = place.steps.get(syllable)
            for to, got, text in place.step(heard) if ways is None else ways:
                after.append((to, score + got, spelled + text))
        if place.gap and syllable != _CLOSES_GAPS:
            after.append((place.taken, score, spelled))
    return after if len(after) < 2 else _best(after)


def paused(reading: Reading) -> Reading:
    """A reading after a pause in the middle of a phrase."""
    return [(place.paused, score, spelled) for place, score, spelled in reading]


def over_pause(reading: Reading) -> Reading:
    """The same of a guard: it goes on only in a gap that reaches over the pause."""
    return [way for way in reading if way[0].gap and way[0].gap_pauses]


def found(reading: Reading) -> list[Found]:
    """The phrases that end here, the best heard first."""
    ending = [
        Found(end.pattern, spelled + end.spelled, score, place.counts.syllables)
        for place, score, spelled in reading
        if place.ends
        for end in place.ends
    ]
    if len(ending) > 1:
        ending.sort(key=lambda each: (-each.score, each.spelled, each.pattern, each.syllables))
    return ending


def leads_to(reading: Reading, pattern: str) -> bool:
    """Whether more syllables, without a gap, would complete the pattern."""
    return any(pattern in place.node.leads_to for place, _, _ in reading)


def reached(reading: Reading) -> bool:
    """Whether a guard stands here."""
    return any(place.ends for place, _, _ in reading)


def touches(guards: Iterable[Automaton], sounds: Iterable[str | None]) -> bool:
    """Whether what was said, from the phrase's edge on, is something the guards stand for; None
    among the syllables is a pause."""
    readings = [guard.begin for guard in guards]
    for each in sounds:
        readings = hear_guards(readings, each)
        if any(reached(reading) for reading in readings):
            return True
        if not readings:
            break
    return False


def hear_guards(readings: Iterable[Reading], syllable: str | None) -> list[Reading]:
    """Guards one syllable or, with None, one pause further; those left that still may be met."""
    if syllable is None:
        after = [over_pause(reading) for reading in readings]
    else:
        heard = sound.heard(syllable)
        after = [step(reading, heard) for reading in readings]
    return [reading for reading in after if reading]


def _best(ways: list[Way]) -> Reading:
    best: dict[Node, Way] = {}
    for way in ways:
        node = way[0].node
        known = best.setdefault(node, way)
        if known is not way and _rank(way) > _rank(known):
            best[node] = way
    return list(best.values())


def _rank(way: Way) -> tuple[float, int, int, int, bool, bool, bool, str]:
    place, score, spelled = way
    _, blurred, closes, nears, near_now = place.counts
    gap, gap_pauses = place.gap, place.gap_pauses
    return score, gap, -nears, -closes, not blurred, gap_pauses, not near_now, spelled
