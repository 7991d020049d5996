"""Owns the tree of syllables that the phrases of a rulebook are compiled into.

All phrases share one tree; guards have small ones of their own. Called by `rulebook` when rules are
loaded; `automaton` walks it. Invariant: the tree never changes once it is walked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from policy.speech import slot, sound
from policy.speech.phrase import Gap, PhrasesOf, Slot, Text, syllables, ways_of
from policy.speech.phrase import Sequence as Phrase
from policy.speech.tolerance import SHORTEST_CLOSE, Tolerance


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


class Arrival(NamedTuple):
    """Where one is who has come to a node: there, or where a bridge of it leads; how many more
    syllables a gap that is then open may take, whether over a pause, what was spelled on the way.
    """

    node: "Node"
    gap: int
    gap_pauses: bool
    spelled: str


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """What has been said so far of every phrase that begins so."""

    onward: dict[str, list[tuple[str, "Node"]]] = field(default_factory=dict)
    """By the class of a syllable (`sound.blurred`) the syllables that go on, and where to."""
    bridges: tuple[Bridge, ...] = ()
    ends: tuple[Ending, ...] = ()
    leads_to: tuple[str, ...] = ()
    """Patterns that more syllables, without a gap, would complete."""
    spare: int = 0
    """Most syllables that a phrase through here may have near."""
    mistakes: int = 0
    """Most that it may have near or close together."""
    inexact: bool = False
    """Whether a phrase through here need not be heard exactly."""

    _arrivals: tuple[Arrival, ...] = ()
    _bits: tuple[int, int, int] | None = None

    def bits(self) -> tuple[int, int, int]:
        """Classes of syllables (`sound.bit`) that may lead on from here: when heard alike, also
        when heard close, also when heard near; worked out when first asked for."""
        if self._bits is None:
            alike = close = near = 0
            for each, ways in self.onward.items():
                alike |= sound.bit(each)
                if any(node.inexact for _, node in ways):
                    close |= sound.near_bits(each, sound.CLOSE)
                    near |= sound.near_bits(each, 0)
            self._bits = (alike, alike | close, alike | near)
        return self._bits

    def arrivals(self) -> tuple[Arrival, ...]:
        """Every place at which one is who has come here; worked out when first asked for."""
        if not self._arrivals:
            found: list[Arrival] = []
            ways: list[tuple[Node, Gap | None, str]] = [(self, None, "")]
            while ways:
                node, gap, spelled = ways.pop()
                if node.onward or node.ends:
                    opened = (gap.most, gap.pauses) if gap else (0, False)
                    found.append(Arrival(node, *opened, spelled))
                for bridge in node.bridges:
                    said = spelled + bridge.spelled
                    said += "…" if bridge.gap else ""
                    ways.append((bridge.node, bridge.gap or gap, said))
            self._arrivals = tuple(found)
        return self._arrivals

    def over(self, syllable: str) -> "Node | None":
        """Where exactly this syllable leads."""
        for each, node in self.onward.get(sound.blurred(syllable), ()):
            if each == syllable:
                return node
        return None

    def child(self, syllable: str) -> "Node":
        return self.over(syllable) or self.lead(syllable, Node())

    def lead(self, syllable: str, node: "Node") -> "Node":
        """Makes `node` the one that a syllable leads to."""
        self.onward.setdefault(sound.blurred(syllable), []).append((syllable, node))
        return node

    def mark(self, pattern: str) -> None:
        if pattern not in self.leads_to:
            self.leads_to += (pattern,)


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
        soon = leads and not _has_gap(rest)
        if isinstance(part, Gap):
            self._join(node, part, "", after)
        else:
            for way in ways_of(part, self.phrases_of):
                ordered = way[::-1] if self.backwards else way
                self._plant(node, ordered, after, leads=soon)
        if after is not None and after is not out:
            self._plant(after, rest, out, leads=leads)

    def _plant_text(
        self, node: Node, text: str, rest: Phrase, out: Node | None, *, leads: bool
    ) -> None:
        readings = sound.readings(text)
        soon = leads and not _has_gap(rest)
        nodes = [node]
        for each in readings[::-1] if self.backwards else readings:
            for one in nodes:
                self._mark(one, leads=soon)
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
        soon = leads and not _has_gap(rest)
        places: dict[str, Node] = {}
        for before, syllable, after in slot.steps(kind):
            place = places.setdefault(before, Node())
            reached = places.setdefault(after, Node())
            if self.backwards:
                place, reached = reached, place
            if place.over(syllable):
                beside = Node()
                self._join(place, None, "", beside)
                place = beside
            place.lead(syllable, reached)
        for place in places.values():
            if self.ending.tolerance is Tolerance.GENEROUS:
                self._mark(place, leads=soon)
            elif soon:
                place.mark(self.ending.pattern)
            self._allow_mistakes(place)
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
                node.ends += (ending,)
        else:
            node.bridges += (Bridge(gap, text, out),)
            self._mark(out, leads=False)

    def _mark(self, node: Node, *, leads: bool) -> None:
        node.spare = max(node.spare, self.ending.tolerance.nears(self.longest))
        node.inexact = node.inexact or self.longest >= SHORTEST_CLOSE
        self._allow_mistakes(node)
        if leads:
            node.mark(self.ending.pattern)

    def _allow_mistakes(self, node: Node) -> None:
        node.mistakes = max(node.mistakes, self.ending.tolerance.mistakes(self.longest))


def _has_gap(parts: Phrase) -> bool:
    """Whether what follows waits for a gap: then nothing is about to be complete."""
    return any(isinstance(each, Gap) for each in parts)
