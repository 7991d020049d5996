"""A decision is cheap beside the disk write that follows it. Bounds are several times what a slow
core needs, and the best of several rounds counts, so that a busy machine does not fail them."""

import timeit
from collections.abc import Callable

from policy.dialling import number
from policy.dialling.decision import Decision
from policy.dialling.evaluate import evaluate
from policy.dialling.facts import Facts
from policy.dialling.request import DialRequest
from tests.policy.written import at, attempts, rule, rulebook

HOUSE = rulebook(
    rule("time", "windows: [{from: 08:00, to: 20:00}]", id="test.hours"),
    rule("limit", "unit: attempt, at_most: 3, within: {calendar_days: 1}", id="test.limit"),
    rule("suppression", id="test.refused"),
)
NOON = at("2026-03-02T12:00+08:00")


def _best_us(work: Callable[[], object], calls: int) -> float:
    return min(timeit.repeat(work, number=calls, repeat=7)) / calls * 1e6


def test_a_decision_takes_less_than_100_microseconds() -> None:
    number.warm("CN")
    request = DialRequest("n", "+8613800138000")
    facts = attempts("2026-03-02T09:00+08:00", "2026-03-02T10:00+08:00")
    assert _best_us(lambda: evaluate(request, facts, HOUSE, NOON), 200) < 100


def test_the_longest_search_for_an_earliest_time_does_not_hold_up_the_gate() -> None:
    freephone = DialRequest("n", "+18005551234")
    mondays = rulebook(rule("time", "windows: [{days: [mon], from: 12:00, to: 13:00}]"))

    def search() -> Decision:
        return evaluate(freephone, Facts(), mondays, NOON)

    assert search().earliest is None
    assert _best_us(search, 1) < 100_000
