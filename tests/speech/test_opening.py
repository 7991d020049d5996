"""opening.recording-notice: what was not said in the first seconds."""

from policy.speech.circumstances import CallCircumstances
from policy.speech.conversation import Conversation
from policy.speech.dialogue_test import Turn, utterances
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg
from tests.speech.spoken import findings

_LONG = "我们这款产品非常好您可以先了解一下它的各项服务然后再决定"


def _found(rules: SpeechRulebook, *turns: str) -> list[tuple[float, str]]:
    each = findings(rules, *turns)
    return [
        (round(one.start_s, 2), one.leg.value)
        for one in each
        if one.rule == "opening.recording-notice"
    ]


def test_told_in_the_first_sentence(base: SpeechRulebook) -> None:
    assert _found(base, "agent: 您好，本次通话将会被录音。", "customer: 好") == []


def test_never_told_is_found_at_the_end_on_the_first_sentence(base: SpeechRulebook) -> None:
    assert _found(base, "customer: 喂", "agent: 您好，我是客服", "agent: 再见") == [(2.22, "agent")]


def test_told_after_the_first_seconds_is_too_late(base: SpeechRulebook) -> None:
    turns = [f"agent: {_LONG}"] * 4
    assert len(_found(base, *turns, "agent: 本次通话会录音")) == 1


def test_the_customers_speech_and_pauses_do_not_count(base: SpeechRulebook) -> None:
    turns = [f"customer: {_LONG}"] * 5
    assert _found(base, "agent: 您好", *turns, "agent: 本次通话会录音") == []


def test_an_agent_who_said_nothing_owes_nothing(base: SpeechRulebook) -> None:
    assert _found(base, "customer: 喂，你好") == []


def test_raised_when_the_seconds_have_passed_not_at_the_end(base: SpeechRulebook) -> None:
    conversation = Conversation(base, CallCircumstances("*"))
    raised: list[float] = []
    for utterance in utterances([Turn(agent=_LONG)] * 6):
        raised += [each.raised_s for each in conversation.hear(utterance)]
        raised += [each.raised_s for each in conversation.advance(Leg.AGENT, utterance.end_s)]
    assert len(raised) == 1
    assert 20 < raised[0] < 32


def test_a_beginning_that_was_not_heard_accuses_nobody(base: SpeechRulebook) -> None:
    heard = utterances([Turn(agent=_LONG)] * 6)
    resumed = Conversation(base, CallCircumstances("*", resumed=True))
    missed, other_leg = (
        Conversation(base, CallCircumstances("*")),
        Conversation(base, CallCircumstances("*")),
    )
    missed.miss(Leg.AGENT)
    other_leg.miss(Leg.CUSTOMER)
    found = {
        name: [
            *(each for one in heard for each in conversation.hear(one)),
            *conversation.finish(heard[-1].end_s),
        ]
        for name, conversation in (("resumed", resumed), ("missed", missed), ("other", other_leg))
    }
    assert found["resumed"] == found["missed"] == []
    assert [each.rule for each in found["other"]] == ["opening.recording-notice"]


def test_what_is_said_is_found_on_a_resumed_call_too(base: SpeechRulebook) -> None:
    conversation = Conversation(base, CallCircumstances("*", resumed=True))
    heard = utterances([Turn(customer="别再给我打电话了")])
    found = [each for one in heard for each in conversation.hear(one)] + conversation.finish(9.0)
    assert [each.rule for each in found] == ["refusal.explicit"]
