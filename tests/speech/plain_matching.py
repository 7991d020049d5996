"""Finding phrases the slow and obvious way: every place, one by one, nothing kept.

What `policy.speech.automaton` is held against. Each place is walked alone, by what `sound` says of
two syllables.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from policy.speech import sound
from policy.speech.tolerance import Tolerance
from policy.speech.tree import Node


class Place(NamedTuple):
    node: Node
    first: int
    gap_left: int
    gap_pauses: bool
    heard: tuple[float, ...]
    """How well each syllable was heard (0: a pause that broke the phrase)."""
    spelled: str

    @property
    def score(self) -> float:
        total = 0.0
        for each in self.heard:
            total += each
        return total

    def count(self, *levels: float) -> int:
        return sum(each in levels for each in self.heard)

    @property
    def nears(self) -> int:
        return self.count(sound.SAME_INITIAL, sound.SAME_FINAL, 0)

    @property
    def near_now(self) -> bool:
        return self.heard[-1:] in ((sound.SAME_INITIAL,), (sound.SAME_FINAL,))

    @property
    def syllables(self) -> int:
        return len(self.heard) - self.count(0)

    @property
    def blurred(self) -> bool:
        return self.count(sound.BLURRED, sound.BLURRED_TWICE) > 0

    @property
    def closes(self) -> int:
        return self.count(sound.CLOSE)

    def rank(self) -> tuple[object, ...]:
        return (
            self.score,
            self.gap_left,
            -self.nears,
            -self.closes,
            not self.blurred,
            self.gap_pauses,
            not self.near_now,
            self.spelled,
        )


Found = tuple[int, str, str, float, int]
"""First syllable, pattern, spelled, score, syllables."""


def begin(root: Node, first: int) -> list[Place]:
    return list(_arrivals(Place(root, first, 0, False, (), "")))


def step(places: Iterable[Place], heard: str) -> list[Place]:
    best: dict[tuple[int, int], Place] = {}
    for place in places:
        for after in _after(place, heard):
            key = (id(after.node), after.first)
            if key not in best or after.rank() > best[key].rank():
                best[key] = after
    return list(best.values())


def paused(places: Iterable[Place]) -> list[Place]:
    return [
        place
        if place.gap_left and place.gap_pauses
        else place._replace(gap_left=0, heard=(*place.heard, 0.0))
        for place in places
    ]


def found(places: Iterable[Place]) -> Iterator[Found]:
    for place in places:
        for ending in place.node.ends:
            if place.near_now and ending.tolerance is Tolerance.USUAL:
                continue
            counts = (place.syllables, place.blurred, place.closes, place.nears)
            if ending.tolerance.covers(*counts):
                spelled = place.spelled + ending.spelled
                yield (place.first, ending.pattern, spelled, place.score, place.syllables)


def leads_to(places: Iterable[Place], first: int) -> set[str]:
    return {name for each in places if each.first == first for name in each.node.leads_to}


def _after(place: Place, heard: str) -> Iterator[Place]:
    for ways in place.node.onward.values():
        for syllable, node in ways:
            got = _counts_for(place, heard, syllable, node)
            if got:
                after = place._replace(
                    node=node, gap_left=0, gap_pauses=False, heard=(*place.heard, got)
                )
                if after.nears + after.closes <= node.mistakes:
                    yield from _arrivals(after)
    if place.gap_left and heard != "bu":
        yield place._replace(gap_left=place.gap_left - 1)


def _counts_for(place: Place, heard: str, meant: str, node: Node) -> float:
    if sound.blurred(heard) == sound.blurred(meant):
        return sound.likeness(heard, meant)
    got = sound.nearness(heard, meant)
    if place.gap_left or not node.inexact:
        return 0.0
    if got == sound.CLOSE or (place.syllables and place.nears < node.spare):
        return got
    return 0.0


def _arrivals(place: Place) -> Iterator[Place]:
    if place.node.onward or place.node.ends:
        yield place
    for bridge in place.node.bridges:
        gap = bridge.gap
        yield from _arrivals(
            place._replace(
                node=bridge.node,
                gap_left=gap.most if gap else place.gap_left,
                gap_pauses=gap.pauses if gap else place.gap_pauses,
                spelled=place.spelled + bridge.spelled + ("…" if gap else ""),
            )
        )
