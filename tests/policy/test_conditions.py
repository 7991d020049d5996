"""What rules can say beyond the shipped packs: holidays, conversations, terms, parties, numbers
shown, consents. Each on both sides of its boundary."""

from dataclasses import replace
from typing import Any

import pytest

from policy.dialling.facts import Attempt, Facts, Waiver
from tests.policy.written import at, attempts, decide, rule, rulebook, rules_against, suppressed

NOON = "2026-03-02T12:00+08:00"
PARIS, NEW_YORK = "+33612345678", "+12125551234"
WORKDAYS = rulebook(
    rule("time", "holidays: CN, windows: [{from: 09:00, to: 18:00, days: [workday]}]")
)


@pytest.mark.parametrize(
    ("day", "allowed"),
    [
        ("2026-02-13", True),  # Friday
        ("2026-02-14", True),  # Saturday, worked for the Spring Festival
        ("2026-02-15", False),  # Sunday
        ("2026-02-16", False),  # New Year's Eve, a Monday
        ("2026-02-23", False),  # Monday, off for the Saturday before and after
        ("2026-02-24", True),
        ("2026-02-28", True),  # Saturday, worked
        ("2026-03-07", False),  # Saturday as any
    ],
)
def test_chinese_workdays_are_those_that_are_worked(day: str, allowed: bool) -> None:
    assert decide(WORKDAYS, f"{day}T12:00+08:00").allowed is allowed


def test_the_earliest_after_a_long_holiday_is_the_first_day_that_is_worked() -> None:
    decision = decide(WORKDAYS, "2026-02-14T18:00+08:00")
    assert decision.earliest == at("2026-02-24T09:00+08:00")


def test_with_a_calendar_a_weekday_is_no_holiday_and_a_holiday_no_weekday() -> None:
    rules = rulebook(
        rule(
            "time",
            "holidays: FR, windows: [{from: 09:00, to: 18:00, days: [mon, fri]},"
            " {from: 10:00, to: 11:00, days: [holiday]}]",
        )
    )
    assert decide(rules, "2026-04-03T09:30+02:00", dialled=PARIS).allowed
    early = decide(rules, "2026-04-06T09:30+02:00", dialled=PARIS)  # Easter Monday
    assert (early.allowed, early.earliest) == (False, at("2026-04-06T10:00+02:00"))
    late = decide(rules, "2026-04-06T11:00+02:00", dialled=PARIS)
    assert late.earliest == at("2026-04-10T09:00+02:00")


def test_holidays_alone_may_be_months_away() -> None:
    rules = rulebook(
        rule("time", "holidays: FR, windows: [{from: '09:00', to: '10:00', days: [holiday]}]")
    )
    decision = decide(rules, "2026-11-11T10:00+01:00", dialled=PARIS)
    assert decision.earliest == at("2026-12-25T09:00+01:00")


def test_nothing_is_known_of_a_far_year_so_each_of_its_days_may_be_a_holiday() -> None:
    assert not decide(WORKDAYS, "2061-03-02T12:00+08:00").allowed


def test_a_window_over_midnight_is_two() -> None:
    night = (
        "windows: [{from: 22:00, to: 24:00, days: [mon]}, {from: 00:00, to: 06:00, days: [tue]}]"
    )
    rules = rulebook(rule("time", night))
    for now, allowed in (
        ("2026-03-02T21:59:59+08:00", False),
        ("2026-03-02T23:59:59.999999+08:00", True),
        ("2026-03-03T00:00+08:00", True),
        ("2026-03-03T06:00+08:00", False),
    ):
        assert decide(rules, now).allowed is allowed


@pytest.mark.parametrize(
    ("talk", "connected", "allowed"),
    [(29.9, True, True), (30.0, True, False), (None, True, False), (None, None, False)],
)
def test_a_conversation_is_talk_of_at_least_so_long(
    talk: float | None, connected: bool | None, allowed: bool
) -> None:
    rules = rulebook(
        rule("limit", "unit: conversation, talk_s: 30, at_most: 1, within: {calendar_days: 1}")
    )
    facts = Facts((Attempt(at("2026-03-02T09:00+08:00"), "", connected, talk),))
    assert decide(rules, NOON, facts=facts).allowed is allowed


@pytest.mark.parametrize(
    ("key", "same", "allowed"),
    [
        ("number", {"same_number": False}, True),
        ("customer", {"same_number": False}, False),
        ("customer", {"same_person": False}, False),
        ("customer", {"same_number": False, "same_person": False}, True),
        ("debt", {"same_debt": False}, True),
        ("debt", {"same_number": False, "same_person": False}, False),
        ("product", {"same_product": False}, True),
        ("product", {"same_debt": False}, False),
    ],
)
def test_calls_count_that_have_the_key_in_common(
    key: str, same: dict[str, Any], allowed: bool
) -> None:
    rules = rulebook(
        rule("limit", f"unit: attempt, key: {key}, at_most: 1, within: {{calendar_days: 1}}")
    )
    facts = Facts((Attempt(at("2026-03-02T09:00+08:00"), **same),))
    assert decide(rules, NOON, facts=facts).allowed is allowed


def test_limits_of_several_units_hold_at_once() -> None:
    rules = rulebook(
        rule("limit", "unit: attempt, at_most: 3, within: {calendar_days: 1}", id="test.attempts"),
        rule("limit", "unit: connected, at_most: 2, within: {calendar_days: 7}", id="test.few"),
    )
    two = attempts("2026-03-01T09:00+08:00", "2026-03-01T10:00+08:00", connected=True).attempts
    three = attempts(*(f"2026-03-02T0{hour}:00+08:00" for hour in range(3)), connected=False)
    decision = decide(rules, NOON, facts=Facts((*two, *three.attempts)))
    assert rules_against(decision) == ["test.attempts", "test.few"]
    assert decision.earliest == at("2026-03-08T00:00+08:00")


def test_what_was_never_settled_counts_as_connected_for_so_long_and_as_an_attempt_for_good() -> (
    None
):
    within = "at_most: 1, within: {calendar_days: 2}"
    rules = rulebook(
        rule("limit", f"unit: connected, unsettled_after_h: 3, {within}", id="test.connected"),
        rule("limit", f"unit: attempt, {within}", id="test.attempts"),
    )
    facts = attempts("2026-03-02T09:00+08:00")
    before = decide(rules, "2026-03-02T11:59:59.999999+08:00", facts=facts)
    assert rules_against(before) == ["test.connected", "test.attempts"]
    assert rules_against(decide(rules, NOON, facts=facts)) == ["test.attempts"]
    only = rulebook(rule("limit", f"unit: connected, unsettled_after_h: 3, {within}"))
    assert decide(only, "2026-03-02T10:00+08:00", facts=facts).earliest == at(NOON)


@pytest.mark.parametrize(
    ("term", "ends"),
    [
        ("days: 1", "2026-03-09T00:00-04:00"),  # 8 March has 23 hours
        ("{days: 1, first_day_counts: true}", "2026-03-08T00:00-05:00"),
        ("hours: 24", "2026-03-08T12:00-04:00"),
        ("months: 1", "2026-04-08T00:00-04:00"),
    ],
)
def test_a_term_ends_at_the_called_partys_midnight_or_to_the_second(term: str, ends: str) -> None:
    text = term if term.startswith("{") else f"{{{term}}}"
    rules = rulebook(rule("cooling", f"after: refusal, for: {text}"))
    facts = suppressed(since=at("2026-03-07T11:00-05:00"), source="refusal")
    decision = decide(rules, "2026-03-07T11:30-05:00", facts=facts, dialled=NEW_YORK)
    assert decision.earliest == at(ends)
    assert decide(rules, ends, facts=facts, dialled=NEW_YORK).allowed


def test_months_from_a_leap_day_end_with_the_last_of_a_shorter_month() -> None:
    rules = rulebook(rule("suppression", "at_least: {months: 12}"))
    facts = suppressed(since=at("2028-02-29T10:00+08:00"), until=at("2028-03-01T00:00+08:00"))
    decision = decide(rules, "2028-06-01T10:00+08:00", facts=facts)
    assert decision.earliest == at("2029-03-01T00:00+08:00")


def test_after_a_conversation_the_calls_trunk_before_this_one_does_not_count() -> None:
    rules = rulebook(rule("cooling", "after: conversation, for: {days: 1}"))
    facts = attempts("2026-03-02T11:59+08:00", linkedid="1.1")
    assert decide(rules, NOON, facts=facts, linkedid="1.1").allowed
    assert not decide(rules, NOON, facts=facts, linkedid="2.2").allowed


@pytest.mark.parametrize(
    ("classes", "shown", "allowed"),
    [
        ("[95xxx]", "95588", True),
        ("[95xxx]", "955", False),
        ("[95xxx]", "9558801", False),
        ("[95xxx]", "", False),
        ("['955*']", "955", True),
        ("['955*']", "9558801", True),
        ("['955*']", "95", False),
        ("['+8610*']", "010-95588123", True),
        ("['+8610*']", "02195588123", False),
        ("[95xxx, '+8610*']", "+86 10 9558 8123", True),
    ],
)
def test_the_number_shown_is_of_a_class(classes: str, shown: str, allowed: bool) -> None:
    rules = rulebook(rule("caller_id", f"may_show: {classes}"))
    decision = decide(rules, NOON, caller_id=shown)
    assert (decision.allowed, decision.allowed or decision.earliest is None) == (allowed, True)


@pytest.mark.parametrize(
    ("party", "allowed"),
    [("debtor", True), ("customer", False), ("third-party", False), ("unknown", False)],
)
def test_only_the_parties_named_are_called(party: Any, allowed: bool) -> None:
    rules = rulebook(rule("party", "may_be: [debtor]"))
    assert decide(rules, NOON, party=party).allowed is allowed


def consented(**changes: Any) -> Facts:
    waiver = Waiver("w", ("test.rule",), "recording 1", at("2026-01-01T00:00Z"))
    return Facts(waivers=(replace(waiver, **changes),))


@pytest.mark.parametrize(
    ("changes", "scene", "allowed"),
    [
        ({}, "marketing.loan", True),
        ({"rules": ("*",)}, "marketing.loan", True),
        ({"rules": ("test.*",)}, "marketing.loan", True),
        ({"rules": ("test.other", "tes.*")}, "marketing.loan", False),
        ({"proof": ""}, "marketing.loan", False),
        ({"purpose": "marketing.*"}, "marketing.loan", True),
        ({"purpose": "marketing.*"}, "collection.reminder", False),
        ({"purpose": "marketing.*"}, "*", False),
        ({"purpose": "marketing.*"}, "", False),
        ({"until": at(NOON)}, "marketing.loan", False),
        ({"since": at("2026-03-02T12:00:00.000001+08:00")}, "marketing.loan", False),
    ],
)
def test_a_consent_holds_for_what_it_says(
    changes: dict[str, Any], scene: str, allowed: bool
) -> None:
    rules = rulebook(rule("consent"))
    assert decide(rules, NOON, facts=consented(**changes), scene=scene).allowed is allowed


def test_only_a_rule_that_may_be_waived_is_lifted() -> None:
    shut = "windows: [{from: 08:00, to: 09:00}]"
    everything = consented(rules=("*",))
    assert not decide(rulebook(rule("time", shut)), NOON, facts=everything).allowed
    waivable = rulebook(rule("time", f"waivable: true, {shut}"))
    assert decide(waivable, NOON, facts=everything).allowed


def test_the_earliest_heeds_a_consent_that_begins_and_one_that_ends() -> None:
    rules = rulebook(rule("time", "waivable: true, windows: [{from: 20:00, to: 21:00}]"))
    begins = consented(since=at("2026-03-02T14:00+08:00"))
    assert decide(rules, NOON, facts=begins).earliest == at("2026-03-02T14:00+08:00")
    ended = consented(until=at(NOON))
    assert decide(rules, NOON, facts=ended).earliest == at("2026-03-02T20:00+08:00")


def test_a_waivable_suppression_is_lifted_by_a_later_consent_alone() -> None:
    rules = rulebook(rule("suppression", "waivable: true"))
    refused = suppressed(since=at("2026-02-01T00:00Z")).suppressions
    for since, allowed in (("2026-01-31T23:59:59Z", False), ("2026-02-01T00:00:01Z", True)):
        facts = replace(consented(since=at(since)), suppressions=refused)
        assert decide(rules, NOON, facts=facts).allowed is allowed


def test_a_list_is_as_old_as_on_the_called_partys_calendar() -> None:
    rules = rulebook(rule("list_age", "list: registry, at_most_days: 1"))
    imported = Facts(lists={"registry": at("2026-03-01T00:00-05:00")})
    last = decide(rules, "2026-03-02T23:59:59-05:00", dialled=NEW_YORK, facts=imported)
    assert last.allowed
    next_day = decide(rules, "2026-03-03T00:00-05:00", dialled=NEW_YORK, facts=imported)
    assert (next_day.allowed, next_day.earliest) == (False, None)
