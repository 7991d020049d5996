"""What a decision is told: every call to the person or about the debt, whoever placed it, and what
each shares with the call asked for."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from policy.dialling.facts import Attempt, Facts
from policy.dialling.request import DialRequest
from policy.ledger import Ledger, LedgerReader
from policy.ledger.people import MOST
from tests.ledger.conftest import NOW, WAIT_S, looks_into

HOME, MOBILE, OFFICE, STRANGER = (f"+86138001380{each:02}" for each in range(4))


@pytest.fixture
def reader(ledger: Ledger, ledger_file: Path, key_file: Path) -> Iterator[LedgerReader]:
    with LedgerReader.open(ledger_file, key_file) as opened:
        yield opened


def call(ledger: Ledger, nonce: str, number: str, **named: Any) -> Facts:
    """Places a call; returns what was known before it."""
    seen: list[Facts] = []
    request = DialRequest(nonce, number, "collection.reminder", **named)
    ledger.decide(request, looks_into(seen), NOW).result(WAIT_S)
    return seen[0]


def test_without_an_id_the_persons_other_numbers_are_found(ledger: Ledger) -> None:
    call(ledger, "1", HOME, customer="W")
    call(ledger, "2", MOBILE, customer="W")
    call(ledger, "3", MOBILE)
    facts = call(ledger, "4", HOME)
    assert [(each.same_number, each.same_person) for each in facts.attempts] == [
        (True, True),
        (False, True),
        (False, True),
    ]
    assert call(ledger, "5", STRANGER).attempts == ()


def test_another_id_for_a_known_number_forgets_nothing(ledger: Ledger) -> None:
    call(ledger, "1", HOME, customer="W")
    call(ledger, "2", MOBILE, customer="W")
    assert len(call(ledger, "3", HOME, customer="made up").attempts) == 2


def test_a_do_not_call_entry_links_number_and_id_too(ledger: Ledger) -> None:
    ledger.suppress(HOME, source="complaint", now=NOW, customer="W").result(WAIT_S)
    call(ledger, "1", MOBILE, customer="W")
    assert [each.source for each in call(ledger, "2", MOBILE).suppressions] == ["complaint"]


def test_an_id_sent_for_everybody_names_nobody(ledger: Ledger) -> None:
    numbers = [f"+861390013{each:04}" for each in range(MOST + 2)]
    for each in numbers:
        call(ledger, each, each, customer="0")
    assert [each.same_number for each in call(ledger, "last", numbers[-1]).attempts] == [True]
    with_id = call(ledger, "with id", numbers[-1], customer="0").attempts
    assert len(with_id) == MOST + 3, "by the id itself all its calls are counted"


def test_a_debt_is_counted_whoever_is_called_about_it(ledger: Ledger) -> None:
    call(ledger, "1", HOME, customer="W", debt="D1")
    call(ledger, "2", STRANGER, customer="his guarantor", debt="D1", party="third-party")
    call(ledger, "3", HOME, customer="W", debt="D2")
    call(ledger, "4", HOME, customer="W")
    facts = call(ledger, "5", MOBILE, customer="W", debt="D1")
    assert [(each.same_person, each.same_debt, each.party) for each in facts.attempts] == [
        (True, True, "unknown"),
        (False, True, "third-party"),
        (True, False, "unknown"),
        (True, True, "unknown"),
    ]


def test_a_product_is_the_same_unless_both_name_another(ledger: Ledger) -> None:
    for nonce, product in (("1", "loan"), ("2", "card"), ("3", "")):
        call(ledger, nonce, HOME, product=product)
    facts = call(ledger, "4", HOME, product="loan")
    assert [each.same_product for each in facts.attempts] == [True, False, True]


def test_what_is_not_named_is_no_debt_of_a_stranger(ledger: Ledger) -> None:
    call(ledger, "1", STRANGER, debt="D1")
    call(ledger, "2", STRANGER, debt="D1", product="loan")
    facts = call(ledger, "3", HOME, debt="D1", product="loan")
    assert [(each.same_debt, each.same_product) for each in facts.attempts] == [
        (True, False),
        (True, True),
    ]


def test_agencies_and_campaigns_are_summed(ledger: Ledger) -> None:
    for nonce, agency, campaign in (("1", "a", "x"), ("2", "b", "x"), ("3", "", "y")):
        call(ledger, nonce, HOME, agency=agency, campaign=campaign)
    assert len(call(ledger, "4", HOME, agency="c").attempts) == 3


def test_when_a_call_ended_is_known_once_it_is_settled(ledger: Ledger) -> None:
    call(ledger, "1", HOME)
    ended = NOW + timedelta(seconds=90)
    ledger.settle(
        "1", disposition="ANSWER", q850_cause=16, connected=True, talk_seconds=61.5, now=ended
    ).result(WAIT_S)
    (attempt,) = call(ledger, "2", HOME).attempts
    assert attempt == Attempt(NOW, "", True, 61.5, ended)


def test_a_dial_list_knows_of_each_what_a_decision_would(
    ledger: Ledger, reader: LedgerReader
) -> None:
    for index in range(40):
        call(ledger, f"n{index}", f"+8613800138{index % 20:03}", customer=f"c{index % 7}")
    call(ledger, "about", HOME, debt="D1", product="loan")
    ledger.suppress("+8613800138003", source="manual", now=NOW, customer="c5").result(WAIT_S)
    asked = [
        DialRequest(f"list {each}", f"+8613800138{each % 30:03}", customer=f"c{each}" * (each % 2))
        for each in range(700)
    ]
    asked[5] = replace(asked[5], debt="D1", product="card")
    one_by_one = [reader.facts_of([each], NOW)[0] for each in asked]
    assert reader.facts_of(asked, NOW) == one_by_one
    assert any(each.attempts for each in one_by_one)
    assert any(each.suppressions for each in one_by_one)
    decided: list[Facts] = []
    for each in asked[:9]:
        ledger.decide(replace(each, nonce=f"at {each.nonce}"), looks_into(decided), NOW).result(
            WAIT_S
        )
    known = reader.facts_of(asked[:1], NOW)
    assert decided[0] == one_by_one[0]
    assert len(known[0].attempts) > len(one_by_one[0].attempts)


def test_what_was_asked_is_read_again(ledger: Ledger, reader: LedgerReader) -> None:
    request = DialRequest(
        "n1", HOME, "collection.reminder", "1001", "W", "pbx-1.1", "CN", "D1", "loan", "spring",
        "north", "debtor", "+8695123",
    )  # fmt: skip
    ledger.decide(request, looks_into([]), NOW).result(WAIT_S)
    found = reader.decision_by_nonce("n1")
    assert found is not None
    assert found.request == request
