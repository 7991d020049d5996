"""A time is taken as people write it: a date, a time, with an offset or by the site's own clock."""

from datetime import UTC, datetime

import click
import pytest

from policy.commands.iso_time import Instant, WallTime


def test_an_offset_is_kept_to() -> None:
    assert Instant().convert("2026-03-02T08:00:00+08:00", None, None) == datetime(
        2026, 3, 2, tzinfo=UTC
    )


def test_without_an_offset_this_machines_clock_is_meant() -> None:
    said = Instant().convert("2026-03-02T08:00", None, None)
    assert said == datetime(2026, 3, 2, 8).astimezone()


def test_a_date_is_its_first_moment() -> None:
    assert WallTime().convert("2026-03-02", None, None) == datetime(2026, 3, 2)  # noqa: DTZ001 - naive is what is asked


def test_anything_else_says_what_a_time_looks_like() -> None:
    with pytest.raises(click.BadParameter, match=r"e\.g\. 2026-03-02T07:59"):
        WallTime().convert("monday", None, None)
