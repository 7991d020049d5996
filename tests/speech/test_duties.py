"""What must be told on a call: owed from when it is due, told from when it was heard, the same
whichever way the call is heard."""

import pytest

from policy.identity import Title
from policy.speech.circumstances import CallCircumstances
from policy.speech.conversation import Conversation
from policy.speech.dialogue_test import Turn, utterances
from policy.speech.duty import Duty, of_either
from policy.speech.heard_call import HeardCall
from policy.speech.replay import replay
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg
from tests.speech.kinds import rules_of
from tests.speech.spoken import IDENTITY, base_pack


@pytest.fixture(scope="module")
def base() -> SpeechRulebook:
    return SpeechRulebook.compile([base_pack()], IDENTITY)


def _heard(
    rules: SpeechRulebook, *turns: str, scene: str = "*", resumed: bool = False
) -> Conversation:
    said = [each.partition(": ") for each in turns]
    spoken = utterances([Turn.model_validate({leg: text}) for leg, _, text in said])
    conversation = Conversation(rules, CallCircumstances(scene, resumed=resumed))
    for each in spoken:
        conversation.hear(each)
    for leg in Leg:
        conversation.advance(leg, max((each.end_s for each in spoken), default=0.0) + 2)
    return conversation


def _stand(conversation: Conversation) -> dict[str, bool]:
    """Each duty, and whether it was told."""
    return {each.rule: each.made_s is not None for each in conversation.duties()}


def test_a_duty_is_owed_until_it_is_told() -> None:
    rules = rules_of("fees", "opening")
    assert _stand(_heard(rules)) == {"fees": False, "opening": False}
    told = _heard(rules, "agent: 没有手续费。")
    assert _stand(told) == {"fees": True, "opening": True}
    (fees, _) = told.duties()
    assert fees.made_s == pytest.approx(2.4, abs=0.3), "the second at which it had been said"


def test_what_nobody_has_brought_up_is_not_owed() -> None:
    rules = rules_of("quoted")
    assert _stand(_heard(rules, "agent: 您好。")) == {}
    assert _stand(_heard(rules, "agent: 每月还款五百元。")) == {"quoted": False}
    assert _stand(_heard(rules, "agent: 每月还款五百元，年化利率百分之八。")) == {"quoted": True}
    assert _stand(_heard(rules, "agent: 年化利率百分之八。")) == {"quoted": True}


def test_the_customer_saying_it_tells_nobody() -> None:
    assert _stand(_heard(rules_of("fees"), "customer: 没有手续费吗。")) == {"fees": False}


def test_only_what_holds_in_the_scene_is_owed(base: SpeechRulebook) -> None:
    loan = {each.rule for each in _heard(base, scene="marketing.loan").duties()}
    wealth = {each.rule for each in _heard(base, scene="marketing.wealth").duties()}
    collection = {each.rule for each in _heard(base, scene="collection.reminder").duties()}
    assert {"disclosure.fees", "suitability.purpose"} <= loan
    assert "disclosure.risk-level" in wealth - loan
    assert collection == {"opening.recording-notice"}


def test_a_duty_says_what_it_is_and_what_it_is_owed_before(base: SpeechRulebook) -> None:
    duties = {each.rule: each for each in _heard(base, scene="marketing.loan").duties()}
    fees = duties["disclosure.fees"]
    assert (fees.title, fees.before) == (Title("收费标准", "Fees"), Title("成交", "Sale closed"))
    notice = duties["opening.recording-notice"].before
    assert notice is not None
    assert "20" in notice.zh
    assert "20" in notice.en
    (quoted,) = _heard(rules_of("quoted"), "agent: 每月还款五百元。").duties()
    assert (quoted.title, quoted.before) == (Title("甲", "A"), Title("commits", "commits"))


def test_whose_beginning_was_not_heard_is_not_said_to_owe() -> None:
    (fees,) = _heard(rules_of("fees"), "agent: 您好。", resumed=True).duties()
    assert fees.missed
    (told,) = _heard(rules_of("fees"), "agent: 没有手续费。", resumed=True).duties()
    assert told.made_s is not None
    assert not told.missed


def test_a_past_call_tells_its_duties_again() -> None:
    spoken = utterances(
        [
            Turn(agent="每月还款五百元。"),
            Turn(customer="好的。"),
            Turn(agent="年化利率百分之八。"),
        ]
    )
    call = HeardCall("c", CallCircumstances("*"), spoken[-1].end_s + 2, spoken, ())
    told = replay(rules_of("quoted"), call).duties
    assert [[each.made_s is not None for each in duties] for _, duties in told] == [
        [],
        [False],
        [True],
    ]
    assert [at_s for at_s, _ in told] == sorted(at_s for at_s, _ in told)


def test_what_either_hearing_heard_was_told() -> None:
    title = Title("甲", "A")
    owed, told = Duty("a", title, None, None), Duty("a", title, 3.0, None)
    late, other = Duty("a", title, 3.2, None), Duty("b", title, 4.0, None)
    assert of_either([owed], [told]) == (told,)
    assert of_either([told], [late]) == (told,)
    assert of_either([told], []) == (told,)
    assert of_either([owed], [owed, other]) == (owed, other)
