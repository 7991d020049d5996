"""Owns the hours in which an alert neither rings nor notifies. Pure: time comes in."""

from datetime import datetime, time, tzinfo


def is_quiet(hours: tuple[str, ...], at: datetime, zone: tzinfo | None) -> bool:
    """Whether `at` lies in one of the hours (HH:MM-HH:MM, over midnight where the end is not after
    the begin) by the clock of `zone` (None: this box's)."""
    now = at.astimezone(zone).time()
    return any(_within(now, *map(time.fromisoformat, each.split("-"))) for each in hours)


def _within(now: time, begin: time, end: time) -> bool:
    return begin <= now < end if begin < end else now >= begin or now < end
