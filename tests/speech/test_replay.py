"""Live or replayed, in whatever pieces, order of the legs and delay of second looks a call arrives:
rules of every kind find the same for certain, and take back openly what was in doubt."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.speech.circumstances import CallCircumstances, ProductFacts
from policy.speech.conversation import Conversation
from policy.speech.dialogue_test import Turn, utterances
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.finding import Finding, FindingStatus
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg, Utterance
from tests.speech.kinds import rules_of

_SAID = {
    Leg.AGENT: [
        "每月还款五百元，非常划算。",
        "年化利率百分之七点二。",
        "没有手续费。",
        "您是本人吗。",
        "他的欠款，请您转告。",
        "打扰您了，再见。",
        "您先听我说完，我们这个产品额度很高。",
        "你赶紧的，资金用途是什么。",
        "资金用途，资金用途。",
        "这个是低风险。",
        "嗯。",
    ],
    Leg.CUSTOMER: [
        "我买一份。",
        "不要再打，唔好再打。",
        "不是本人。",
        "我是本人，你说。",
        "风险大不大，会亏吗。",
        "我现在不方便。",
        "你别在骚扰我，别再骚扰我。",
        "别再少挠我好不好。",
        "嗯嗯。",
        "好的我知道了你继续说吧我听着呢。",
    ],
}
_PAUSES_S = [0.2, 0.7, 0.7, 2.0, 5.0, 12.0, 32.0]
_OVERLAPS_S = [-0.5, -1.5, -4.0]
_LOUDNESS_DB = [None, -26.0, -25.0, -14.0]
_CALL = CallCircumstances(
    "*", dialect="yue", product=ProductFacts(annual_rate_percent=9.9, risk_level="R3")
)


@pytest.fixture(scope="module")
def rules() -> SpeechRulebook:
    return rules_of()


@st.composite
def _calls(draw: st.DrawFn) -> list[Utterance]:
    """Turns one after the other, some of them begun while the other leg still speaks."""
    until_s = dict.fromkeys(Leg, 0.5)
    turns: list[Turn] = []
    for _ in range(draw(st.integers(1, 9))):
        leg = draw(st.sampled_from(list(Leg)))
        text = draw(st.sampled_from(_SAID[leg]))
        pause_s = draw(st.sampled_from(_PAUSES_S + _OVERLAPS_S))
        at_s = max(until_s[leg] + 0.2, max(until_s.values()) + pause_s)
        loudness_db = draw(st.sampled_from(_LOUDNESS_DB))
        turn = Turn(leg=leg.value, text=text, at=at_s, loudness_db=loudness_db)
        until_s[leg] = utterances([turn])[0].end_s
        turns.append(turn)
    return utterances(turns)


def _answer(doubt: Doubt) -> SecondLook:
    """What the spotter hears; it depends on the seconds alone."""
    looked = round(doubt.start_s * 100) % 4
    heard = {0: doubt.phrases[0], 1: doubt.phrases[-1], 2: ""}.get(looked, "")
    return SecondLook(doubt.doubt_id, heard, 0.5, looked != 3)


def _certain(found: list[Finding]) -> set[tuple[object, ...]]:
    return {
        (each.finding_id, each.start_s, each.end_s, each.matched, each.heard_text)
        for each in found
        if each.status is FindingStatus.CERTAIN
    }


def _replayed(rules: SpeechRulebook, heard: list[Utterance]) -> list[Finding]:
    """Whole utterances in the order of their end, each second look at once."""
    conversation, found = Conversation(rules, _CALL), list[Finding]()
    for one in sorted(heard, key=lambda each: each.end_s):
        found += conversation.hear(one)
        for doubt in conversation.doubts():
            found += conversation.look(_answer(doubt))
    return found + _finished(conversation, heard)


def _finished(conversation: Conversation, heard: list[Utterance]) -> list[Finding]:
    """The rest, after the last second looks."""
    end_s = max(each.end_s for each in heard) + 40
    found = [each for leg in Leg for each in conversation.advance(leg, end_s)]
    for doubt in conversation.doubts():
        found += conversation.look(_answer(doubt))
    return found + conversation.finish(end_s)


def _pieces(data: st.DataObject, utterance: Utterance) -> list[Utterance]:
    """The utterance growing; of what is heard some is settled. Its voice is known at last."""
    grown: list[Utterance] = []
    settled = 0
    for length in sorted(data.draw(st.lists(st.integers(1, len(utterance.tokens)), max_size=3))):
        settled = data.draw(st.integers(settled, length))
        tokens = utterance.tokens[:length]
        grown.append(replace(utterance, tokens=tokens, settled=settled, final=False, voice=None))
    return [*grown, utterance]


def _next_s(left: list[Utterance], heard: dict[str, int]) -> float:
    """The beginning of the first token of a leg that is still to come."""
    starts = (
        token.start_s for one in left for token in one.tokens[heard.get(one.utterance_id, 0) :]
    )
    return min(starts, default=math.inf)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), heard=_calls())
def test_the_same_findings_however_the_call_arrives(
    rules: SpeechRulebook, data: st.DataObject, heard: list[Utterance]
) -> None:
    conversation, found = Conversation(rules, _CALL), list[Finding]()
    left = {
        leg: [part for one in heard if one.leg is leg for part in _pieces(data, one)] for leg in Leg
    }
    settled: dict[str, int] = {}
    doubts: list[Doubt] = []
    end_s = max(each.end_s for each in heard) + 40
    while any(left.values()):
        leg = data.draw(st.sampled_from([leg for leg in Leg if left[leg]]))
        part = left[leg].pop(0)
        found += conversation.hear(part)
        settled[part.utterance_id] = len(part.tokens) if part.final else part.settled
        later = [one for one in heard if one.leg is leg]
        if data.draw(st.booleans()):
            until_s = min(_next_s(later, settled), end_s)
            found += conversation.advance(leg, until_s * data.draw(st.sampled_from([0.7, 1.0])))
        doubts += conversation.doubts()
        for doubt in doubts[: data.draw(st.integers(0, len(doubts)))]:
            found += conversation.look(_answer(doubt))
            doubts.remove(doubt)
    for doubt in doubts:
        found += conversation.look(_answer(doubt))
    found += _finished(conversation, heard)
    assert _certain(found) == _certain(_replayed(rules, heard))


@settings(max_examples=40, deadline=None)
@given(heard=_calls())
def test_what_was_in_doubt_is_certain_stays_or_is_withdrawn(
    rules: SpeechRulebook, heard: list[Utterance]
) -> None:
    known: dict[str, list[FindingStatus]] = {}
    for each in _replayed(rules, heard):
        statuses = known.setdefault(each.finding_id, [])
        if statuses[-1:] != [each.status]:  # told again with the words that ended a silence
            statuses.append(each.status)
    provisional, certain, withdrawn = (
        FindingStatus.PROVISIONAL,
        FindingStatus.CERTAIN,
        FindingStatus.WITHDRAWN,
    )
    for statuses in known.values():
        assert statuses in (
            [certain],
            [provisional],
            [provisional, certain],
            [provisional, withdrawn],
        )
