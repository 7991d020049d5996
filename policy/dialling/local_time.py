"""Owns where days begin and clocks change in a zone. Called by the conditions that know local time.

Instants go in and come out aware; what comes out is UTC. Days of 23 and 25 hours, days that begin
at 01:00 and days that a zone left out are all met in practice.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=16_384)
def first_instant(zone: tzinfo, day: date) -> datetime:
    """When local `day` begins in `zone`; for a day the zone left out, when the next one does."""
    return instant(zone, datetime.combine(day, time.min))


def instant(zone: tzinfo, local: datetime) -> datetime:
    """The first instant at which the clocks of `zone` show `local` (naive); where they skip it,
    the instant of the skip."""
    early = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None) == local:
        return early
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return change_between(zone, before, early) or early


@lru_cache(maxsize=1024)
def change_between(zone: tzinfo, start: datetime, end: datetime) -> datetime | None:
    """The instant after `start` and not after `end` (both UTC) at which the zone's clocks change;
    None when they show the same offset at both."""
    before = start.astimezone(zone).utcoffset()
    if before == end.astimezone(zone).utcoffset():
        return None
    while end - start > _SECOND:
        middle = (start + (end - start) / 2).replace(microsecond=0)
        if middle <= start:
            break
        if middle.astimezone(zone).utcoffset() == before:
            start = middle
        else:
            end = middle
    return end
