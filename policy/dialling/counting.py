"""Owns which attempts count: of what unit, with what in common, how far back, and how many calls
they make up. Called by the conditions that count (`limit`, `cooling`, `party`).

Counters never undercount: what is not settled counts as whatever is worst, and an attempt dated
later than the call counts too, since a clock that was set back must not forget.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from policy.dialling.circumstances import Moment
from policy.dialling.facts import Attempt
from policy.dialling.local_time import first_instant

_SMALLEST = timedelta(microseconds=1)

Key = Literal["number", "customer", "debt", "product"]
"""What calls must have in common to count together. `customer`: his number or his id."""


def shares(attempt: Attempt, key: Key) -> bool:
    """Whether the attempt has `key` in common with the call asked for."""
    match key:
        case "number":
            return attempt.same_number
        case "customer":
            return attempt.same_person or attempt.same_number
        case "debt":
            return attempt.same_debt
        case "product":
            return attempt.same_product


@dataclass(frozen=True)
class Unit:
    """What is counted: every attempt; those that were connected; of those, the conversations, which
    are talk of at least `talk_s` seconds.

    An attempt that is not settled may be any of them, until `unsettled_after` has passed since it
    was reserved (None: for ever): from then on it counts as an attempt alone.
    """

    name: Literal["attempt", "connected", "conversation"]
    talk_s: float = 0.0
    unsettled_after: timedelta | None = None

    def counts(self, attempt: Attempt, at: datetime) -> bool:
        if self.name == "attempt":
            return True
        if attempt.connected is None:
            return self.unsettled_after is None or at < attempt.reserved_at + self.unsettled_after
        if not attempt.connected or self.name == "connected":
            return attempt.connected
        return attempt.talk_seconds is None or attempt.talk_seconds >= self.talk_s

    def expires(self, attempt: Attempt) -> datetime | None:
        """When the attempt stops counting for want of being settled."""
        if self.name == "attempt" or attempt.connected is not None or self.unsettled_after is None:
            return None
        return attempt.reserved_at.astimezone(UTC) + self.unsettled_after


@dataclass(frozen=True)
class CalendarDays:
    """Today and the days before it, `days` in all, in the called party's zone."""

    days: int

    def since(self, at: Moment, zones: tuple[ZoneInfo, ...]) -> list[datetime]:
        """For each zone the instant from which attempts count."""
        back = timedelta(days=self.days - 1)
        return [first_instant(zone, day - back) for zone, day in zip(zones, at.days, strict=True)]

    def leaves(self, attempt: Attempt, zone: ZoneInfo) -> datetime:
        day = attempt.reserved_at.astimezone(zone).date() + timedelta(days=self.days)
        return first_instant(zone, day)


@dataclass(frozen=True)
class Rolling:
    """The last `length` before the call, to the microsecond."""

    length: timedelta

    def since(self, at: Moment, zones: tuple[ZoneInfo, ...]) -> list[datetime]:
        """For each zone the instant from which attempts count: everywhere the same one."""
        return [at.instant - self.length + _SMALLEST] if zones else []

    def leaves(self, attempt: Attempt, zone: ZoneInfo) -> datetime:
        return attempt.reserved_at.astimezone(UTC) + self.length


Within = CalendarDays | Rolling


def recent(
    attempts: Iterable[Attempt], within: Within, at: Moment, zones: tuple[ZoneInfo, ...]
) -> list[Attempt]:
    """The attempts that are within it in one of the zones: a year of calls to one customer is long,
    and few of them matter today."""
    since = min(within.since(at, zones), default=None)
    return [each for each in attempts if since is not None and each.reserved_at >= since]


def leaving(
    attempts: Iterable[Attempt],
    within: Within,
    unit: Unit,
    zones: Iterable[ZoneInfo],
    after: datetime,
) -> list[datetime]:
    """The instants after `after`, in order, at which one of the attempts stops counting."""
    zones = tuple(zones)
    instants = set[datetime]()
    for attempt in attempts:
        instants.update(within.leaves(attempt, zone) for zone in zones)
        expires = unit.expires(attempt)
        if expires is not None:
            instants.add(expires)
    return sorted(instant for instant in instants if instant > after)


def calls_before(attempts: Iterable[Attempt], linkedid: str) -> int:
    """How many calls these attempts are, besides the one now asked for (of that linkedid).

    Attempts that share a linkedid are one call over several trunks, up to the one that was
    answered: what the same channel dials after that is another call.
    """
    of_linkedid: dict[str, list[Attempt]] = defaultdict(list)
    calls = 0
    for attempt in attempts:
        if attempt.linkedid:
            of_linkedid[attempt.linkedid].append(attempt)
        else:
            calls += 1
    for each, members in of_linkedid.items():
        calls += sum(member.connected is True for member in members)
        last = max(members, key=lambda member: (member.reserved_at, member.connected is not True))
        calls += each != linkedid and last.connected is not True
    return calls


def is_this_call(attempt: Attempt, linkedid: str) -> bool:
    """Whether the attempt is the call asked for, over a trunk tried before this one."""
    return bool(linkedid) and attempt.linkedid == linkedid and attempt.connected is not True
