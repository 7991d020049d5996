"""Findings held against the truth: what was found, missed, and falsely raised."""

from dataclasses import replace

import pytest

from policy.identity import RulebookIdentity, Title
from policy.speech.finding import Finding, FindingStatus, Severity
from policy.speech.utterance import Leg
from recognizer.accuracy import Expected, Judged, scores, total, wilson

FOUND = Finding(
    finding_id="1",
    rule="forbidden.pressure",
    pack="base",
    title=Title("催促", "Presses"),
    severity=Severity.MAJOR,
    rulebook=RulebookIdentity("1", "00"),
    leg=Leg.AGENT,
    start_s=10.0,
    end_s=11.0,
    heard_text="",
    heard_pinyin="",
    matched="",
    confidence=1.0,
    status=FindingStatus.CERTAIN,
    raised_s=11.5,
)
EXPECTED = Expected("forbidden.pressure", Leg.AGENT, (9.0, 12.0))
CMN = ("cmn", "mu-law")


@pytest.mark.parametrize(
    ("finding", "met"),
    [
        (FOUND, True),
        (replace(FOUND, leg=Leg.CUSTOMER), False),
        (replace(FOUND, rule="forbidden.zero-risk"), False),
        (replace(FOUND, start_s=20.0, end_s=21.0, raised_s=21.5), False),
        (replace(FOUND, start_s=2.0, end_s=3.0, raised_s=3.5), False),
        (replace(FOUND, start_s=2.0, end_s=3.0, raised_s=42.0), True),  # certain at a later turn
    ],
)
def test_a_finding_meets_what_was_expected_by_rule_leg_and_time(
    finding: Finding, *, met: bool
) -> None:
    (score,) = (
        each
        for key, each in scores([Judged(60.0, CMN, [EXPECTED], [finding])], []).items()
        if key[0] == "forbidden.pressure"
    )
    assert score.found == met
    assert total(scores([Judged(60.0, CMN, [EXPECTED], [finding])], [])).false_alarms == (not met)


def test_one_finding_meets_one_expectation() -> None:
    calls = [Judged(60.0, CMN, [EXPECTED, EXPECTED], [FOUND])]
    score = scores(calls, [])["forbidden.pressure", *CMN]
    assert (score.expected, score.found, score.false_alarms, score.recall) == (2, 1, 0, 0.5)


def test_groups_are_apart_and_every_rule_is_told() -> None:
    yue = ("yue", "A-law")
    calls = [Judged(1800.0, CMN, [], [FOUND]), Judged(60.0, yue, [EXPECTED], [FOUND])]
    found = scores(calls, ["forbidden.zero-risk"])
    assert found["forbidden.pressure", *CMN].false_alarms_an_hour == 2.0
    assert found["forbidden.pressure", *CMN].precision == 0.0
    assert found["forbidden.pressure", *yue].recall == 1.0
    assert found["forbidden.pressure", *yue].delay_median_s == 0.5
    assert found["forbidden.zero-risk", *yue].expected == 0
    assert total(found).seconds == 1860.0


def test_wilson_is_that_of_the_books() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
