"""One call over several trunks is one call; what the same channel dials after an answer is not."""

import pytest

from policy.dialling.facts import Facts
from policy.ledger import Ledger
from tests.ledger.conftest import NOW, WAIT_S, asked, at_most, looks_into


def test_a_second_trunk_passes_on_the_last_attempt(ledger: Ledger) -> None:
    first = asked("n1", linkedid="pbx-1.1")
    again = asked("n2", linkedid="pbx-1.1")
    assert ledger.decide(first, at_most(1), NOW).result(WAIT_S).decision.allowed
    assert ledger.decide(again, at_most(1), NOW).result(WAIT_S).decision.allowed


def test_for_another_call_the_attempts_are_there(ledger: Ledger) -> None:
    ledger.decide(asked("n1", linkedid="pbx-1.1"), at_most(1), NOW).result(WAIT_S)
    other = ledger.decide(asked("n2", linkedid="pbx-1.2"), at_most(1), NOW).result(WAIT_S)
    unnamed = ledger.decide(asked("n3"), at_most(1), NOW).result(WAIT_S)
    assert not other.decision.allowed
    assert not unnamed.decision.allowed


def test_attempts_keep_their_linkedid_so_that_rules_can_count_calls(ledger: Ledger) -> None:
    seen: list[Facts] = []
    for nonce, linkedid in (("n1", "pbx-1.1"), ("n2", "pbx-1.1"), ("n3", "pbx-1.2")):
        ledger.decide(asked(nonce, linkedid=linkedid), looks_into(seen), NOW).result(WAIT_S)
    assert [each.linkedid for each in seen[-1].attempts] == ["pbx-1.1", "pbx-1.1"]


def test_calls_without_a_linkedid_are_different_calls(ledger: Ledger) -> None:
    ledger.decide(asked("n1"), at_most(1), NOW).result(WAIT_S)
    assert not ledger.decide(asked("n2"), at_most(1), NOW).result(WAIT_S).decision.allowed


def test_a_suppression_stops_the_second_trunk_too(ledger: Ledger) -> None:
    first = asked("n1", linkedid="pbx-1.1")
    ledger.decide(first, at_most(1), NOW).result(WAIT_S)
    ledger.suppress(first.number, source="refusal", now=NOW).result(WAIT_S)
    again = ledger.decide(asked("n2", linkedid="pbx-1.1"), at_most(1), NOW).result(WAIT_S)
    assert not again.decision.allowed


@pytest.mark.parametrize(("connected", "allowed"), [(True, False), (False, True)])
def test_after_an_answer_the_customer_is_called_anew(
    ledger: Ledger, connected: bool, allowed: bool
) -> None:
    ledger.decide(asked("n1", linkedid="pbx-1.1"), at_most(1), NOW).result(WAIT_S)
    ledger.settle(
        "n1",
        disposition="ANSWER" if connected else "CONGESTION",
        q850_cause=16 if connected else 34,
        connected=connected,
        talk_seconds=12.5 if connected else 0,
        now=NOW,
    ).result(WAIT_S)
    again = ledger.decide(asked("n2", linkedid="pbx-1.1"), at_most(1), NOW).result(WAIT_S)
    assert again.decision.allowed is allowed
