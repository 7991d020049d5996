"""A do-not-call entry holds for the number and for the customer, and nothing weakens it."""

from datetime import timedelta

import pytest

from policy.dialling.facts import Facts
from policy.ledger import Ledger
from tests.ledger.conftest import CUSTOMER, NOW, NUMBER, WAIT_S, asked, at_most, looks_into

OTHER_NUMBER = "+8613900139000"


@pytest.mark.parametrize(
    ("number", "customer", "suppressed"),
    [
        (NUMBER, "", True),
        (NUMBER, CUSTOMER, True),
        (NUMBER, "somebody else", True),
        (OTHER_NUMBER, CUSTOMER, True),
        (OTHER_NUMBER, "", False),
        (OTHER_NUMBER, "somebody else", False),
    ],
)
def test_it_holds_for_the_number_and_for_the_customer(
    ledger: Ledger, number: str, customer: str, suppressed: bool
) -> None:
    ledger.suppress(NUMBER, source="refusal", now=NOW, customer=CUSTOMER).result(WAIT_S)
    decided = ledger.decide(asked("n1", number, customer), at_most(1), NOW).result(WAIT_S)
    assert decided.decision.allowed is not suppressed


def test_a_customer_id_that_looks_like_the_number_is_not_the_number(ledger: Ledger) -> None:
    ledger.suppress(NUMBER, source="manual", now=NOW).result(WAIT_S)
    decided = ledger.decide(asked("n1", OTHER_NUMBER, NUMBER), at_most(1), NOW).result(WAIT_S)
    assert decided.decision.allowed


def test_entries_add_up(ledger: Ledger) -> None:
    seen: list[Facts] = []
    certain = ledger.suppress(NUMBER, source="refusal", now=NOW).result(WAIT_S)
    doubtful = ledger.suppress(
        NUMBER,
        source="refusal",
        now=NOW,
        until=NOW + timedelta(days=1),
        provisional=True,
        purpose="marketing.*",
    ).result(WAIT_S)
    ledger.decide(asked("n1"), looks_into(seen), NOW).result(WAIT_S)
    first, second = seen[0].suppressions
    assert (first.suppression_id, first.provisional, first.until) == (certain, False, None)
    assert (first.source, first.since, first.channel, first.purpose) == (
        "refusal",
        NOW,
        "voice",
        "*",
    )
    assert (second.suppression_id, second.provisional) == (doubtful, True)
    assert (second.until, second.purpose) == (NOW + timedelta(days=1), "marketing.*")


def test_an_entry_that_has_ended_is_known_with_its_end(ledger: Ledger) -> None:
    """A rule's minimum term may hold it longer than whoever made the entry asked."""
    seen: list[Facts] = []
    end = NOW + timedelta(days=180)
    ledger.suppress(NUMBER, source="refusal", now=NOW, until=end).result(WAIT_S)
    ledger.decide(asked("n1"), looks_into(seen), end + timedelta(days=1)).result(WAIT_S)
    (entry,) = seen[0].suppressions
    assert (entry.since, entry.until) == (NOW, end)
