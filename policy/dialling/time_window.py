"""Owns the condition `time`: calls only within windows of the called party's local time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from policy.dialling.circumstances import Circumstances
from policy.dialling.local_time import change_between, first_instant

_DAYS_AHEAD = 8
"""A window of some weekday opens within a week; one day more where clocks skip it."""


@dataclass(frozen=True)
class Window:
    """Open from second `opens_s` of the local day until before second `closes_s`, on `weekdays`
    (Monday 0). Seconds are read off the clock: 28800 is 08:00 on a day of 23 hours as well."""

    weekdays: frozenset[int]
    opens_s: int
    closes_s: int

    def contains(self, local: datetime) -> bool:
        clock_s = local.hour * 3600 + local.minute * 60 + local.second
        return self.opens_s <= clock_s < self.closes_s and local.weekday() in self.weekdays


@dataclass(frozen=True)
class TimeWindows:
    """Denies outside all of `windows`, in any zone the called party may be in."""

    windows: tuple[Window, ...]

    def denies(self, circumstances: Circumstances, at: datetime) -> bool:
        return not all(self._open(zone, at) for zone in circumstances.zones)

    def lifts(self, circumstances: Circumstances, after: datetime) -> datetime | None:
        """The latest of the zones' next openings: before it, one of them is shut."""
        openings = [self._next_open(zone, after) for zone in circumstances.zones]
        known = [each for each in openings if each is not None]
        return max(known) if len(known) == len(openings) else None

    def _open(self, zone: ZoneInfo, at: datetime) -> bool:
        local = at.astimezone(zone)
        return any(window.contains(local) for window in self.windows)

    def _next_open(self, zone: ZoneInfo, after: datetime) -> datetime | None:
        """`after` itself when it is open there."""
        after = after.astimezone(UTC)
        if self._open(zone, after):
            return after
        today = after.astimezone(zone).date()
        for ahead in range(_DAYS_AHEAD + 1):
            candidates = self._candidates(zone, today + timedelta(days=ahead))
            later = [each for each in candidates if each > after and self._open(zone, each)]
            if later:
                return min(later)
        return None

    def _candidates(self, zone: ZoneInfo, day: date) -> Iterator[datetime]:
        """Instants of a local day at which a window may open: the clock reaches its beginning
        (twice, where an hour is repeated), or jumps into it."""
        start, end = first_instant(zone, day), first_instant(zone, day + timedelta(days=1))
        changed = change_between(zone, start, end)
        if changed is not None:
            yield changed
        for window in self.windows:
            local = datetime(day.year, day.month, day.day) + timedelta(seconds=window.opens_s)  # noqa: DTZ001 - a clock face, given its zone below
            for fold in (0, 1):
                yield local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
