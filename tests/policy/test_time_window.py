"""Windows are read off the called party's clock, on days of 23, 24 and 25 hours."""

import pytest

from tests.policy.written import at, decide, rule, rulebook, rules_against

DAY = rulebook(rule("time", "windows: [{from: 08:00, to: 20:00}]"))
NEW_YORK, SANTIAGO, HAVANA, PARIS = "+12125551234", "+56221234567", "+5376412345", "+33612345678"


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        ("2026-03-02T07:59:59.999999+08:00", False),
        ("2026-03-02T08:00:00+08:00", True),
        ("2026-03-02T19:59:59.999999+08:00", True),
        ("2026-03-02T20:00:00+08:00", False),
    ],
)
def test_a_window_opens_at_its_first_and_shuts_before_its_last_instant(
    now: str, allowed: bool
) -> None:
    assert decide(DAY, now).allowed is allowed


def test_before_opening_the_earliest_is_today() -> None:
    assert decide(DAY, "2026-03-02T03:00+08:00").earliest == at("2026-03-02T08:00+08:00")


def test_after_closing_the_earliest_is_tomorrow_also_over_a_leap_day() -> None:
    assert decide(DAY, "2028-02-28T21:00+08:00").earliest == at("2028-02-29T08:00+08:00")
    assert decide(DAY, "2028-02-29T21:00+08:00").earliest == at("2028-03-01T08:00+08:00")


def test_several_windows_a_day_and_the_weekdays_they_hold_on() -> None:
    french = rulebook(
        rule(
            "time",
            "windows: [{days: [mon, tue, wed, thu, fri], from: 10:00, to: 13:00},"
            " {days: [mon, tue, wed, thu, fri], from: 14:00, to: 20:00}]",
        )
    )
    lunch = decide(french, "2026-03-06T13:30+01:00", dialled=PARIS)
    assert (lunch.allowed, lunch.earliest) == (False, at("2026-03-06T14:00+01:00"))
    friday_night = decide(french, "2026-03-06T20:00+01:00", dialled=PARIS)
    assert friday_night.earliest == at("2026-03-09T10:00+01:00")


def test_a_window_may_end_at_midnight() -> None:
    evening = rulebook(rule("time", "windows: [{from: 20:00, to: 24:00}]"))
    assert decide(evening, "2026-03-02T23:59:59+08:00").allowed
    assert not decide(evening, "2026-03-03T00:00:00+08:00").allowed


def test_the_clock_counts_on_a_day_of_23_hours() -> None:
    assert decide(DAY, "2026-03-08T07:00-05:00", dialled=NEW_YORK).allowed
    before = decide(DAY, "2026-03-08T06:59-05:00", dialled=NEW_YORK)
    assert before.earliest == at("2026-03-08T08:00-04:00")


def test_a_window_whose_beginning_is_skipped_opens_when_the_clocks_jump_into_it() -> None:
    night = rulebook(rule("time", "windows: [{from: 02:30, to: 04:00}]"))
    decision = decide(night, "2026-03-08T01:00-05:00", dialled=NEW_YORK)
    assert decision.earliest == at("2026-03-08T03:00-04:00")


def test_a_window_skipped_altogether_opens_the_day_after() -> None:
    night = rulebook(rule("time", "windows: [{from: 02:00, to: 03:00}]"))
    decision = decide(night, "2026-03-08T01:00-05:00", dialled=NEW_YORK)
    assert decision.earliest == at("2026-03-09T02:00-04:00")


def test_an_hour_that_comes_twice_opens_its_window_twice() -> None:
    night = rulebook(rule("time", "windows: [{from: 01:15, to: 01:30}]"))
    between = decide(night, "2026-11-01T01:45-04:00", dialled=NEW_YORK)
    assert between.earliest == at("2026-11-01T01:15-05:00")


def test_clocks_set_back_into_a_window_open_it_again() -> None:
    night = rulebook(rule("time", "windows: [{from: 00:30, to: 01:30}]"))
    between = decide(night, "2026-11-01T01:45-04:00", dialled=NEW_YORK)
    assert between.earliest == at("2026-11-01T01:00-05:00")


def test_a_day_that_begins_at_one_oclock() -> None:
    all_of_sunday = rulebook(rule("time", "windows: [{days: [sun], from: 00:00, to: 24:00}]"))
    decision = decide(all_of_sunday, "2026-09-05T12:00-04:00", dialled=SANTIAGO)
    assert decision.earliest == at("2026-09-06T01:00-03:00")


def test_a_midnight_that_comes_twice() -> None:
    early = rulebook(rule("time", "windows: [{from: 00:00, to: 00:30}]"))
    decision = decide(early, "2026-11-01T00:45-04:00", dialled=HAVANA)
    assert decision.earliest == at("2026-11-01T00:00-05:00")


def test_in_several_zones_it_must_be_open_in_all() -> None:
    russian_mobile = "+79161234567"
    shut_in_moscow = decide(DAY, "2026-03-02T07:00+03:00", dialled=russian_mobile)
    assert rules_against(shut_in_moscow) == ["test.rule"]
    everywhere = at("2026-03-02T08:00+02:00")  # Kaliningrad's clock, and 18:00 in Kamchatka
    assert shut_in_moscow.earliest == everywhere
    assert decide(DAY, everywhere.isoformat(), dialled=russian_mobile).allowed


def test_zones_that_never_agree_have_no_earliest() -> None:
    noon = rulebook(rule("time", "windows: [{from: 12:00, to: 13:00}]"))
    assert decide(noon, "2026-03-02T12:00Z", dialled="+79161234567").earliest is None
