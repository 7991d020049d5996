"""How soon a finding is certain: no sooner than what follows allows, no later than needed."""

import pytest

from policy.speech.circumstances import CallCircumstances
from policy.speech.conversation import Conversation
from policy.speech.dialogue_test import Turn, utterances
from policy.speech.finding import Finding
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg, Utterance

_FORBIDDEN_S = 0.6
"""What is left of 1.2 s from the end of a phrase to its finding when the recogniser takes 0.6."""
_REFUSAL_S = 1.2
"""The same of the 2 s from a refusal to its suppression, with 0.2 s for the gateway."""


def _grow(rules: SpeechRulebook, leg: str, text: str) -> list[Finding]:
    """As a recogniser works that is asked every 40 ms and knows everything that has begun."""
    conversation, found = Conversation(rules, CallCircumstances("*")), list[Finding]()
    whole = utterances([Turn.model_validate({leg: text})])[0]
    now_s = 0.0
    while now_s < whole.end_s + 3:
        now_s += 0.04
        tokens = tuple(each for each in whole.tokens if each.start_s < now_s)
        if tokens:
            part = Utterance("1", whole.leg, whole.start_s, now_s, tokens, False, len(tokens))
            found += conversation.hear(part)
        found += conversation.advance(Leg(leg), now_s)
        found += conversation.advance(Leg.CUSTOMER if leg == "agent" else Leg.AGENT, now_s)
    return [each for each in found if each.rule != "opening.recording-notice"]


@pytest.mark.parametrize(
    ("leg", "text"),
    [
        ("agent", "我们这款产品保本保息"),
        ("agent", "我们这款理财产品保本保息，请您放心购买。"),
        ("agent", "这个是零风险的，您不用担心。"),
        ("agent", "请您提供一下短信验证码，我马上为您办理投保。"),
        ("agent", "这个活动今天就结束了，您到底办不办。"),
        ("customer", "我不需要，请不要再给我打电话了。"),
        ("customer", "你别再骚扰我了，我要投诉你们。"),
        ("agent", "你的钱再不还，我们就上门去找你。"),
    ],
)
def test_soon_after_the_phrase(base: SpeechRulebook, leg: str, text: str) -> None:
    first = _grow(base, leg, text)[0]
    allowed_s = _REFUSAL_S if leg == "customer" else _FORBIDDEN_S
    assert first.raised_s - first.end_s <= allowed_s


def test_a_question_is_waited_for(base: SpeechRulebook) -> None:
    assert _grow(base, "agent", "您是说保本吗") == []


def test_nothing_is_settled_on_words_that_may_change(base: SpeechRulebook) -> None:
    conversation = Conversation(base, CallCircumstances("marketing.wealth"))
    whole = utterances([Turn(agent="这个保本的产品")])[0]
    unsettled = Utterance("1", Leg.AGENT, 1.3, 3.0, whole.tokens, False, 2)
    assert conversation.hear(unsettled) == []
    changed = utterances([Turn(agent="这个报纸的产品")])[0].tokens
    conversation.hear(Utterance("1", Leg.AGENT, 1.3, 3.0, changed, True, len(changed)))
    assert [each.rule for each in conversation.finish(5)] == ["opening.recording-notice"]
