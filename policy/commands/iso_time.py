"""Owns the times that commands take: ISO 8601, as people write them.

A time without an offset means the clock its writer looks at: this site's, or, where a command says
so, the called party's.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click


class WallTime(click.ParamType[datetime]):
    """A date or time, aware (in UTC) when it came with an offset, naive when it did not."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            self.fail("is no ISO 8601 time, e.g. 2026-03-02T07:59:00+08:00", param, ctx)
        return time if time.tzinfo is None else time.astimezone(UTC)


class Instant(WallTime):
    """An instant in UTC; without an offset it is read in this machine's zone."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        return super().convert(value, param, ctx).astimezone(UTC)


class Ago(Instant):
    """An instant, or how long ago: `30d`, `12h`, `45m`."""

    name = "time or age"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        age = re.fullmatch(r"(\d{1,5})([dhm])", value) if isinstance(value, str) else None
        if age is None:
            return super().convert(value, param, ctx)
        unit = {"d": "days", "h": "hours", "m": "minutes"}[age[2]]
        return datetime.now(UTC) - timedelta(**{unit: int(age[1])})


class Zone(click.ParamType[ZoneInfo]):
    """A time zone by its name."""

    name = "zone"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ZoneInfo:
        if isinstance(value, ZoneInfo):
            return value
        try:
            return ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(f"{value!r} is no time zone, such as Asia/Shanghai or UTC", param, ctx)


def this_zone() -> ZoneInfo:
    """This machine's zone; UTC where it does not say."""
    name = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def day_in(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a calendar day of the zone begins and ends, in UTC."""
    first, after = (
        datetime.combine(each, time(), zone).astimezone(UTC)
        for each in (day, day + timedelta(days=1))
    )
    return first, after
