"""`evaluate` and a slow, obvious second implementation agree, the earliest instant included."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings

from policy.dialling.evaluate import evaluate
from policy.dialling.facts import Facts
from policy.dialling.number import zones
from policy.dialling.pack import DiallingPack
from policy.dialling.request import DialRequest
from tests.policy import generated, plain
from tests.policy.written import compiled, rules_against

Question = tuple[dict[str, Any], DialRequest, Facts, datetime]
_DAYS_SEARCHED = 3
_unhurried = settings(deadline=None, suppress_health_check=list(HealthCheck))


_LATER = [
    timedelta(0),
    *(timedelta(microseconds=-1), timedelta(seconds=1), timedelta(hours=-30)),
    *(timedelta(hours=hours) for hours in (1, 3, 7, 13, 24, 41, 97)),
]
"""Drawing a question takes longer than answering it: it is asked at these times from its own."""


def _the_reasons_agree(question: Question) -> None:
    pack, request, facts, now = question
    rules = compiled(DiallingPack.model_validate(pack))
    where = [ZoneInfo(name) for name in zones(request.number)]
    for instant in [now + later for later in _LATER]:
        decision = evaluate(request, facts, rules, instant)
        against = plain.rules_against(pack, request, facts, where, instant)
        assert (rules_against(decision), decision.allowed) == (against, not against), instant


def _the_earliest_instant_agrees(question: Question) -> None:
    """Just before it the call is denied, and at it allowed, by the second implementation too."""
    pack, request, facts, now = question
    decision = evaluate(request, facts, compiled(DiallingPack.model_validate(pack)), now)
    where = [ZoneInfo(name) for name in zones(request.number)]
    found = plain.earliest(pack, request, facts, where, now, days=_DAYS_SEARCHED)
    if found is None:
        too_far = now + timedelta(days=_DAYS_SEARCHED)
        assert decision.earliest is None or decision.earliest > too_far
    else:
        assert decision.earliest == found
    if decision.earliest is not None:
        assert not plain.rules_against(pack, request, facts, where, decision.earliest)
        if decision.earliest > now:
            before = decision.earliest - timedelta(microseconds=1)
            assert plain.rules_against(pack, request, facts, where, before)


@given(generated.questions())
@settings(_unhurried, max_examples=250)
def test_the_reasons_agree(question: Question) -> None:
    _the_reasons_agree(question)


@given(generated.questions())
@settings(_unhurried, max_examples=50)
def test_the_earliest_instant_agrees(question: Question) -> None:
    _the_earliest_instant_agrees(question)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@given(generated.questions())
@settings(_unhurried, max_examples=10_000)
def test_the_reasons_agree_over_a_hundred_thousand_cases(question: Question) -> None:
    _the_reasons_agree(question)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@given(generated.questions())
@settings(_unhurried, max_examples=1_500)
def test_the_earliest_instant_agrees_over_thousands_of_cases(question: Question) -> None:
    _the_earliest_instant_agrees(question)
