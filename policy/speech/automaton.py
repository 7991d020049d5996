"""Owns finding phrases in a stream of syllables, one syllable at a time.

All phrases of a rulebook share one tree of syllables; what is being said at the moment is a small
set of places in it. A syllable moves every place on, so the cost of a syllable depends on how much
of what was said sounds like the beginning of a phrase, not on how many phrases there are. Called
by `hearing`. Invariant: places depend on the syllables alone, never on how they arrived.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from policy.speech import sound
from policy.speech.phrase import Gap, Spelling

SHORTEST_BLURRED = 3
"""Syllables a phrase needs before confusions count: 坐牢 is not to be heard in zhuo lao."""
SHORTEST_NEAR = 4
"""Syllables a phrase needs before one of them may be another of the same initial or final."""


@dataclass(frozen=True)
class Ending:
    """A phrase that ends here: the pattern it belongs to, how it is spelled (保证…收益), its
    syllables without gaps, and from how many syllables on it may be heard blurred."""

    pattern: str
    spelled: str
    syllables: int
    blurs_from: int = SHORTEST_BLURRED


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """What has been said so far of every phrase that begins so."""

    children: dict[str, "Node"] = field(default_factory=dict)
    alike: dict[str, list[tuple[str, "Node"]]] = field(default_factory=dict)
    gaps: dict[int, "Node"] = field(default_factory=dict)
    ends: list[Ending] = field(default_factory=list)
    leads_to: set[str] = field(default_factory=set)
    """Patterns that more syllables, without a gap, would complete."""
    long: bool = False
    """Whether a phrase of SHORTEST_NEAR syllables goes through here."""

    def child(self, syllable: str) -> "Node":
        if syllable not in self.children:
            node = self.children[syllable] = Node()
            self.alike.setdefault(sound.blurred(syllable), []).append((syllable, node))
        return self.children[syllable]

    def after_gap(self, most: int) -> "Node":
        return self.gaps.setdefault(most, Node())


class Place(NamedTuple):
    """How far one reading of what was said has come. `first` counts the leg's syllables."""

    node: Node
    first: int
    gap_left: int
    score: float
    syllables: int
    blurs: int
    nears: int


class Match(NamedTuple):
    """A phrase found: the leg's syllables `first` to `last`, both included. The confidence is the
    mean over the phrase's syllables of how well each was heard (`sound`)."""

    ending: Ending
    first: int
    last: int
    confidence: float


def grow(root: Node, pattern: str, spelling: Spelling, blurs_from: int) -> None:
    """Adds one spelling of a phrase, in all its readings."""
    steps = _steps(spelling)
    syllables = sum(not isinstance(each, Gap) for each in steps)
    spelled = "".join("…" if isinstance(part, Gap) else part for part in spelling)
    _plant(root, steps, Ending(pattern, spelled, syllables, blurs_from))


def guard(spellings: Iterable[Spelling], *, backwards: bool) -> Node | None:
    """A tree for what stands right after a phrase or, read backwards, right before it; none when
    there is nothing to guard against."""
    root, nothing = Node(), True
    for spelling in spellings:
        steps = _steps(spelling)
        steps = steps[::-1] if backwards else steps
        while isinstance(steps[-1], Gap):
            steps.pop()
        _plant(root, steps, Ending("", "", 0, blurs_from=0))
        nothing = False
    return None if nothing else root


def places_at(root: Node, first: int) -> list[Place]:
    """Where a phrase may begin."""
    return list(_arrived(Place(root, first, 0, 0.0, 0, 0, 0)))


def step(places: Iterable[Place], heard: str) -> list[Place]:
    """The places one syllable further. Of two readings that come to the same place the one that
    was heard better is kept."""
    best: dict[tuple[int, int], Place] = {}
    for place in places:
        for moved in _moves(place, heard):
            key = (id(moved.node), moved.first)
            known = best.get(key)
            if known is None or (moved.score, moved.gap_left) > (known.score, known.gap_left):
                best[key] = moved
    return list(best.values())


def matches(places: Iterable[Place], last: int) -> Iterator[Match]:
    """The phrases that end with the syllable that brought the places here."""
    for place in places:
        for ending in place.node.ends:
            needed = SHORTEST_NEAR if place.nears else ending.blurs_from if place.blurs else 0
            if ending.syllables >= needed:
                yield Match(ending, place.first, last, place.score / place.syllables)


def touches(root: Node, sounds: Iterable[str]) -> bool:
    """Whether what was said, from the phrase's edge on, is something the guard stands for."""
    places = places_at(root, 0)
    for heard in sounds:
        places = step(places, heard)
        if any(place.node.ends for place in places):
            return True
        if not places:
            break
    return False


def _steps(spelling: Spelling) -> list[Gap | tuple[str, ...]]:
    readings = iter(sound.readings("".join(part for part in spelling if isinstance(part, str))))
    return [part if isinstance(part, Gap) else next(readings) for part in spelling]


def _plant(root: Node, steps: Sequence[Gap | tuple[str, ...]], ending: Ending) -> None:
    nodes, gaps_ahead = [root], sum(isinstance(each, Gap) for each in steps)
    is_long = ending.syllables >= SHORTEST_NEAR
    for each in steps:
        for node in nodes:
            node.long = node.long or is_long
            if not gaps_ahead:
                node.leads_to.add(ending.pattern)
        if isinstance(each, Gap):
            nodes, gaps_ahead = [node.after_gap(each.most) for node in nodes], gaps_ahead - 1
        else:
            nodes = [node.child(syllable) for node in nodes for syllable in each]
    for node in nodes:
        node.long = node.long or is_long
        if ending not in node.ends:
            node.ends.append(ending)


def _moves(place: Place, heard: str) -> Iterator[Place]:
    node, first, gap_left, score, syllables, blurs, nears = place
    for syllable, alike in node.alike.get(sound.blurred(heard), ()):
        same = syllable == heard
        got = score + (sound.SAME if same else sound.BLURRED)
        yield from _arrived(Place(alike, first, 0, got, syllables + 1, blurs + (not same), nears))
    if syllables and not nears and not gap_left and node.long:
        for syllable, near in node.children.items():
            if near.long and syllable != heard and sound.is_near(heard, syllable):
                got = score + sound.NEAR
                yield from _arrived(Place(near, first, 0, got, syllables + 1, blurs, 1))
    if gap_left and heard != "bu":
        yield Place(node, first, gap_left - 1, score, syllables, blurs, nears)


def _arrived(place: Place) -> Iterator[Place]:
    yield place
    for most, node in place.node.gaps.items():
        yield place._replace(node=node, gap_left=most)
