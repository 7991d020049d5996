"""Limits count what may have been a call, never less; one call over several trunks is one."""

import pytest

from policy.dialling.facts import Attempt, Facts
from tests.policy.written import at, attempts, decide, rule, rulebook

NOON = "2026-03-02T12:00+08:00"


def limit(at_most: int = 2, within: str = "calendar_days: 1", unit: str = "attempt") -> str:
    return rule("limit", f"unit: {unit}, at_most: {at_most}, within: {{{within}}}")


TWO_A_DAY = rulebook(limit())


@pytest.mark.parametrize(("made", "allowed"), [(0, True), (1, True), (2, False), (3, False)])
def test_at_most_so_many_a_day(made: int, allowed: bool) -> None:
    facts = attempts(*(f"2026-03-02T0{hour}:00+08:00" for hour in range(made)))
    assert decide(TWO_A_DAY, NOON, facts=facts).allowed is allowed


def test_the_day_is_the_called_partys() -> None:
    facts = attempts("2026-03-02T00:30+08:00", "2026-03-02T01:00+08:00")
    assert not decide(TWO_A_DAY, NOON, facts=facts).allowed
    assert decide(TWO_A_DAY, NOON, facts=facts, dialled="+33612345678").allowed


def test_a_new_day_begins_at_the_called_partys_midnight() -> None:
    facts = attempts("2026-03-01T09:00+08:00", "2026-03-01T23:59:59+08:00")
    late = decide(TWO_A_DAY, "2026-03-01T23:59:59.5+08:00", facts=facts)
    assert (late.allowed, late.earliest) == (False, at("2026-03-02T00:00+08:00"))
    assert decide(TWO_A_DAY, "2026-03-02T00:00+08:00", facts=facts).allowed


def test_a_day_that_begins_at_one_oclock_turns_then() -> None:
    santiago = "+56221234567"
    facts = attempts("2026-09-05T09:00-04:00", "2026-09-05T10:00-04:00")
    decision = decide(TWO_A_DAY, "2026-09-05T12:00-04:00", facts=facts, dialled=santiago)
    assert decision.earliest == at("2026-09-06T01:00-03:00")


def test_several_calendar_days() -> None:
    four_in_thirty = rulebook(limit(4, "calendar_days: 30"))
    facts = attempts(*(f"2026-03-0{day}T10:00+08:00" for day in (1, 2, 3, 4)))
    assert not decide(four_in_thirty, "2026-03-30T23:59+08:00", facts=facts).allowed
    decision = decide(four_in_thirty, "2026-03-10T12:00+08:00", facts=facts)
    assert decision.earliest == at("2026-03-31T00:00+08:00")


def test_rolling_hours_end_to_the_microsecond() -> None:
    two_in_a_day = rulebook(limit(2, "rolling_hours: 24"))
    facts = attempts("2026-03-01T12:00:00.000001+08:00", "2026-03-02T09:00+08:00")
    decision = decide(two_in_a_day, NOON, facts=facts)
    assert decision.earliest == at("2026-03-02T12:00:00.000001+08:00")
    assert decide(two_in_a_day, "2026-03-02T12:00:00.000001+08:00", facts=facts).allowed


def test_attempts_of_one_linkedid_are_one_call() -> None:
    facts = attempts("2026-03-02T09:00+08:00", "2026-03-02T09:01+08:00", linkedid="1.1")
    assert decide(TWO_A_DAY, NOON, facts=facts).allowed


def test_a_call_answered_over_its_second_trunk_is_one_call() -> None:
    facts = Facts(
        (
            Attempt(at("2026-03-02T09:00+08:00"), "1.1", connected=False),
            Attempt(at("2026-03-02T09:01+08:00"), "1.1", connected=True),
        )
    )
    assert decide(TWO_A_DAY, NOON, facts=facts).allowed


def test_the_call_that_is_asked_for_does_not_count_against_itself() -> None:
    facts = Facts(
        (Attempt(at("2026-03-02T09:00Z"), "1.1"), Attempt(at("2026-03-02T03:59Z"), "2.2", False))
    )
    assert decide(TWO_A_DAY, NOON, facts=facts, linkedid="2.2").allowed
    assert not decide(TWO_A_DAY, NOON, facts=facts, linkedid="3.3").allowed


def test_a_channel_that_dials_on_after_an_answer_makes_another_call() -> None:
    facts = attempts(
        "2026-03-02T09:00+08:00", "2026-03-02T10:00+08:00", linkedid="1.1", connected=True
    )
    assert not decide(TWO_A_DAY, NOON, facts=facts, linkedid="1.1").allowed


def test_an_attempt_dated_later_than_the_call_counts() -> None:
    facts = attempts("2026-03-02T13:00+08:00", "2026-03-03T00:30+08:00")
    assert not decide(TWO_A_DAY, NOON, facts=facts).allowed


def test_connected_calls_count_and_those_that_may_have_been() -> None:
    one_connected = rulebook(limit(1, unit="connected"))
    time = "2026-03-02T09:00+08:00"
    assert decide(one_connected, NOON, facts=attempts(time, connected=False)).allowed
    assert not decide(one_connected, NOON, facts=attempts(time, connected=True)).allowed
    assert not decide(one_connected, NOON, facts=attempts(time, connected=None)).allowed


def test_the_earliest_is_in_the_window_of_the_first_day_with_room() -> None:
    both = rulebook(limit(), rule("time", "windows: [{from: 08:00, to: 20:00}]", id="test.hours"))
    facts = attempts("2026-03-02T09:00+08:00", "2026-03-02T10:00+08:00")
    assert decide(both, NOON, facts=facts).earliest == at("2026-03-03T08:00+08:00")
