"""A decision and its reservation are one: nobody else takes the customer's last attempt."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from policy.dialling.decision import Decision
from policy.dialling.facts import Facts
from policy.ledger import Decided, Ledger
from tests.ledger.conftest import NOW, WAIT_S, asked, at_most, looks_into


def test_an_allowed_call_counts_from_its_reservation(ledger: Ledger) -> None:
    first = ledger.decide(asked("n1"), at_most(1), NOW).result(WAIT_S)
    second = ledger.decide(asked("n2"), at_most(1), NOW).result(WAIT_S)
    assert first.decision.allowed
    assert first.attempt_id
    assert not second.decision.allowed
    assert second.attempt_id is None
    assert first.decision_id != second.decision_id


def test_a_denied_call_does_not_count(ledger: Ledger) -> None:
    ledger.decide(asked("n1"), at_most(0), NOW).result(WAIT_S)
    assert ledger.decide(asked("n2"), at_most(1), NOW).result(WAIT_S).decision.allowed


def test_of_fifty_threads_on_the_last_attempt_one_passes(ledger: Ledger) -> None:
    ledger.decide(asked("first"), at_most(3), NOW).result(WAIT_S)
    ledger.decide(asked("second"), at_most(3), NOW).result(WAIT_S)

    def ask(each: int) -> Decided:
        return ledger.decide(asked(f"n{each}"), at_most(3), NOW).result(WAIT_S)

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(ask, range(50)))
    assert sum(each.decision.allowed for each in answers) == 1


async def test_of_fifty_tasks_on_the_last_attempt_one_passes(ledger: Ledger) -> None:
    asking = [
        asyncio.wrap_future(ledger.decide(asked(f"n{each}"), at_most(1), NOW)) for each in range(50)
    ]
    answers = await asyncio.wait_for(asyncio.gather(*asking), WAIT_S)
    assert sum(each.decision.allowed for each in answers) == 1


def test_a_call_to_somebody_else_is_not_counted(ledger: Ledger) -> None:
    ledger.decide(asked("n1", "+8613800138000"), at_most(1), NOW).result(WAIT_S)
    other = ledger.decide(asked("n2", "+8613800138001"), at_most(1), NOW).result(WAIT_S)
    assert other.decision.allowed


def test_calls_to_all_numbers_of_a_person_are_counted_once_each(ledger: Ledger) -> None:
    seen: list[Facts] = []
    for request in (
        asked("both", "+8613800138000", "A"),
        asked("number only", "+8613800138000"),
        asked("customer only", "+8613900139000", "A"),
        asked("neither", "+8613700137000", "B"),
        asked("last", "+8613800138000", "A"),
    ):
        ledger.decide(request, looks_into(seen), NOW).result(WAIT_S)
    assert [len(each.attempts) for each in seen] == [0, 1, 2, 0, 3]


def test_an_evaluation_that_fails_allows_nothing_and_disturbs_nobody(ledger: Ledger) -> None:
    def fails(facts: Facts) -> Decision:
        raise ArithmeticError("broken rule")

    broken = ledger.decide(asked("n1"), fails, NOW)
    sound = ledger.decide(asked("n2"), at_most(1), NOW)
    with pytest.raises(ArithmeticError):
        broken.result(WAIT_S)
    assert sound.result(WAIT_S).decision.allowed


def test_a_nonce_is_allowed_once(ledger: Ledger) -> None:
    ledger.decide(asked("n1"), at_most(9), NOW).result(WAIT_S)
    with pytest.raises(ValueError, match="already allowed"):
        ledger.decide(asked("n1", "+8613900139000"), at_most(9), NOW).result(WAIT_S)
    with pytest.raises(ValueError, match="needs a nonce"):
        ledger.decide(asked(""), at_most(9), NOW).result(WAIT_S)


def test_the_longest_limit_still_sees_a_call_of_a_year_ago(ledger: Ledger) -> None:
    seen: list[Facts] = []
    ledger.decide(asked("n1"), looks_into(seen), NOW.replace(year=2025)).result(WAIT_S)
    ledger.decide(asked("n2"), looks_into(seen), NOW).result(WAIT_S)
    assert len(seen[1].attempts) == 1


def test_a_clock_set_back_forgets_nothing(ledger: Ledger) -> None:
    ledger.decide(asked("n1"), at_most(1), NOW).result(WAIT_S)
    earlier = ledger.decide(asked("n2"), at_most(1), NOW.replace(year=2025)).result(WAIT_S)
    assert not earlier.decision.allowed
