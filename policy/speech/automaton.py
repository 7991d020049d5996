"""Owns finding phrases in a stream of syllables, one syllable at a time.

All phrases of a rulebook share one tree of syllables; what is being said at the moment is a small
set of places in it. A syllable moves every place on, so the cost of a syllable depends on how much
of what was said sounds like the beginning of a phrase, not on how many phrases there are. Called
by `hearing`. Invariant: places depend on the syllables alone, never on how they arrived.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from policy.speech import sound
from policy.speech.phrase import Gap, PhrasesOf, Text, syllables, ways_of
from policy.speech.phrase import Sequence as Phrase


class Tolerance(Enum):
    """How closely a phrase must be heard, by its length: from how many syllables on confusions
    count, and how many syllables may be others of the same initial or final, or broken by a pause.

    USUAL: 坐牢 is not to be heard in zhuo lao; 别再骚扰我 is heard in bie zai sao zhao wo. GENEROUS
    is for what has to be told: there a phrase missed is a false alarm.
    """

    USUAL = (3, 5, 4)
    GENEROUS = (2, 4, 2)

    def nears(self, syllables: int) -> int:
        _, shortest, for_one = self.value
        return syllables // for_one if syllables >= shortest else 0

    def covers(self, syllables: int, blurs: int, nears: int) -> bool:
        return (not blurs or syllables >= self.value[0]) and nears <= self.nears(syllables)


@dataclass(frozen=True)
class Ending:
    """A phrase that ends here: the pattern it belongs to, the spelling of its last stretch, and how
    closely it must be heard."""

    pattern: str
    spelled: str
    tolerance: Tolerance


class Bridge(NamedTuple):
    """Where a phrase goes on: after a gap or, without one, at once; what was spelled before."""

    gap: Gap | None
    spelled: str
    node: "Node"


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """What has been said so far of every phrase that begins so."""

    children: dict[str, "Node"] = field(default_factory=dict)
    alike: dict[str, list[tuple[str, "Node"]]] = field(default_factory=dict)
    bridges: list[Bridge] = field(default_factory=list)
    ends: list[Ending] = field(default_factory=list)
    leads_to: set[str] = field(default_factory=set)
    """Patterns that more syllables, without a gap, would complete."""
    spare: int = 0
    """Most syllables that a phrase through here may have near."""

    def child(self, syllable: str) -> "Node":
        if syllable not in self.children:
            node = self.children[syllable] = Node()
            self.alike.setdefault(sound.blurred(syllable), []).append((syllable, node))
        return self.children[syllable]


class Place(NamedTuple):
    """How far one reading of what was said has come. `first` counts the leg's syllables; a gap
    that is open may take `gap_left` more, over a pause if `gap_pauses`."""

    node: Node
    first: int
    gap_left: int
    gap_pauses: bool
    score: float
    syllables: int
    blurs: int
    nears: int
    near_now: bool
    """Whether the last syllable was only near: no phrase ends so."""
    spelled: str


class Match(NamedTuple):
    """A phrase found: the leg's syllables `first` to `last`, both included, and how it is spelled
    (保证…收益). `score` sums up how well each of its syllables was heard (`sound`); the confidence
    is the mean."""

    pattern: str
    spelled: str
    first: int
    last: int
    score: float
    syllables: int

    @property
    def confidence(self) -> float:
        return self.score / self.syllables


def grow(
    root: Node, pattern: str, phrase: Phrase, phrases_of: PhrasesOf, tolerance: Tolerance
) -> None:
    """Adds one phrase of a pattern, in all its spellings and readings."""
    said = list(phrase)
    while syllables(tuple(said[:1]), phrases_of, min) == 0:
        said.pop(0)
    spare = tolerance.nears(syllables(phrase, phrases_of, max))
    _Planter(Ending(pattern, "", tolerance), phrases_of, spare).plant(root, tuple(said), None)


def guard(phrases: Iterable[Phrase], phrases_of: PhrasesOf, *, backwards: bool) -> Node:
    """A tree for what stands right after a phrase or, read backwards, right before it."""
    root = Node()
    planter = _Planter(Ending("", "", Tolerance.USUAL), phrases_of, 0, backwards=backwards)
    for phrase in phrases:
        planter.plant(root, phrase, None)
    return root


def places_at(roots: Iterable[Node], first: int) -> list[Place]:
    """Where a phrase may begin."""
    return [
        place
        for root in roots
        for place in _arrived(Place(root, first, 0, False, 0.0, 0, 0, 0, False, ""))
    ]


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


def paused(places: Iterable[Place]) -> list[Place]:
    """The places after a pause in the middle of a phrase. Gaps that do not reach over it close, and
    a phrase that it breaks has no more near syllables to spare."""
    return [
        place
        if place.gap_left and place.gap_pauses
        else place._replace(gap_left=0, nears=place.nears + 1, near_now=False)
        for place in places
    ]


def matches(places: Iterable[Place], last: int) -> Iterator[Match]:
    """The phrases that end with the syllable that brought the places here."""
    for place in places:
        for ending in () if place.near_now else place.node.ends:
            if ending.tolerance.covers(place.syllables, place.blurs, place.nears):
                spelled = place.spelled + ending.spelled
                yield Match(
                    ending.pattern, spelled, place.first, last, place.score, place.syllables
                )


def over_pause(places: Iterable[Place]) -> list[Place]:
    """The places of a guard after a pause: those in a gap that reaches over it."""
    return [place for place in places if place.gap_pauses and place.gap_left]


def touches(guards: Iterable[Node], sounds: Iterable[str | None]) -> bool:
    """Whether what was said, from the phrase's edge on, is something the guards stand for; None
    among the syllables is a pause."""
    places = places_at(guards, 0)
    for heard in sounds:
        places = over_pause(places) if heard is None else step(places, heard)
        if any(place.node.ends for place in places):
            return True
        if not places:
            break
    return False


def _moves(place: Place, heard: str) -> Iterator[Place]:
    node = place.node
    for syllable, alike in node.alike.get(sound.blurred(heard), ()):
        yield from _arrived(
            place._replace(
                node=alike,
                gap_left=0,
                score=place.score + sound.likeness(heard, syllable),
                syllables=place.syllables + 1,
                blurs=place.blurs + (syllable != heard),
                near_now=False,
            )
        )
    if place.nears < node.spare and place.syllables and not place.gap_left:
        for syllable, near in node.children.items():
            if near.spare and syllable != heard and sound.is_near(heard, syllable):
                yield from _arrived(
                    place._replace(
                        node=near,
                        score=place.score + sound.NEAR,
                        syllables=place.syllables + 1,
                        nears=place.nears + 1,
                        near_now=True,
                    )
                )
    if place.gap_left and heard != "bu":
        yield place._replace(gap_left=place.gap_left - 1)


def _arrived(place: Place) -> Iterator[Place]:
    if place.node.children or place.node.ends:
        yield place
    for gap, spelled, node in place.node.bridges:
        said = place.spelled + spelled
        if gap is None:
            yield from _arrived(place._replace(node=node, spelled=said))
        else:
            yield from _arrived(
                place._replace(
                    node=node, gap_left=gap.most, gap_pauses=gap.pauses, spelled=f"{said}…"
                )
            )


@dataclass(frozen=True)
class _Planter:
    """Plants phrases. What follows a choice is planted once, whatever was chosen."""

    ending: Ending
    phrases_of: PhrasesOf
    spare: int
    backwards: bool = False

    def plant(self, node: Node, phrase: Phrase, out: Node | None) -> None:
        """From `node` on; the phrase goes on at `out`, or ends (None)."""
        parts = phrase[::-1] if self.backwards else phrase
        self._plant(node, parts, out, leads=out is None)

    def _plant(self, node: Node, parts: Phrase, out: Node | None, *, leads: bool) -> None:
        leads = leads and not any(isinstance(each, Gap) for each in parts)
        if not parts:
            self._join(node, None, "", out)
            return
        part, rest = parts[0], parts[1:]
        if isinstance(part, Text):
            self._plant_text(node, part.marks, rest, out, leads=leads)
            return
        after = out
        if rest or isinstance(part, Gap):
            after = Node()
        if isinstance(part, Gap):
            self._join(node, part, "", after)
        else:
            for way in ways_of(part, self.phrases_of):
                ordered = way[::-1] if self.backwards else way
                self._plant(node, ordered, after, leads=leads)
        if after is not None and after is not out:
            self._plant(after, rest, out, leads=leads)

    def _plant_text(
        self, node: Node, text: str, rest: Phrase, out: Node | None, *, leads: bool
    ) -> None:
        readings = sound.readings(text)
        nodes = [node]
        for each in readings[::-1] if self.backwards else readings:
            for one in nodes:
                self._mark(one, leads=leads)
            nodes = [one.child(syllable) for one in nodes for syllable in each]
        after = Node() if rest else out
        for one in nodes:
            self._mark(one, leads=False)
            self._join(one, None, text, after)
        if rest and after is not None:
            self._plant(after, rest, out, leads=leads)

    def _join(self, node: Node, gap: Gap | None, text: str, out: Node | None) -> None:
        if out is None:
            ending = replace(self.ending, spelled=text)
            if ending not in node.ends:
                node.ends.append(ending)
        else:
            node.bridges.append(Bridge(gap, text, out))
            self._mark(out, leads=False)

    def _mark(self, node: Node, *, leads: bool) -> None:
        node.spare = max(node.spare, self.spare)
        if leads:
            node.leads_to.add(self.ending.pattern)
