"""Owns how long something holds after it happened: so many days, months or hours. Called by the
conditions that wait (`cooling`) and by do-not-call entries with a minimum term.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from policy.dialling.local_time import first_instant


@dataclass(frozen=True)
class Term:
    """Exactly one of the three is given.

    Days are whole days at the called party: the day it happened does not count, so that sixty days
    after a refusal on 1 January end with 2 March (1 March in a leap year), and calls may begin on
    the day after. With `first_day_counts` that day is the first of them. Months end with the day of
    the same number, or with the last of the month where there is none, that day included.
    """

    days: int = 0
    months: int = 0
    hours: int = 0
    first_day_counts: bool = False

    @property
    def longest(self) -> timedelta:
        """What it never lasts longer than, wherever the called party is."""
        return timedelta(days=self.days + 31 * self.months + 3, hours=self.hours)

    def ends(self, event: datetime, zones: Sequence[ZoneInfo]) -> datetime:
        """The first instant, in UTC, at which it is over in each of the zones (in none: in UTC)."""
        if self.hours:
            return event.astimezone(UTC) + timedelta(hours=self.hours)
        return max(
            first_instant(zone, self._last_day(event.astimezone(zone).date()) + timedelta(days=1))
            for zone in zones or (UTC,)
        )

    def _last_day(self, day: date) -> date:
        if self.months:
            years, month = divmod(day.month - 1 + self.months, 12)
            year = day.year + years
            length = calendar.monthrange(year, month + 1)[1]
            return date(year, month + 1, min(day.day, length))
        return day + timedelta(days=self.days - self.first_day_counts)
