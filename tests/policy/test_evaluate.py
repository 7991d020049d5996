"""A decision gives every reason, lets emergencies pass and refuses what it does not understand."""

from datetime import UTC, datetime

import pytest

from policy.dialling import refusals
from policy.dialling.decision import Verdict
from policy.dialling.evaluate import evaluate
from policy.dialling.facts import Facts
from policy.dialling.request import DialRequest
from tests.policy.written import (
    CUSTOMER,
    IDENTITY,
    at,
    attempts,
    decide,
    rule,
    rulebook,
    rules_against,
    suppressed,
)

HOURS = rule("time", "windows: [{from: 08:00, to: 20:00}]", id="test.hours")
LIMIT = rule("limit", "unit: attempt, at_most: 1, within: {calendar_days: 1}", id="test.limit")
REFUSED = rule("suppression", id="test.refused")
NIGHT, NOON = "2026-03-02T03:00+08:00", "2026-03-02T12:00+08:00"


def test_every_reason_is_given_in_the_order_of_the_rulebook() -> None:
    facts = Facts(attempts(NIGHT).attempts, suppressed().suppressions)
    decision = decide(rulebook(REFUSED, LIMIT, HOURS), NIGHT, facts=facts)
    assert rules_against(decision) == ["test.refused", "test.limit", "test.hours"]
    assert decision.rulebook == IDENTITY


def test_a_call_nothing_speaks_against_may_be_placed_now() -> None:
    decision = decide(rulebook(HOURS, LIMIT, REFUSED), NOON)
    assert (decision.verdict, decision.reasons) == (Verdict.ALLOW, ())
    assert decision.earliest == at(NOON)


def test_an_emergency_passes_everything() -> None:
    decision = decide(rulebook(HOURS, REFUSED), NIGHT, facts=suppressed(), dialled="120")
    assert decision.allowed
    assert rules_against(decision) == [refusals.ALWAYS_ALLOWED_EMERGENCY]


@pytest.mark.parametrize("dialled", ["", "1001", "12", "abc", "+", "1" * 60])
def test_what_is_no_number_is_refused(dialled: str) -> None:
    decision = decide(rulebook(HOURS), NOON, dialled=dialled)
    assert (decision.verdict, decision.earliest) == (Verdict.DENY, None)
    assert rules_against(decision) == [refusals.NUMBER_UNPARSABLE]


def test_a_number_without_a_zone_is_refused_and_its_suppression_told() -> None:
    decision = decide(rulebook(HOURS, REFUSED), NOON, dialled="+80012345678", facts=suppressed())
    assert rules_against(decision) == [refusals.NUMBER_ZONE_UNKNOWN, "test.refused"]


@pytest.mark.parametrize(
    ("scene", "against"),
    [
        ("marketing.loan", ["test.every", "test.branch", "test.exact"]),
        ("marketing.wealth", ["test.every", "test.branch"]),
        ("nobody.knows", ["test.every"]),
        ("*", ["test.every", "test.branch", "test.exact"]),
        ("", ["test.every", "test.branch", "test.exact"]),
    ],
)
def test_the_scene_selects_the_rules(scene: str, against: list[str]) -> None:
    rules = rulebook(
        rule("suppression", "scenes: ['*']", id="test.every"),
        rule("suppression", "scenes: [marketing.*]", id="test.branch"),
        rule("suppression", "scenes: [review.loan, marketing.loan]", id="test.exact"),
    )
    assert rules_against(decide(rules, NOON, facts=suppressed(), scene=scene)) == against


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        ("2026-02-28T23:59+08:00", True),
        ("2026-03-01T00:00+08:00", False),
        ("2026-03-02T23:59+08:00", False),
        ("2026-03-03T00:00+08:00", True),
    ],
)
def test_a_rule_holds_on_its_days_at_the_called_party(now: str, allowed: bool) -> None:
    days = "effective_from: 2026-03-01, effective_to: 2026-03-02"
    assert decide(rulebook(rule("suppression", days)), now, facts=suppressed()).allowed is allowed


def test_the_earliest_may_be_the_end_of_the_rule() -> None:
    rules = rulebook(rule("suppression", "effective_to: 2026-03-02"), HOURS)
    decision = decide(rules, NOON, facts=suppressed())
    assert decision.earliest == at("2026-03-03T08:00+08:00")


def test_a_rule_that_ends_before_its_window_opens_does_not_delay() -> None:
    mondays = "windows: [{days: [mon], from: 08:00, to: 20:00}], effective_to: 2026-03-03"
    decision = decide(rulebook(rule("time", mondays)), "2026-03-03T12:00+08:00")
    assert decision.earliest == at("2026-03-04T00:00+08:00")


def test_the_earliest_heeds_a_rule_that_comes_into_force_meanwhile() -> None:
    afternoons = "windows: [{from: 14:00, to: 20:00}], effective_from: 2026-03-03"
    rules = rulebook(HOURS, rule("time", afternoons, id="test.later"))
    decision = decide(rules, "2026-03-02T21:00+08:00")
    assert decision.earliest == at("2026-03-03T14:00+08:00")


def test_the_rules_cause_goes_to_the_pbx() -> None:
    rules = rulebook(rule("suppression", "cause: 17"), rule("suppression", id="test.other"))
    decision = decide(rules, NOON, facts=suppressed())
    assert [reason.cause for reason in decision.reasons] == [17, 21]


def test_a_time_without_a_zone_is_nobodys() -> None:
    naive = datetime(2026, 3, 2, 12, 0)  # noqa: DTZ001 - the mistake under test
    with pytest.raises(ValueError, match="no zone"):
        evaluate(DialRequest("n", CUSTOMER), Facts(), rulebook(HOURS), naive)


def test_a_suppression_without_a_near_end_has_no_earliest() -> None:
    far = datetime(9999, 12, 31, tzinfo=UTC)
    assert decide(rulebook(HOURS, REFUSED), NOON, facts=suppressed(until=far)).earliest is None


@pytest.mark.parametrize(
    "reason", [value for name, value in vars(refusals).items() if name.startswith("GATE_")]
)
def test_every_refusal_of_the_gate_has_its_titles(reason: str) -> None:
    decision = refusals.refused(reason, refusals.NO_RULEBOOK)
    (told,) = decision.reasons
    assert (decision.verdict, told.rule) == (Verdict.DENY, reason)
    assert told.title.zh
    assert told.title.en
