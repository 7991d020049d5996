"""`evaluate` and a slow, obvious second implementation agree, the earliest instant included."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings

from policy.dialling.evaluate import evaluate
from policy.dialling.facts import Facts
from policy.dialling.number import zones
from policy.dialling.pack import DiallingPack
from policy.dialling.request import DialRequest
from tests.policy import generated, plain
from tests.policy.written import compiled, rules_against

Question = tuple[dict[str, Any], DialRequest, Facts, datetime]
_DAYS_SEARCHED = 5


@given(generated.questions())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_reasons_agree(question: Question) -> None:
    pack, request, facts, now = question
    decision = evaluate(request, facts, compiled(DiallingPack.model_validate(pack)), now)
    where = [ZoneInfo(name) for name in zones(request.number)]
    against = plain.rules_against(pack, request, facts, where, now)
    assert (rules_against(decision), decision.allowed) == (against, not against)


@given(generated.questions())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_earliest_instant_agrees(question: Question) -> None:
    pack, request, facts, now = question
    decision = evaluate(request, facts, compiled(DiallingPack.model_validate(pack)), now)
    where = [ZoneInfo(name) for name in zones(request.number)]
    found = plain.earliest(pack, request, facts, where, now, days=_DAYS_SEARCHED)
    if found is None:
        too_far = now + timedelta(days=_DAYS_SEARCHED)
        assert decision.earliest is None or decision.earliest > too_far
    else:
        assert decision.earliest == found
