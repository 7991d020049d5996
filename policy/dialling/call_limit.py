"""Owns the condition `limit`: at most so many calls to a customer within so long."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from policy.dialling.circumstances import Circumstances
from policy.dialling.facts import Attempt
from policy.dialling.local_time import first_instant


@dataclass(frozen=True)
class CalendarDays:
    """Today and the days before it, `days` in all, in the called party's zone."""

    days: int

    def counted(
        self, attempts: Iterable[Attempt], at: datetime, zone: ZoneInfo
    ) -> tuple[Attempt, ...]:
        first = at.astimezone(zone).date() - timedelta(days=self.days - 1)
        return tuple(a for a in attempts if a.reserved_at.astimezone(zone).date() >= first)

    def leaves(self, attempt: Attempt, zone: ZoneInfo) -> datetime:
        day = attempt.reserved_at.astimezone(zone).date() + timedelta(days=self.days)
        return first_instant(zone, day)


@dataclass(frozen=True)
class Rolling:
    """The last `length` before the call, to the microsecond."""

    length: timedelta

    def counted(
        self, attempts: Iterable[Attempt], at: datetime, zone: ZoneInfo
    ) -> tuple[Attempt, ...]:
        return tuple(a for a in attempts if a.reserved_at > at - self.length)

    def leaves(self, attempt: Attempt, zone: ZoneInfo) -> datetime:
        return attempt.reserved_at.astimezone(UTC) + self.length


@dataclass(frozen=True)
class CallLimit:
    """Denies when `at_most` calls count already, in any zone the called party may be in.

    Attempts dated later than the call count too: a clock that was set back must not forget. With
    `connected_only`, an attempt that is not settled counts, since it may be connected.
    """

    at_most: int
    within: CalendarDays | Rolling
    connected_only: bool

    def denies(self, circumstances: Circumstances, at: datetime) -> bool:
        attempts = self._of_unit(circumstances)
        return any(self._full(attempts, circumstances, at, zone) for zone in circumstances.zones)

    def lifts(self, circumstances: Circumstances, after: datetime) -> datetime | None:
        attempts = self._of_unit(circumstances)
        return max(
            self._next_room(attempts, circumstances, after, zone) for zone in circumstances.zones
        )

    def _of_unit(self, circumstances: Circumstances) -> tuple[Attempt, ...]:
        attempts = circumstances.facts.attempts
        if not self.connected_only:
            return attempts
        return tuple(each for each in attempts if each.connected is not False)

    def _full(
        self,
        attempts: tuple[Attempt, ...],
        circumstances: Circumstances,
        at: datetime,
        zone: ZoneInfo,
    ) -> bool:
        counted = self.within.counted(attempts, at, zone)
        if len(counted) < self.at_most:
            return False
        return calls_before(counted, circumstances.request.linkedid) >= self.at_most

    def _next_room(
        self,
        attempts: tuple[Attempt, ...],
        circumstances: Circumstances,
        after: datetime,
        zone: ZoneInfo,
    ) -> datetime:
        after = after.astimezone(UTC)
        leaving = sorted({self.within.leaves(each, zone) for each in attempts})
        for instant in [after, *(each for each in leaving if each > after)]:
            if not self._full(attempts, circumstances, instant, zone):
                return instant
        raise AssertionError("no attempt is left, and at_most is at least one")


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
