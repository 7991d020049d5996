"""A decision is cheap beside the disk write that follows it. Bounds are several times what a slow
core needs; processor time of the best of several rounds counts, so that a busy machine does not
fail them."""

import time
import timeit
from collections.abc import Callable
from datetime import timedelta

from policy.dialling import number
from policy.dialling.decision import Decision
from policy.dialling.evaluate import evaluate
from policy.dialling.facts import Attempt, Facts
from policy.dialling.request import DialRequest
from tests.policy.written import at, attempts, rule, rulebook

HOUSE = rulebook(
    rule("time", "windows: [{from: 08:00, to: 20:00}]", id="test.hours"),
    rule("limit", "unit: attempt, at_most: 3, within: {calendar_days: 1}", id="test.limit"),
    rule("suppression", id="test.refused"),
)
NOON = at("2026-03-02T12:00+08:00")


def _best_us(work: Callable[[], object], calls: int) -> float:
    times = timeit.repeat(work, number=calls, repeat=7, timer=time.process_time)
    return min(times) / calls * 1e6


def test_a_decision_takes_less_than_100_microseconds() -> None:
    number.warm("CN")
    request = DialRequest("n", "+8613800138000")
    facts = attempts("2026-03-02T09:00+08:00", "2026-03-02T10:00+08:00")
    assert _best_us(lambda: evaluate(request, facts, HOUSE, NOON), 200) < 100


def test_years_of_calls_to_one_customer_do_not_hold_up_the_gate() -> None:
    """Six attempts on each of the 400 days that are remembered, and as many rules as packs have."""
    number.warm("CN")
    rules = rulebook(
        rule("limit", "unit: attempt, at_most: 6, within: {calendar_days: 1}", id="test.day"),
        rule("limit", "unit: connected, at_most: 3, within: {calendar_days: 1}", id="test.few"),
        rule("limit", "unit: attempt, at_most: 30, within: {calendar_days: 7}", id="test.week"),
        rule("cooling", "after: conversation, for: {days: 7}, talk_s: 30", id="test.after"),
    )
    request = DialRequest("n", "+8613800138000")
    made = [NOON - timedelta(hours=4 * each + 1) for each in range(6 * 400)]
    facts = Facts(tuple(Attempt(each, "", True, 60, each) for each in made))
    assert len(evaluate(request, facts, rules, NOON).reasons) == 3
    assert _best_us(lambda: evaluate(request, facts, rules, NOON), 1) < 20_000


def test_the_longest_search_for_an_earliest_time_does_not_hold_up_the_gate() -> None:
    freephone = DialRequest("n", "+18005551234")
    mondays = rulebook(rule("time", "windows: [{days: [mon], from: 12:00, to: 13:00}]"))

    def search() -> Decision:
        return evaluate(freephone, Facts(), mondays, NOON)

    assert search().earliest is None
    assert _best_us(search, 1) < 100_000
