"""Owns the times that commands take: ISO 8601, as people write them.

A time without an offset means the clock its writer looks at: this site's, or, where a command says
so, the called party's.
"""

from datetime import UTC, datetime
from typing import Any

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
