"""In whatever pieces and order of the legs a call's words arrive, the findings are the same."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from policy.speech.circumstances import CallCircumstances
from policy.speech.conversation import Conversation
from policy.speech.dialogue_test import Turn, utterances
from policy.speech.finding import Finding, FindingStatus
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg, Utterance

_SENTENCES = [
    "您好，本次通话将会被录音。",
    "我们这款产品保本保息，请您放心。",
    "这款产品不保本，也不承诺收益。",
    "这款产品保本吗。",
    "并不是零风险的，是零风险才怪。",
    "保本和保息都不可能，零风险。",
    "今天就结束了，您到底办不办，最后一天。",
    "不要再打了，晚点再打给我。",
    "这几天别再打了。我说了不要再给我打电话。",
    "把我的号码删掉，再打我就投诉。",
    "再不还，我们就上门去找你，告诉你的家人。",
    "这个我不清楚，我帮您查一下。",
    "您把验证码，告诉我。",
    "好的。",
    "嗯嗯，您说。",
]
_DIALOGUES = st.lists(
    st.tuples(st.sampled_from(list(Leg)), st.sampled_from(_SENTENCES)), min_size=1, max_size=8
)


def _spoken(lines: list[tuple[Leg, str]]) -> list[Utterance]:
    return utterances([Turn.model_validate({leg.value: text}) for leg, text in lines])


def _certain(found: list[Finding]) -> set[tuple[object, ...]]:
    return {
        (each.finding_id, each.start_s, each.end_s, each.matched, each.confidence)
        for each in found
        if each.status is FindingStatus.CERTAIN
    }


def _at_once(rules: SpeechRulebook, heard: list[Utterance]) -> list[Finding]:
    conversation = Conversation(rules, CallCircumstances("*"))
    found = [each for one in heard for each in conversation.hear(one)]
    return found + conversation.finish(heard[-1].end_s + 1)


def _partials(data: st.DataObject, utterance: Utterance) -> list[Utterance]:
    """The utterance growing; of what is heard some is settled."""
    grown: list[Utterance] = []
    settled = 0
    cuts = data.draw(st.lists(st.integers(0, len(utterance.tokens)), max_size=6))
    for length in sorted(cuts):
        settled = data.draw(st.integers(settled, length))
        tokens = utterance.tokens[:length]
        grown.append(replace(utterance, tokens=tokens, settled=settled, final=False))
    return [*grown, utterance]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), lines=_DIALOGUES)
def test_same_findings_in_any_pieces_and_order(
    base: SpeechRulebook, data: st.DataObject, lines: list[tuple[Leg, str]]
) -> None:
    heard = _spoken(lines)
    conversation, found = Conversation(base, CallCircumstances("*")), list[Finding]()
    waiting = {
        leg: [part for each in heard if each.leg is leg for part in _partials(data, each)]
        for leg in Leg
    }
    while any(waiting.values()):
        leg = data.draw(st.sampled_from([leg for leg in Leg if waiting[leg]]))
        part = waiting[leg].pop(0)
        found += conversation.hear(part)
        settled = len(part.tokens) if part.final else part.settled
        whole = next(each for each in heard if each.utterance_id == part.utterance_id)
        later = [*whole.tokens[settled:], *(t for each in waiting[leg] for t in each.tokens)]
        known_until = min(
            (t.start_s for t in later if t not in whole.tokens[:settled]), default=1e9
        )
        if data.draw(st.booleans()):
            found += conversation.advance(leg, min(known_until, heard[-1].end_s + 1))
    found += conversation.finish(heard[-1].end_s + 1)
    assert _certain(found) == _certain(_at_once(base, heard))


@settings(max_examples=25, deadline=None)
@given(lines=_DIALOGUES)
def test_a_finding_becomes_certain_once_and_stays(
    base: SpeechRulebook, lines: list[tuple[Leg, str]]
) -> None:
    statuses: dict[str, list[FindingStatus]] = {}
    for each in _at_once(base, _spoken(lines)):
        statuses.setdefault(each.finding_id, []).append(each.status)
    for known in statuses.values():
        assert known in (
            [FindingStatus.CERTAIN],
            [FindingStatus.PROVISIONAL],
            [FindingStatus.PROVISIONAL, FindingStatus.CERTAIN],
        )
