"""Owns what a rule is asked about: a call, what is known of the called party, and a moment on the
clocks of his zones; and what every kind of rule must be able to answer. Called by `evaluate`;
implemented by a module a kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol, Self
from zoneinfo import ZoneInfo

from policy.dialling.facts import Facts
from policy.dialling.request import DialRequest


@dataclass(frozen=True)
class Circumstances:
    """`zones` are all those the called party may be in; a rule must hold in each of them. Empty
    when unknown: then `evaluate` refuses, whatever the rules say."""

    request: DialRequest
    facts: Facts
    zones: tuple[ZoneInfo, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant in UTC, and what the clocks of the called party's zones show then, in the order of
    the zones. Rules are many and zones are few: the clocks are read once."""

    instant: datetime
    walls: tuple[datetime, ...]
    days: tuple[date, ...]

    @classmethod
    def of(cls, instant: datetime, zones: Sequence[ZoneInfo]) -> Self:
        """`instant` is aware, of any zone."""
        walls = tuple([instant.astimezone(zone) for zone in zones])
        return cls(instant.astimezone(UTC), walls, tuple([wall.date() for wall in walls]))


class Condition(Protocol):
    """When a rule speaks against a call."""

    def denies(self, circumstances: Circumstances, at: Moment) -> bool:
        """Whether the rule speaks against placing the call at that moment."""

    def lifts(self, circumstances: Circumstances, after: Moment) -> datetime | None:
        """The first instant, later than `after`, at which this condition could let the call pass;
        None when it never will. Asked only where it denies; an instant before which the condition
        surely denies is enough, since the answer is tried again there."""
