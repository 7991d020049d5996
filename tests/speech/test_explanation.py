"""A finding explains itself: what was heard and matched, which guards were tried, what nearly was
said, and what each condition made of it."""

from collections.abc import Sequence

import pytest

from policy.speech.circumstances import CallCircumstances
from policy.speech.conversation import Conversation
from policy.speech.dialogue_test import Turn, speak, utterances
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.explanation import Explanation, explain
from policy.speech.finding import FindingStatus
from policy.speech.heard_call import HeardCall
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg
from tests.speech.kinds import rules_of


def _explained(rules: SpeechRulebook, rule: str, *turns: Turn) -> Explanation:
    heard = utterances(turns)
    seconds = max(each.end_s for each in heard) + 1
    (found,) = [each for each in speak(turns, rules, "*") if each.rule == rule]
    call = HeardCall("a-call", CallCircumstances("*"), seconds, heard, ())
    explained = explain(rules, call, found.finding_id)
    assert explained is not None
    assert explained.finding.finding_id == found.finding_id
    assert explained.rule.id == rule
    return explained


def test_what_was_heard_and_which_guards_were_tried(base: SpeechRulebook) -> None:
    turns = (Turn(agent="这款产品不保本吗。"), Turn(agent="我们这个保本保息，您放心。"))
    explained = _explained(base, "forbidden.guaranteed-return", *turns)
    first = explained.matches[0]
    assert (first.heard_text, first.heard_pinyin) == ("bao3 ben3 bao3 xi1", "bao ben bao xi")
    assert first.start_s == explained.finding.start_s
    assert first.confidence >= first.certain_from
    assert {guard.side for guard in first.guards} == {"before", "after"}
    assert not any(guard.stands for guard in first.guards)
    refused = next(each for each in explained.alternatives if each.heard_pinyin == "bao ben")
    stands = [(guard.side, guard.written) for guard in refused.guards if guard.stands]
    assert ("before", "<words.denied>") in stands
    assert ("after", "<words.denied-after>") in stands


def test_what_the_conditions_found() -> None:
    turns = (
        Turn(agent="每月还款五百元"),
        Turn(agent="您的利率是多少呢"),
        Turn(customer="我买一份"),
    )
    explained = _explained(rules_of("quoted"), "quoted", *turns)
    assert [(each.what, each.key, each.names, each.holds) for each in explained.conditions] == [
        ("commits", "after", ("quote",), True),
        ("commits", "unless_after", ("told.apr",), True),
        ("call.ends", "after", ("quote",), True),
        ("call.ends", "unless_after", ("told.apr",), True),
    ]
    quoted = explained.conditions[0].found[0]
    assert (quoted.leg, quoted.spelled) == (Leg.AGENT, "每月还款")
    assert explained.conditions[0].at_s == pytest.approx(utterances(turns)[2].tokens[-1].start_s)


def test_what_was_heard_too_badly_to_count(base: SpeechRulebook) -> None:
    turns = (Turn(agent="我们这个零风险。"), Turn(customer="是吗"), Turn(agent="就是您风险小。"))
    explained = _explained(base, "forbidden.zero-risk", *turns)
    (near,) = [each for each in explained.alternatives if each.heard_pinyin == "nin feng xian"]
    assert near.confidence < near.provisional_from
    assert near.spelled == "零风险"
    assert not any(guard.stands for guard in near.guards)


def _looked(rules: SpeechRulebook, turns: Sequence[Turn], heard: str) -> Explanation | None:
    said = utterances(turns)
    conversation, doubts = Conversation(rules, CallCircumstances("*")), list[Doubt]()
    found = [finding for each in said for finding in conversation.hear(each)]
    found += conversation.advance(Leg.CUSTOMER, 20.0)
    doubts += conversation.doubts()
    assert [each.status for each in found] == [FindingStatus.PROVISIONAL]
    assert [each.phrases for each in doubts] == [("不方便", "方便")]
    looks = [(each, SecondLook(each.doubt_id, heard, 0.8)) for each in doubts]
    call = HeardCall("a-call", CallCircumstances("*"), 20.0, said, looks)
    return explain(rules, call, found[0].finding_id)


@pytest.mark.parametrize(
    ("heard", "status"),
    [
        ("不方便", FindingStatus.CERTAIN),
        ("方便", FindingStatus.WITHDRAWN),
        ("", FindingStatus.CERTAIN),
    ],
)
def test_what_came_of_a_second_look(heard: str, status: FindingStatus) -> None:
    explained = _looked(rules_of("busy"), [Turn(customer="我现在不方便")], heard)
    assert explained is not None
    assert [each.status for each in explained.history] == [FindingStatus.PROVISIONAL, status]
    ((doubt, look),) = explained.second_looks
    assert look is not None
    assert (doubt.leg, look.heard) == (Leg.CUSTOMER, heard)


def test_what_these_rules_do_not_find_has_no_explanation() -> None:
    heard = utterances([Turn(agent="您好")])
    call = HeardCall("a-call", CallCircumstances("*"), 5.0, heard, ())
    assert explain(rules_of("quoted"), call, "quoted/agent/1") is None
