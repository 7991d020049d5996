"""One finding a turn and rule: said twice in a turn it is one, said again later it is another."""

from policy.speech.dialogue_test import Turn, speak
from policy.speech.rulebook import SpeechRulebook
from tests.speech.spoken import findings


def _refusals(rules: SpeechRulebook, *turns: str) -> list[str]:
    found = findings(rules, *turns)
    return [each.finding_id for each in found if each.rule == "refusal.explicit"]


def test_twice_in_one_turn(base: SpeechRulebook) -> None:
    assert len(_refusals(base, "customer: 别再打了，不要再给我打电话。")) == 1


def test_again_after_the_other_leg_spoke(base: SpeechRulebook) -> None:
    turns = ["customer: 别再打了", "agent: 您听我说", "customer: 不要再打了"]
    assert len(set(_refusals(base, *turns))) == 2


def test_again_after_a_silence(base: SpeechRulebook) -> None:
    turns = [
        Turn(leg="customer", text="别再打了", start=1, end=2),
        Turn(leg="customer", text="别再打了", start=9, end=10),
    ]
    found = [each for each in speak(turns, base, "*") if each.rule == "refusal.explicit"]
    assert [each.start_s for each in found] == [1, 9]


def test_the_evidence(base: SpeechRulebook) -> None:
    turns = ["customer: 会不会亏损。", "agent: 您放心，这个是零风险的。"]
    found = next(each for each in findings(base, *turns) if each.rule == "forbidden.zero-risk")
    assert found.matched == "零风险"
    assert found.heard_pinyin == "ling feng xian"
    assert found.heard_text == "ling2 feng1 xian3"
    assert found.before.endswith("zhe4 ge5 shi4")
    assert found.confidence == 1.0
    assert found.title.zh == "宣称零风险"


def test_the_sentence_before_is_the_other_legs_when_it_begins_one(base: SpeechRulebook) -> None:
    turns = ["customer: 保本吗。", "agent: 保本的。"]
    found = next(each for each in findings(base, *turns) if each.rule.startswith("forbidden"))
    assert found.before == "bao3 ben3 ma5"
