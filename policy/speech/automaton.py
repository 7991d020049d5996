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

from policy.speech import slot, sound
from policy.speech.phrase import Gap, PhrasesOf, Slot, Text, syllables, ways_of
from policy.speech.phrase import Sequence as Phrase


class Tolerance(Enum):
    """How closely a phrase must be heard. A syllable may be blurred (of the same class of sounds),
    close, or only near (`sound`); a pause that breaks a phrase counts as one that is near.

    USUAL: from three syllables on they may be blurred or close (坐牢 is not to be heard in zhuo
    lao), at most one of three close; from five on one of every four may be near (别再骚扰我 is
    heard in bie zai sao zhao wo).
    GENEROUS is for what has to be told, where a phrase missed is a false alarm: blurred from two
    syllables on, and all but four may be near (本次通话将会被录音 is heard in ben si cong hua jiang
    shui bei li yin, as it came through 10 dB of noise).
    GUARD: blurred at any length, for 不是 is short; close from three syllables on; never near.
    """

    USUAL = "usual"
    GENEROUS = "generous"
    GUARD = "guard"

    def nears(self, syllables: int) -> int:
        """How many of a phrase's syllables may be near."""
        if self is Tolerance.GENEROUS:
            return max(0, syllables - 4)
        return syllables // 4 if self is Tolerance.USUAL and syllables > 4 else 0

    def covers(self, place: "Place") -> bool:
        blurred_from, close_from = _LEAST_SYLLABLES[self]
        return (
            (not place.blurs or place.syllables >= blurred_from)
            and (not place.closes or place.syllables >= close_from)
            and place.nears <= self.nears(place.syllables)
            and (self is Tolerance.GENEROUS or place.nears + place.closes <= place.syllables // 3)
        )


SHORTEST_CLOSE = 3
_LEAST_SYLLABLES = {
    Tolerance.USUAL: (3, SHORTEST_CLOSE),
    Tolerance.GENEROUS: (2, SHORTEST_CLOSE),
    Tolerance.GUARD: (1, SHORTEST_CLOSE),
}


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
    inexact: bool = False
    """Whether a phrase through here need not be heard exactly."""

    _arrivals: list[tuple["Node", Gap | None, str]] = field(default_factory=list)
    _near: dict[str, list[tuple["Node", float]]] = field(default_factory=dict)

    def arrivals(self) -> list[tuple["Node", Gap | None, str]]:
        """Where one is who has come here: here, and wherever its bridges lead, with the gap that
        is then open and what was spelled on the way. Worked out when first asked for."""
        if not self._arrivals:
            ways: list[tuple[Node, Gap | None, str]] = [(self, None, "")]
            while ways:
                node, gap, spelled = ways.pop()
                if node.children or node.ends:
                    self._arrivals.append((node, gap, spelled))
                for bridge in node.bridges:
                    said = spelled + bridge.spelled
                    said += "…" if bridge.gap else ""
                    ways.append((bridge.node, bridge.gap or gap, said))
        return self._arrivals

    def near(self, heard: str) -> list[tuple["Node", float]]:
        """Its children that the syllable may stand for without being alike, and how much of them
        it is; worked out when first asked for."""
        if heard not in self._near:
            alike = sound.blurred(heard)
            found = [
                (node, sound.nearness(heard, syllable))
                for syllable, node in self.children.items()
                if node.inexact and sound.blurred(syllable) != alike
            ]
            self._near[heard] = [each for each in found if each[1]]
        return self._near[heard]

    def child(self, syllable: str) -> "Node":
        if syllable not in self.children:
            self.lead(syllable, Node())
        return self.children[syllable]

    def lead(self, syllable: str, node: "Node") -> None:
        """Makes `node` the one that a syllable leads to."""
        self.children[syllable] = node
        self.alike.setdefault(sound.blurred(syllable), []).append((syllable, node))


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
    closes: int
    nears: int
    near_now: bool
    """Whether the last syllable was only near: no phrase ends so but with Tolerance.GENEROUS."""
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
    longest = syllables(phrase, phrases_of, max)
    _Planter(Ending(pattern, "", tolerance), phrases_of, longest).plant(root, tuple(said), None)


def guard(phrases: Iterable[Phrase], phrases_of: PhrasesOf, *, backwards: bool) -> Node:
    """A tree for what stands right after a phrase or, read backwards, right before it."""
    root = Node()
    ending = Ending("", "", Tolerance.GUARD)
    for phrase in phrases:
        longest = syllables(phrase, phrases_of, max)
        _Planter(ending, phrases_of, longest, backwards=backwards).plant(root, phrase, None)
    return root


def places_at(roots: Iterable[Node], first: int) -> list[Place]:
    """Where a phrase may begin."""
    return [
        Place(node, first, *_opened(gap), 0.0, 0, 0, 0, 0, False, text)
        for root in roots
        for node, gap, text in root.arrivals()
    ]


def step(places: Iterable[Place], heard: str) -> list[Place]:
    """The places one syllable further. Of two readings that come to the same place the one that
    was heard better is kept."""
    best: dict[tuple[int, int], Place] = {}
    sounds_alike = sound.blurred(heard)
    for place in places:
        node = place.node
        for syllable, alike in node.alike.get(sounds_alike, ()):
            for arrived in _arrived(place, alike, sound.likeness(heard, syllable)):
                _keep(best, arrived)
        if place.gap_left:
            if heard != "bu":
                _keep(best, place._replace(gap_left=place.gap_left - 1))
            continue
        for near, got in node.near(heard):
            if got == sound.CLOSE or (place.syllables and place.nears < near.spare):
                for arrived in _arrived(place, near, got):
                    _keep(best, arrived)
    return list(best.values())


def _keep(best: dict[tuple[int, int], Place], place: Place) -> None:
    key = (id(place.node), place.first)
    known = best.get(key)
    if known is None or (place.score, place.gap_left) > (known.score, known.gap_left):
        best[key] = place


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
        for ending in place.node.ends:
            if place.near_now and ending.tolerance is Tolerance.USUAL:
                continue
            if ending.tolerance.covers(place):
                spelled = place.spelled + ending.spelled
                yield Match(
                    ending.pattern, spelled, place.first, last, place.score, place.syllables
                )


def over_pause(places: Iterable[Place]) -> list[Place]:
    """The places of a guard after a pause: those in a gap that reaches over it."""
    return [place for place in places if place.gap_pauses and place.gap_left]


def reached(places: Iterable[Place]) -> bool:
    """Whether a guard stands at one of its places."""
    return any(place.node.ends and Tolerance.GUARD.covers(place) for place in places)


def touches(guards: Iterable[Node], sounds: Iterable[str | None]) -> bool:
    """Whether what was said, from the phrase's edge on, is something the guards stand for; None
    among the syllables is a pause."""
    places = places_at(guards, 0)
    for heard in sounds:
        places = over_pause(places) if heard is None else step(places, heard)
        if reached(places):
            return True
        if not places:
            break
    return False


def _arrived(place: Place, node: Node, got: float) -> Iterator[Place]:
    """The place after one more syllable, which was heard so well, and those where the phrase goes
    on from there."""
    first, spelled = place.first, place.spelled
    score, said = place.score + got, place.syllables + 1
    blurs = place.blurs + (got in (sound.BLURRED, sound.BLURRED_TWICE))
    closes = place.closes + (got == sound.CLOSE)
    near = got in (sound.SAME_INITIAL, sound.SAME_FINAL)
    nears = place.nears + near
    for at, gap, text in node.arrivals():
        so_far = spelled + text
        yield Place(at, first, *_opened(gap), score, said, blurs, closes, nears, near, so_far)


def _opened(gap: Gap | None) -> tuple[int, bool]:
    return (gap.most, gap.pauses) if gap else (0, False)


@dataclass(frozen=True)
class _Planter:
    """Plants phrases. What follows a choice is planted once, whatever was chosen."""

    ending: Ending
    phrases_of: PhrasesOf
    longest: int
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
        if isinstance(part, Slot):
            self._plant_slot(node, part.kind, rest, out, leads=leads)
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

    def _plant_slot(
        self, node: Node, kind: str, rest: Phrase, out: Node | None, *, leads: bool
    ) -> None:
        """A number is not taken for another: its syllables are never near, but where it must be
        told. What follows may make it another number, so one more syllable is waited for."""
        places: dict[str, Node] = {}
        for before, syllable, after in slot.steps(kind):
            place = places.setdefault(before, Node())
            reached = places.setdefault(after, Node())
            if self.backwards:
                place, reached = reached, place
            if syllable in place.children:
                beside = Node()
                self._join(place, None, "", beside)
                place = beside
            place.lead(syllable, reached)
        for place in places.values():
            if self.ending.tolerance is Tolerance.GENEROUS:
                self._mark(place, leads=leads)
            elif leads:
                place.leads_to.add(self.ending.pattern)
        ends = [each for name, each in places.items() if slot.is_end(kind, name)]
        begins = [places[slot.BEGIN]]
        if self.backwards:
            begins, ends = ends, begins
        for begin in begins:
            self._join(node, None, "", begin)
        after_slot = Node() if rest else out
        for end in ends:
            self._join(end, None, f"{{{kind}}}", after_slot)
        if rest and after_slot is not None:
            self._plant(after_slot, rest, out, leads=leads)

    def _join(self, node: Node, gap: Gap | None, text: str, out: Node | None) -> None:
        if out is None:
            ending = replace(self.ending, spelled=text)
            if ending not in node.ends:
                node.ends.append(ending)
        else:
            node.bridges.append(Bridge(gap, text, out))
            self._mark(out, leads=False)

    def _mark(self, node: Node, *, leads: bool) -> None:
        node.spare = max(node.spare, self.ending.tolerance.nears(self.longest))
        node.inexact = node.inexact or self.longest >= SHORTEST_CLOSE
        if leads:
            node.leads_to.add(self.ending.pattern)
