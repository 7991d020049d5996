"""Owns what can happen on a call, in the form that is watched for: the events that rules are about,
each made of others or of what the legs say. Made by the compiler (`rulebook`), watched by
`policy.speech.watching`. Invariant: never changed after loading, shared by all conversations; one
name is one object, so what several rules ask for is watched for once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from policy.speech.utterance import Leg


@dataclass(frozen=True, eq=False)
class Event:
    """Two events are the same when they are one object."""

    def parts(self) -> Iterator["Event"]:
        """The events it is made of."""
        yield from ()


@dataclass(frozen=True, eq=False)
class Said(Event):
    """One of the patterns (by their full names) was said by one of the legs."""

    legs: frozenset[Leg]
    patterns: frozenset[str]


@dataclass(frozen=True, eq=False)
class CallEnds(Event):
    """The call is over."""


@dataclass(frozen=True, eq=False)
class Unopened(Event):
    """None of the patterns was begun within the first `speech_s` seconds of the leg's speech."""

    leg: Leg
    told: Said
    speech_s: float

    def parts(self) -> Iterator[Event]:
        yield self.told


@dataclass(frozen=True, eq=False)
class NoAnswer(Event):
    """The leg did not speak within `within_s` seconds after the other leg's question."""

    leg: Leg
    question: Event
    within_s: float

    def parts(self) -> Iterator[Event]:
        yield self.question


@dataclass(frozen=True, eq=False)
class Speaks(Event):
    """The leg took a turn of so many syllables in which none of `without` happened."""

    leg: Leg
    without: tuple[Event, ...]
    at_least_syllables: int

    def parts(self) -> Iterator[Event]:
        yield from self.without


@dataclass(frozen=True, eq=False)
class TalkOver(Event):
    """The leg came in on the other one, for so long at a stretch or so many times (None: the bound
    does not hold); stretches below `at_least_s` are not counted."""

    leg: Leg
    longer_than_s: float | None
    more_than_times: int | None
    within_s: float | None
    at_least_s: float


@dataclass(frozen=True, eq=False)
class Silence(Event):
    """Nobody spoke for longer than so many seconds."""

    leg: Leg
    longer_than_s: float


@dataclass(frozen=True, eq=False)
class Voice(Event):
    """An utterance of the leg showed `at_least` of these signs; None or empty: not asked for."""

    leg: Leg
    louder_by_db: float | None
    faster_by_percent: float | None
    emotions: frozenset[str]
    at_least: int


@dataclass(frozen=True, eq=False)
class AnyOf(Event):
    of: tuple[Event, ...]

    def parts(self) -> Iterator[Event]:
        yield from self.of


@dataclass(frozen=True, eq=False)
class AllOf(Event):
    """Each of the events, not further apart than `within_s`; with `in_order` in their order."""

    of: tuple[Event, ...]
    within_s: float
    in_order: bool

    def parts(self) -> Iterator[Event]:
        yield from self.of


@dataclass(frozen=True, eq=False)
class Compared(Event):
    """The event, where the number told in `slot` is `told` than the product's fact, or where the
    level that it `says` is not the product's."""

    event: Said
    fact: Literal["annual_rate_percent", "fees_percent", "risk_level"]
    slot: str
    told: Literal["different", "lower", "higher"]
    tolerance: float
    says: str

    def parts(self) -> Iterator[Event]:
        yield self.event


@dataclass(frozen=True)
class Around:
    """What happens around an event: one of `of`, or with `every` each of them; within so many
    seconds and changes of the speaker (None: the whole call), with none of `until` in between."""

    of: tuple[Event, ...]
    every: bool = False
    within_s: float | None = None
    within_turns: int | None = None
    until: tuple[Event, ...] = ()

    def parts(self) -> Iterator[Event]:
        yield from self.of
        yield from self.until


@dataclass(frozen=True, eq=False)
class InContext(Event):
    """The event, where all that is asked of what happened around it holds."""

    event: Event
    after: tuple[Around, ...] = ()
    unless_after: tuple[Around, ...] = ()
    followed_by: tuple[Around, ...] = ()
    unless_followed_by: tuple[Around, ...] = ()
    provisional: bool = False

    def parts(self) -> Iterator[Event]:
        yield self.event
        for each in (*self.after, *self.unless_after, *self.followed_by, *self.unless_followed_by):
            yield from each.parts()


@dataclass(frozen=True, eq=False)
class Counted(Event):
    """The event, when it has happened `at_least` times within `within_s` (None: the whole call)."""

    event: Event
    at_least: int
    within_s: float | None
    same_pattern: bool

    def parts(self) -> Iterator[Event]:
        yield self.event


def everything_in(events: Iterable[Event]) -> list[Event]:
    """The events and all they are made of, each once, parts before what they are part of."""
    found: dict[Event, None] = {}

    def visit(each: Event) -> None:
        if each not in found:
            for part in each.parts():
                visit(part)
            found[each] = None

    for event in events:
        visit(event)
    return list(found)
