"""A do-not-call entry stops the calls it covers, for as long as it stands."""

import pytest

from tests.policy.written import at, decide, rule, rulebook, suppressed

NOON = "2026-03-02T12:00+08:00"
RULES = rulebook(rule("suppression"))


def test_an_entry_without_end_stops_for_good() -> None:
    decision = decide(RULES, NOON, facts=suppressed())
    assert (decision.allowed, decision.earliest) == (False, None)


def test_an_entry_with_an_end_stops_until_then() -> None:
    facts = suppressed(until=at(NOON))
    before = decide(RULES, "2026-03-02T11:59:59.999999+08:00", facts=facts)
    assert (before.allowed, before.earliest) == (False, at(NOON))
    assert decide(RULES, NOON, facts=facts).allowed


def test_a_provisional_entry_stops_like_any_other() -> None:
    assert not decide(RULES, NOON, facts=suppressed(provisional=True)).allowed


def test_an_entry_dated_later_than_the_call_holds() -> None:
    assert not decide(RULES, NOON, facts=suppressed(since=at("2026-03-02T12:01+08:00"))).allowed


@pytest.mark.parametrize(
    ("purpose", "scene", "allowed"),
    [
        ("*", "review.loan", False),
        ("marketing.*", "marketing.loan", False),
        ("marketing.*", "marketing", False),
        ("marketing.*", "marketingish", True),
        ("marketing.loan", "marketing.wealth", True),
        ("marketing.loan", "marketing.loan", False),
        ("marketing.*", "collection.reminder", True),
        ("marketing.*", "*", False),
        ("marketing.*", "", False),
    ],
)
def test_an_entry_covers_the_purposes_it_names(purpose: str, scene: str, allowed: bool) -> None:
    assert decide(RULES, NOON, facts=suppressed(purpose=purpose), scene=scene).allowed is allowed


@pytest.mark.parametrize(("channel", "allowed"), [("voice", False), ("*", False), ("sms", True)])
def test_only_entries_for_voice_stop_calls(channel: str, allowed: bool) -> None:
    assert decide(RULES, NOON, facts=suppressed(channel=channel)).allowed is allowed
