"""Owns the condition `time`: calls only within windows of the called party's local time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from policy.dialling.circumstances import Circumstances, Moment
from policy.dialling.local_time import change_between, first_instant
from policy.dialling.public_holidays import Calendar

_DAYS_AHEAD = 15
"""A window of some weekday opens within a week, or in the next one where clocks skip it."""

_DAYS_AHEAD_WITH_HOLIDAYS = 800
"""A window of public holidays alone, or of workdays alone, may open months later; one that opens
on a holiday which falls on a weekday, hardly later than two years."""

_WHOLE_DAY = timedelta(hours=24)


@dataclass(frozen=True)
class Window:
    """Open from second `opens_s` of the local day until before second `closes_s`, on `weekdays`
    (Monday 0). Seconds are read off the clock: 28800 is 08:00 on a day of 23 hours as well.

    Where the rule has a calendar, a weekday is one that is no public holiday; `workdays` and
    `holidays` add those days of the calendar.
    """

    weekdays: frozenset[int]
    opens_s: int
    closes_s: int
    workdays: bool = False
    holidays: bool = False

    def holds_on(self, day: date, calendar: Calendar | None) -> bool:
        if calendar is None:
            return day.weekday() in self.weekdays
        if calendar.is_holiday(day):
            return self.holidays
        return day.weekday() in self.weekdays or (self.workdays and calendar.is_workday(day))


@dataclass(frozen=True)
class TimeWindows:
    """Denies outside all of `windows`, in any zone the called party may be in."""

    windows: tuple[Window, ...]
    calendar: Calendar | None = None

    def denies(self, circumstances: Circumstances, at: Moment) -> bool:
        return not all(map(self._open, at.walls))

    def lifts(self, circumstances: Circumstances, after: Moment) -> datetime | None:
        """The latest of the zones' next openings: before it, one of them is shut."""
        openings = [self._next_open(zone, after.instant) for zone in circumstances.zones]
        known = [each for each in openings if each is not None]
        return max(known) if len(known) == len(openings) else None

    def _open(self, local: datetime) -> bool:
        clock_s = local.hour * 3600 + local.minute * 60 + local.second
        for window in self.windows:
            in_it = window.opens_s <= clock_s < window.closes_s
            if in_it and window.holds_on(local.date(), self.calendar):
                return True
        return False

    def _next_open(self, zone: ZoneInfo, after: datetime) -> datetime | None:
        """`after` itself when it is open there."""
        local = after.astimezone(zone)
        if self._open(local):
            return after
        today = local.date()
        for ahead in range(1 + (_DAYS_AHEAD_WITH_HOLIDAYS if self.calendar else _DAYS_AHEAD)):
            openings = self._openings(zone, today + timedelta(days=ahead))
            later = [each for each in openings if each > after]
            if later:
                return min(later)
        return None

    def _openings(self, zone: ZoneInfo, day: date) -> list[datetime]:
        """Instants of a local day at which a window opens (or the one before goes on)."""
        windows = [each for each in self.windows if each.holds_on(day, self.calendar)]
        if not windows:
            return []
        start, end = first_instant(zone, day), first_instant(zone, day + timedelta(days=1))
        if end - start == _WHOLE_DAY:
            return [start + timedelta(seconds=window.opens_s) for window in windows]
        candidates = _where_clocks_change(zone, start, end, day, windows)
        return [each for each in candidates if self._open(each.astimezone(zone))]


def _where_clocks_change(
    zone: ZoneInfo, start: datetime, end: datetime, day: date, windows: Iterable[Window]
) -> Iterator[datetime]:
    """Instants at which a window may open: the clock reaches its beginning (twice, where an hour
    is repeated), or jumps into it."""
    changed = change_between(zone, start, end)
    if changed is not None:
        yield changed
    for window in windows:
        local = datetime.combine(day, time.min) + timedelta(seconds=window.opens_s)
        for fold in (0, 1):
            yield local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
