"""Owns which days are public holidays, and which are worked though they are weekend, in a country.
Called when rules are read from their files; what comes out is plain dates that become part of the
rulebook's text, so that a decision neither loads the library nor changes with its version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Self

FIRST_YEAR, LAST_YEAR = 2000, 2060


@dataclass(frozen=True)
class Calendar:
    """A day outside the years `FIRST_YEAR` to `LAST_YEAR` counts as a public holiday: nothing is
    known of it."""

    holidays: frozenset[date]
    made_up: frozenset[date]
    """Days of the weekend that are worked, to make up for a bridge day."""
    weekend: frozenset[int]
    """Monday is 0."""

    @classmethod
    def read(cls, written: Mapping[str, list[str | int]]) -> Self:
        """What `written` gave. Raises LookupError, TypeError or ValueError where it did not."""
        return cls(
            frozenset(date.fromisoformat(str(day)) for day in written["holidays"]),
            frozenset(date.fromisoformat(str(day)) for day in written["made_up"]),
            frozenset(int(day) for day in written["weekend"]),
        )

    def written(self) -> dict[str, list[str] | list[int]]:
        """As it stands in a rulebook's text."""
        return {
            "holidays": [day.isoformat() for day in sorted(self.holidays)],
            "made_up": [day.isoformat() for day in sorted(self.made_up)],
            "weekend": sorted(self.weekend),
        }

    def is_holiday(self, day: date) -> bool:
        return day in self.holidays or not FIRST_YEAR <= day.year <= LAST_YEAR

    def is_workday(self, day: date) -> bool:
        if self.is_holiday(day):
            return False
        return day.weekday() not in self.weekend or day in self.made_up


def is_known(country: str) -> bool:
    """Whether `calendar` knows it."""
    try:
        calendar(country)
    except LookupError:
        return False
    return True


def known(country: str) -> list[str]:
    """What may be written for a country: `FR`, or with a part of it `FR-57`."""
    import holidays

    country = country.partition("-")[0]
    supported = holidays.list_supported_countries()
    parts = [f"{country}-{part}" for part in supported.get(country, ())]
    return [*supported, *parts]


@lru_cache(maxsize=64)
def calendar(country: str) -> Calendar:
    """The calendar of `FR`, or with a part of it `FR-57`. Raises LookupError when there is none.

    The dates come from the library `holidays`: in China those the State Council has announced,
    make-up workdays included; for years it has not announced yet, the days fixed by law alone.
    """
    import holidays

    name, _, part = country.partition("-")
    try:
        days = holidays.country_holidays(
            name, subdiv=part or None, years=range(FIRST_YEAR, LAST_YEAR + 1)
        )
    except NotImplementedError:
        raise LookupError(f"no calendar of public holidays for {country}") from None
    return Calendar(
        frozenset(days), frozenset(days.weekend_workdays), frozenset(map(int, days.weekend))
    )
