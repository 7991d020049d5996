"""What each kind of rule finds, where it lies, and when it is raised."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from policy.speech.circumstances import CallCircumstances, ProductFacts
from policy.speech.conversation import Conversation
from policy.speech.dialogue_test import Call, Turn, speak, utterances
from policy.speech.finding import Finding, FindingStatus
from policy.speech.utterance import Leg
from tests.speech.kinds import rules_of

Said = tuple[str, str] | tuple[str, str, float]
"""leg, text, and seconds of silence before it."""


def _turns(*said: Said) -> list[Turn]:
    return [
        Turn.model_validate({each[0]: each[1]} | ({"after_s": each[2]} if len(each) == 3 else {}))
        for each in said
    ]


def _found(rule: str, *said: Said, **call: object) -> list[Finding]:
    return speak(_turns(*said), rules_of(rule), "*", Call.model_validate(call))


def _live(rule: str, *said: Said, seconds: float) -> list[tuple[str, float]]:
    """What is raised when, while the call is on: both legs are analysed to the same second."""
    conversation = Conversation(rules_of(rule), CallCircumstances("*"))
    heard = utterances(_turns(*said))
    raised: list[tuple[str, float]] = []
    now_s = 0.0
    while now_s < seconds:
        now_s = round(now_s + 0.1, 3)
        new: list[Finding] = []
        for each in heard:
            tokens = tuple(token for token in each.tokens if token.start_s < now_s)
            if tokens and now_s < each.end_s + 0.1:
                grown = replace(each, tokens=tokens, settled=len(tokens), final=now_s >= each.end_s)
                new += conversation.hear(grown)
        for leg in Leg:
            new += conversation.advance(leg, now_s)
        raised += [(each.rule, now_s) for each in new]
    return raised


@pytest.mark.parametrize(
    ("said", "places"),
    [
        ([("agent", "每月还款五百元"), ("customer", "我买一份")], [1.3]),
        ([("agent", "每月还款五百元"), ("customer", "好的")], [1.3]),
        (
            [("agent", "年化利率百分之八"), ("agent", "每月还款五百元"), ("customer", "我买一份")],
            [],
        ),
        ([("agent", "每月还款五百元，年化利率百分之八"), ("customer", "我买一份")], []),
        ([("customer", "我买一份"), ("agent", "好的")], []),
        (
            [
                ("agent", "每月还款五百元"),
                ("customer", "我买一份"),
                ("agent", "年化利率百分之八"),
                ("customer", "我买一份"),
            ],
            [1.3],
        ),
    ],
    ids=["commits", "ends", "told before", "told with it", "nothing quoted", "told too late"],
)
def test_not_said_by_the_commitment_lies_on_the_quote(
    said: Sequence[Said], places: list[float]
) -> None:
    assert [round(each.start_s, 2) for each in _found("quoted", *said)] == places


def test_not_said_is_raised_when_the_customer_commits_not_at_the_end() -> None:
    said = (("agent", "每月还款五百元"), ("customer", "我买一份"))
    end_s = utterances(_turns(*said))[-1].end_s
    ((rule, raised_s),) = _live("quoted", *said, seconds=20)
    assert rule == "quoted"
    assert raised_s - end_s < 0.9


def test_what_the_other_leg_brought_about_lies_on_the_next_words() -> None:
    said = [("agent", "您好"), ("customer", "我买一份"), ("agent", "好的马上办"), ("agent", "谢谢")]
    (found,) = _found("fees", *said)
    assert (found.leg, found.heard_text) == (Leg.AGENT, "hao3 de5 ma3 shang4 ban4")
    assert found.matched == "told.fees"
    assert found.before == "wo3 mai3 yi1 fen4"


def test_when_nobody_speaks_after_it_it_lies_on_the_last_words() -> None:
    (found,) = _found("fees", ("agent", "您好，请讲"), ("customer", "我买一份"))
    assert found.heard_text == "nin2 hao3 qing3 jiang3"


def test_who_says_nothing_at_all_owes_nothing() -> None:
    assert _found("fees", ("customer", "我买一份")) == []


def test_speaking_on_after_a_refusal_is_found_once() -> None:
    said = [("agent", "您好"), ("customer", "不要再打"), ("agent", "您先听我说完")]
    found = _found("sells-on", *said, ("customer", "不要再打"), ("agent", "我们这个产品很好"))
    assert [each.heard_text for each in found] == ["nin2 xian1 ting1 wo3 shuo1 wan2"]


def test_an_apology_is_not_selling() -> None:
    said = [("agent", "您好"), ("customer", "不要再打"), ("agent", "好的打扰您了再见")]
    assert _found("sells-on", *said) == []


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ([("agent", "您是本人吗"), ("customer", "不是本人"), ("agent", "他的欠款")], 1),
        ([("agent", "您是本人吗"), ("customer", "我是本人"), ("agent", "您的欠款")], 0),
        ([("agent", "您好"), ("customer", "不是本人"), ("agent", "他的欠款")], 0),
        (
            [
                ("agent", "您是本人吗"),
                ("customer", "不是本人"),
                ("agent", "请他听一下电话"),
                ("customer", "喂我是本人"),
                ("agent", "您的欠款"),
            ],
            0,
        ),
        (
            [
                ("agent", "您是本人吗"),
                ("customer", "嗯"),
                ("agent", "这里是中心"),
                ("customer", "你好"),
                ("agent", "好的"),
                ("customer", "不是本人"),
                ("agent", "他的欠款"),
            ],
            0,
        ),
    ],
    ids=["said no", "said yes", "was not asked", "the debtor came", "said later"],
)
def test_the_answer_to_a_question(said: Sequence[Said], count: int) -> None:
    assert len(_found("third-party", *said)) == count


def test_a_slow_answer_is_raised_when_the_time_is_up() -> None:
    said = (("customer", "请问风险大不大"), ("agent", "有一点", 36.0))
    asked_s = utterances(_turns(*said))[0].end_s
    (_, raised_s), *_ = _live("slow", *said, seconds=60)
    assert 30 < raised_s - asked_s < 30.5


def test_a_slow_answer_lies_on_the_answer_once_it_comes() -> None:
    said = (("customer", "请问风险大不大"), ("agent", "有一点", 36.0))
    (found,) = _found("slow", *said)
    asked, answer = utterances(_turns(*said))
    assert found.start_s == answer.start_s
    assert found.end_s == pytest.approx(answer.tokens[-1].start_s + 0.25)
    assert (found.before, found.heard_text) == (asked.text, answer.text)
    due_s = asked.tokens[-1].start_s + 0.25 + 30
    assert found.finding_id == f"slow/agent/{round(due_s * 1000)}"
    (unanswered,) = _found("slow", said[0], silence_s=40)
    assert unanswered.finding_id == found.finding_id
    assert unanswered.start_s == pytest.approx(due_s)


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ([("customer", "请问风险大不大"), ("agent", "有一点", 29.0)], 0),
        ([("customer", "请问风险大不大"), ("agent", "有一点", 31.0)], 1),
        ([("customer", "风险大不大"), ("customer", "喂喂", 20.0), ("agent", "在", 12.0)], 1),
        ([("customer", "风险大不大"), ("customer", "风险大不大", 8.0), ("agent", "有", 31.0)], 1),
        ([("customer", "风险大不大，我想先问一下这个"), ("agent", "有一点", 29.5)], 0),
        ([("agent", "您好"), ("customer", "风险大不大")], 0),
    ],
    ids=["in time", "late", "still waits", "asks again", "goes on asking", "call ended"],
)
def test_slow_answers(said: Sequence[Said], count: int) -> None:
    assert len(_found("slow", *said)) == count


def test_a_question_nobody_answers_before_the_end() -> None:
    assert len(_found("slow", ("customer", "风险大不大"), silence_s=40)) == 1


_LONG = "我想问一下这个产品到底是怎么回事能不能讲清楚"


def test_talking_over_at_a_stretch() -> None:
    assert len(_found("talk-over", ("customer", _LONG), ("agent", _LONG, -4.0))) == 1
    assert _found("talk-over", ("customer", _LONG), ("agent", _LONG, -2.0)) == []
    assert _found("talk-over", ("agent", _LONG), ("customer", _LONG, -4.0)) == []


def test_talking_over_again_and_again() -> None:
    once: list[Said] = [("customer", _LONG), ("agent", "您听我说一下", -1.0)]
    assert _found("talk-over", *once, *once) == []
    (found,) = _found("talk-over", *once, *once, *once)
    assert found.matched == "× 3"
    hums: list[Said] = [("customer", _LONG), ("agent", "嗯嗯啊", -1.0)]
    assert _found("talk-over", *hums * 4) == []


def test_unless_it_is_followed_by_an_apology() -> None:
    rude: list[Said] = [("customer", _LONG), ("agent", "您听我说一下这个产品", -2.0)]
    assert len(_found("talk-over-unexcused", *rude)) == 1
    assert _found("talk-over-unexcused", *rude, ("agent", "打扰您了", 2.0)) == []
    assert len(_found("talk-over-unexcused", *rude, ("agent", "打扰您了", 15.0))) == 1
    end_s = utterances(_turns(*rude))[-1].end_s
    ((_, raised_s),) = _live("talk-over-unexcused", *rude, seconds=40)
    assert 8 < raised_s - end_s < 10.5


def test_silence() -> None:
    said = (("agent", "您好"), ("customer", "喂", 25.0))
    assert len(_found("silence", *said)) == 1
    assert _found("silence", ("agent", "您好"), ("customer", "喂", 19.0)) == []
    ((_, raised_s),) = _live("silence", *said, seconds=60)[:1]
    assert 20 < raised_s - utterances(_turns(*said))[0].end_s < 20.5


def test_said_again_and_again() -> None:
    said: Said = ("agent", "资金用途是什么", 5.0)
    assert _found("repeated", said, said) == []
    (found,) = _found("repeated", said, said, said)
    assert found.matched == "资金用途 × 3"
    late: Said = ("agent", "资金用途是什么", 50.0)
    assert _found("repeated", said, late, late) == []


@pytest.mark.parametrize(
    ("told", "true", "count"),
    [
        ("年化利率百分之七点二", 10.8, 1),
        ("年化利率百分之七点二", 7.2, 0),
        ("年化利率百分之十", 7.2, 0),
        ("年化利率百分之七点二", None, 0),
    ],
    ids=["too low", "true", "too high", "not known"],
)
def test_a_rate_that_is_not_the_products(told: str, true: float | None, count: int) -> None:
    product = {"annual_rate_percent": true}
    assert len(_found("wrong-apr", ("agent", told), product=product)) == count


def test_a_level_that_is_not_the_products() -> None:
    said = ("agent", "这个是低风险")
    assert len(_found("wrong-level", said, product={"risk_level": "R3"})) == 1
    assert _found("wrong-level", said, product={"risk_level": "R1"}) == []
    assert _found("wrong-level", said) == []


def _voiced(*said: tuple[str, float]) -> list[Turn]:
    return [Turn(agent=text, loudness_db=loudness_db) for text, loudness_db in said]


def test_words_and_voice_together() -> None:
    calm = [("您好请问您需要了解吗", -26.0), ("我给您介绍一下产品", -25.0)]
    rules = rules_of("impatient", "raised")
    found = speak(_voiced(*calm, ("你赶紧的", -15.0)), rules, "*")
    assert [(each.rule, each.status.value, each.matched) for each in found] == [
        ("impatient", "certain", "赶紧的 + +10 dB"),
        ("raised", "provisional", "+10 dB"),
    ]
    assert speak(_voiced(*calm, ("你赶紧的", -24.0)), rules, "*") == []
    angry = [*_voiced(*calm), Turn(agent="你赶紧的", emotion="angry")]
    assert [each.rule for each in speak(angry, rules, "*")] == ["impatient", "raised"]


def test_speaking_faster() -> None:
    slow = Turn(agent="我给您介绍一下我们的产品", end=5.0)
    fast = Turn(leg="agent", text="我给您介绍一下我们的产品", start=20.0, end=22.0)
    found = speak([slow, fast], rules_of("raised"), "*")
    assert [each.matched.endswith("% pace") for each in found] == [True]


def test_a_dialect() -> None:
    said = ("customer", "唔好再打")
    assert len(_found("yue", said, dialect="yue")) == 1
    assert _found("yue", said) == []
    assert len(_found("yue", ("customer", "你不打"), dialect="yue")) == 1


def test_within_turns() -> None:
    quote, commits = ("agent", "每月还款五百元"), ("customer", "我买一份")
    assert len(_found("answered-within", quote, commits)) == 1
    assert len(_found("answered-within", quote, ("customer", "嗯"), ("agent", "好"), commits)) == 1
    more: list[Said] = [("customer", "是吗"), ("agent", "是的")]
    assert _found("answered-within", quote, *more, commits) == []


def test_followed_by() -> None:
    quote, commits = ("agent", "每月还款五百元"), ("customer", "我买一份", 1.0)
    assert len(_found("soon", quote, commits)) == 1
    assert _found("soon", quote, ("customer", "我买一份", 8.0)) == []


def test_words_that_may_be_lost_accuse_nobody() -> None:
    turns = _turns(("agent", "每月还款五百元"), ("customer", "不要再打"), ("agent", "您听我说完"))
    turns += _turns(("customer", "风险大不大"), ("customer", "我买一份", 40.0))
    names = ("quoted", "fees", "opening", "sells-on", "slow", "silence")
    for resumed, found in ((False, set(names)), (True, set[str]())):
        conversation = Conversation(rules_of(*names), CallCircumstances("*", resumed=resumed))
        heard = [each for one in utterances(turns) for each in conversation.hear(one)]
        heard += conversation.finish(90.0)
        assert {each.rule for each in heard} == found


def test_what_is_known_of_the_product_comes_with_the_call() -> None:
    product = ProductFacts(annual_rate_percent=12.0)
    conversation = Conversation(rules_of("wrong-apr"), CallCircumstances("*", product=product))
    heard = utterances([Turn(agent="年化利率百分之八")])
    found = [each for one in heard for each in conversation.hear(one)] + conversation.finish(9.0)
    assert [(each.rule, each.status) for each in found] == [("wrong-apr", FindingStatus.CERTAIN)]
    assert found[0].matched == "年化利率{percent} (8 ≠ 12)"
