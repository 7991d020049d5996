"""Seconds in doubt: told at once as provisional, listened to again, then certain or taken back."""

import pytest

from policy.speech.circumstances import CallCircumstances
from policy.speech.conversation import Conversation
from policy.speech.dialogue_test import Turn, utterances
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.finding import Finding, FindingStatus
from policy.speech.utterance import Leg
from tests.speech.kinds import rules_of

_PROVISIONAL, _CERTAIN, _WITHDRAWN = (
    FindingStatus.PROVISIONAL,
    FindingStatus.CERTAIN,
    FindingStatus.WITHDRAWN,
)
_NEAR = "你别再少恼我"


def _heard(rule: str, *texts: str) -> tuple[Conversation, list[Finding], list[Doubt]]:
    conversation = Conversation(rules_of(rule), CallCircumstances("*"))
    found: list[Finding] = []
    for each in utterances([Turn(customer=text) for text in texts]):
        found += conversation.hear(each)
        for leg in Leg:
            found += conversation.advance(leg, each.end_s + 0.6)
    return conversation, found, conversation.doubts()


def test_what_was_heard_surely_is_certain_at_once() -> None:
    _, found, doubts = _heard("stop", "你别再骚扰我")
    assert [each.status for each in found] == [_CERTAIN]
    assert doubts == []


def test_a_near_match_is_asked_about_once() -> None:
    conversation, found, doubts = _heard("stop", _NEAR)
    assert [each.status for each in found] == [_PROVISIONAL]
    ((start_s, end_s, phrases),) = [(each.start_s, each.end_s, each.phrases) for each in doubts]
    assert start_s < found[0].start_s < found[0].end_s < end_s
    assert phrases == ("别再骚扰我",)
    assert conversation.doubts() == []


@pytest.mark.parametrize(
    ("heard", "looked", "status"),
    [("别再骚扰我", True, _CERTAIN), ("", True, _WITHDRAWN), ("", False, None)],
    ids=["heard", "not heard", "nobody looked"],
)
def test_the_second_look(heard: str, looked: bool, status: FindingStatus | None) -> None:
    conversation, found, (doubt,) = _heard("stop", _NEAR)
    news = conversation.look(SecondLook(doubt.doubt_id, heard, 0.6, looked))
    assert [each.status for each in news] == ([status] if status else [])
    assert all(each.finding_id == found[0].finding_id for each in news)
    assert conversation.finish(30.0) == []


def test_without_an_answer_it_stays_provisional() -> None:
    conversation, found, _ = _heard("stop", _NEAR)
    assert [each.status for each in found + conversation.finish(30.0)] == [_PROVISIONAL]


def test_the_opposite_takes_it_back_however_surely_it_was_heard() -> None:
    conversation, found, (doubt,) = _heard("busy", "我现在不方便")
    assert [each.status for each in found] == [_PROVISIONAL]
    assert doubt.phrases == ("不方便", "方便")
    (news,) = conversation.look(SecondLook(doubt.doubt_id, "方便", 0.6))
    assert news.status is _WITHDRAWN
    assert news.finding_id == found[0].finding_id


def test_said_again_for_certain_while_it_is_in_doubt() -> None:
    conversation, found, (doubt,) = _heard("stop", _NEAR, "别再骚扰我")
    assert [each.status for each in found] == [_PROVISIONAL]
    news = conversation.look(SecondLook(doubt.doubt_id, ""))
    assert [each.status for each in news] == [_CERTAIN, _WITHDRAWN]
    assert len({each.finding_id for each in news}) == 2


def test_an_answer_nobody_asked_for_changes_nothing() -> None:
    conversation, _, _ = _heard("stop", _NEAR)
    assert conversation.look(SecondLook("stop/customer/1-2", "别再骚扰我")) == []
