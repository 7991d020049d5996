"""Owns customers' numbers for tests, demo and benchmarks that hold at any hour and date: from a
country where it is early afternoon, or the dead of night, right now.

The ranges are real ones with a single zone each; nobody is called, the lab has no way out.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

# Prefix, how many digits follow it, zone.
_RANGES = (
    ("+1808234", 4, "Pacific/Honolulu"),
    ("+1310234", 4, "America/Los_Angeles"),
    ("+1212234", 4, "America/New_York"),
    ("+551198", 7, "America/Sao_Paulo"),
    ("+4420794", 5, "Europe/London"),
    ("+336123", 5, "Europe/Paris"),
    ("+27821", 6, "Africa/Johannesburg"),
    ("+97150", 7, "Asia/Dubai"),
    ("+919876", 6, "Asia/Kolkata"),
    ("+880171", 7, "Asia/Dhaka"),
    ("+86138", 8, "Asia/Shanghai"),
    ("+8131234", 4, "Asia/Tokyo"),
    ("+67951", 5, "Pacific/Fiji"),
)
_NOON_OF_THE_WINDOW = timedelta(hours=14)
_DEAD_OF_NIGHT = timedelta(hours=2)


def open_now(seed: int, now: datetime | None = None) -> str:
    """A valid E.164 number, one a seed, where local time is nearest to 14:00."""
    return _nearest(_NOON_OF_THE_WINDOW, seed, now)


def of_any_zone(seed: int) -> str:
    """A valid E.164 number, one a seed, of each zone in turn: what `open_now` gives for a seed s at
    some hour is among the first 13 * (s + 1)."""
    prefix, digits, _ = _RANGES[seed % len(_RANGES)]
    return f"{prefix}{seed // len(_RANGES) % 10**digits:0{digits}d}"


def shut_now(seed: int, now: datetime | None = None) -> str:
    """A valid E.164 number, one a seed, where local time is nearest to 02:00."""
    return _nearest(_DEAD_OF_NIGHT, seed, now)


def _nearest(wanted: timedelta, seed: int, now: datetime | None) -> str:
    moment = now or datetime.now(UTC)

    def distance(zone: str) -> timedelta:
        local = moment.astimezone(ZoneInfo(zone))
        apart = abs(timedelta(hours=local.hour, minutes=local.minute) - wanted)
        return min(apart, timedelta(days=1) - apart)

    prefix, digits, _ = min(_RANGES, key=lambda each: distance(each[2]))
    return f"{prefix}{seed % 10**digits:0{digits}d}"
