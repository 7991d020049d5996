"""Owns finding phrases in a stream of syllables, one syllable at a time.

From each syllable on, one reading of what was said walks the tree of all phrases (`tree`): the
places it has come to, and how well it was heard on the way, are its state. States and the steps
between them are kept once they are worked out, so that most syllables cost one look-up a reading,
however many phrases there are; what is not known yet costs as many steps as there are phrases that
sound like what was said so far. Called by `hearing`. Invariant: a state depends on the syllables
and pauses since its beginning alone, never on how they arrived or on what is kept.
"""

from collections.abc import Iterable
from typing import NamedTuple

from policy.speech import sound
from policy.speech.tolerance import Tolerance
from policy.speech.tree import Arrival, Node

MOST_STEPS_KEPT = 60_000
"""About 100 bytes each, with the states they lead to 15 MB; more are worked out anew."""


class Place(NamedTuple):
    """How far one way of understanding what was said has come. A gap that is open may take
    `gap_left` more syllables, over a pause if `gap_pauses`."""

    node: Node
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


class Found(NamedTuple):
    """A phrase that ends with the last syllable, and how it is spelled (保证…收益). `score` sums up
    how well each of its `syllables` was heard (`sound`); the confidence is the mean."""

    pattern: str
    spelled: str
    score: float
    syllables: int

    @property
    def confidence(self) -> float:
        return self.score / self.syllables


class State:
    """All places of one reading. What is worked out is kept in it."""

    __slots__ = ("_automaton", "_next", "_paused", "found", "leads_to", "places", "reached")

    def __init__(self, automaton: "Automaton", places: tuple[Place, ...]) -> None:
        self._automaton = automaton
        self._next: dict[str, State | None] = {}
        self._paused: State | None = None
        self.places = places
        self.found = _found(places)
        """The phrases that end here, the best heard first."""
        self.leads_to = frozenset(name for place in places for name in place.node.leads_to)
        """Patterns that more syllables, without a gap, would complete."""
        self.reached = any(place.node.ends and _covers(Tolerance.GUARD, place) for place in places)
        """Whether a guard stands here."""

    def step(self, heard: str) -> "State | None":
        """One syllable further; None when nothing goes on so."""
        try:
            return self._next[heard]
        except KeyError:
            state = self._automaton.step(self, heard)
            self._next[heard] = state
            return state

    def paused(self) -> "State":
        """After a pause in the middle of a phrase. Gaps that do not reach over it close, and a
        phrase that it breaks has no more near syllables to spare."""
        if self._paused is None:
            places = (
                place
                if place.gap_left and place.gap_pauses
                else place._replace(gap_left=0, nears=place.nears + 1, near_now=False)
                for place in self.places
            )
            self._paused = self._automaton.state(tuple(places))
        return self._paused

    def over_pause(self) -> "State | None":
        """The same for a guard: it goes on only in a gap that reaches over the pause."""
        places = tuple(place for place in self.places if place.gap_pauses and place.gap_left)
        return self._automaton.state(places) if places else None

    def forget(self) -> None:
        self._next = {}


class Automaton:
    """What walks one tree. Shared by all conversations of a process, in one thread."""

    def __init__(self, root: Node) -> None:
        self._states: dict[tuple[Place, ...], State] = {}
        self.steps_kept = 0
        places = (_arrived(_NOTHING_SAID, each) for each in root.arrivals())
        self.begin = State(self, tuple(places))
        """Where nothing has been said yet."""

    def state(self, places: tuple[Place, ...]) -> State:
        known = self._states.get(places)
        if known is None:
            known = self._states[places] = State(self, places)
        return known

    def step(self, state: State, heard: str) -> State | None:
        """Works out one step. Of two ways that come to the same node the one that was heard better
        is kept."""
        if self.steps_kept >= MOST_STEPS_KEPT:
            self._forget()
        self.steps_kept += 1
        best: dict[Node, Place] = {}
        alike = sound.blurred(heard)
        near = sound.near_classes(alike)
        polar = heard in sound.POLARITY
        for place in state.places:
            onward = place.node.onward
            for syllable, node in onward.get(alike, ()):
                _go(best, place, node, sound.likeness(heard, syllable))
            if place.gap_left:
                if heard != "bu":
                    _keep(best, place._replace(gap_left=place.gap_left - 1))
                continue
            if polar:
                continue
            for sounds_near in near.keys() & onward.keys():
                got = near[sounds_near]
                for syllable, node in onward[sounds_near]:
                    if (
                        node.inexact
                        and (got == sound.CLOSE or (place.syllables and place.nears < node.spare))
                        and syllable not in sound.POLARITY
                    ):
                        _go(best, place, node, got)
        if not best:
            return None
        return self.state(tuple(sorted(best.values(), key=_by_node)))

    def _forget(self) -> None:
        """Readings under way keep their states."""
        self.steps_kept = 0
        self._states = {}
        self.begin.forget()


def touches(guards: Iterable[Automaton], sounds: Iterable[str | None]) -> bool:
    """Whether what was said, from the phrase's edge on, is something the guards stand for; None
    among the syllables is a pause."""
    states = [guard.begin for guard in guards]
    for heard in sounds:
        states = hear_guards(states, heard)
        if any(state.reached for state in states):
            return True
        if not states:
            break
    return False


def hear_guards(states: Iterable[State], heard: str | None) -> list[State]:
    """Guards one syllable or, with None, one pause further; those left that still may be met."""
    after = (state.over_pause() if heard is None else state.step(heard) for state in states)
    return [state for state in after if state is not None]


def _go(best: dict[Node, Place], place: Place, node: Node, got: float) -> None:
    """Keeps the places after one more syllable, which was heard so well: where it leads, and where
    the phrase goes on from there."""
    near = got in (sound.SAME_INITIAL, sound.SAME_FINAL)
    said = Place(
        node,
        0,
        False,
        place.score + got,
        place.syllables + 1,
        place.blurs + (got in (sound.BLURRED, sound.BLURRED_TWICE)),
        place.closes + (got == sound.CLOSE),
        place.nears + near,
        near,
        place.spelled,
    )
    for each in node.arrivals():
        _keep(best, _arrived(said, each))


def _arrived(place: Place, at: Arrival) -> Place:
    return place._replace(
        node=at.node,
        gap_left=at.gap,
        gap_pauses=at.gap_pauses,
        spelled=place.spelled + at.spelled,
    )


def _keep(best: dict[Node, Place], place: Place) -> None:
    known = best.get(place.node)
    if known is None or _rank(place) > _rank(known):
        best[place.node] = place


def _rank(place: Place) -> tuple[float, int, int, int, int, bool, bool, str]:
    return (
        place.score,
        place.gap_left,
        -place.nears,
        -place.closes,
        -place.blurs,
        place.gap_pauses,
        not place.near_now,
        place.spelled,
    )


def _by_node(place: Place) -> int:
    return id(place.node)


def _covers(tolerance: Tolerance, place: Place) -> bool:
    return tolerance.covers(place.syllables, place.blurs, place.closes, place.nears)


def _found(places: tuple[Place, ...]) -> tuple[Found, ...]:
    found = [
        Found(ending.pattern, place.spelled + ending.spelled, place.score, place.syllables)
        for place in places
        for ending in place.node.ends
        if not (place.near_now and ending.tolerance is Tolerance.USUAL)
        and _covers(ending.tolerance, place)
    ]
    return tuple(sorted(found, key=lambda each: (-each.score, each.spelled, each.pattern)))


_NOTHING_SAID = Place(Node(), 0, False, 0.0, 0, 0, 0, 0, False, "")
