"""Spans of seconds that were not analysed: disjoint, few, and adding up to what is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.speech.not_analysed import MOST_SPANS, Missing, NotAnalysed, coalesced, written

_STEPS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 9), st.sampled_from(["worker-lost", "overload"])),
    max_size=250,
)


@given(_STEPS)
def test_spans_are_disjoint_and_add_up_however_many_there_are(
    steps: list[tuple[int, int, str]],
) -> None:
    missing, at, lost = Missing(), 0, 0
    for apart, length, cause in steps:
        missing.add((at + apart) / 10, (at + apart + length) / 10, cause)
        at, lost = at + apart + length, lost + length
    told = coalesced(missing.spans)
    assert len(told) <= MOST_SPANS
    assert sum(each.missing_s for each in told) == pytest.approx(lost / 10, abs=0.001)
    ends_s = 0.0
    for each in told:
        assert ends_s - 1e-6 <= each.start_s < each.end_s <= at / 10 + 1e-6
        assert each.analysed_s >= 0
        ends_s = each.end_s


def test_neighbours_of_one_cause_are_one() -> None:
    spans = [NotAnalysed(2.0, 3.0, "a"), NotAnalysed(1.0, 2.0, "a"), NotAnalysed(3.0, 4.0, "b")]
    assert coalesced(spans) == (NotAnalysed(1.0, 3.0, "a"), NotAnalysed(3.0, 4.0, "b"))


def test_of_too_many_the_nearest_are_told_as_one_and_say_so() -> None:
    spans = [NotAnalysed(0.0, 1.0, "a"), NotAnalysed(5.0, 6.0, "a"), NotAnalysed(6.5, 8.0, "a")]
    assert written(coalesced(spans, most=2)) == "0.0-1.0 a; 5.0-8.0 a (0.5 analysed)"
