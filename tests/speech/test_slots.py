"""Slots: what may be said in one, and the value that was said; no value rather than a wrong one."""

from decimal import Decimal

import pytest

from policy.speech import phrase
from policy.speech.dialogue_test import Turn, utterances
from policy.speech.hearing import Hearing, Saying
from policy.speech.phrase import PhraseError
from policy.speech.utterance import Leg, Token, Utterance
from tests.speech.spoken import rulebook

_PHRASES = {
    "percent": ["(年化|利率)[是|为|低至]{percent}", "成本…4{percent}"],
    "amount": ["(还|付|借|收)[您]{amount}"],
    "term": ["(分|借|期限)[是]{term}"],
}


def _sayings(kind: str, tokens: list[str], pauses: frozenset[int] = frozenset()) -> list[Saying]:
    rules = rulebook(f"""
pack: test
version: "1"
patterns: {{told: {{phrases: {[f"{each}" for each in _PHRASES[kind]]}}}}}
rules:
  - id: told
    kind: said
    title: {{zh: 说了, en: Said}}
    severity: minor
    leg: agent
    patterns: [told]
    citation: house rule
""")
    starts, now_s = [], 1.0
    for at in range(len(tokens)):
        now_s += 0.6 if at in pauses else 0.22
        starts.append(now_s)
    heard = tuple(map(Token, tokens, starts))
    utterance = Utterance("1", Leg.AGENT, 1.0, now_s + 0.2, heard, True, len(heard))
    hearing = Hearing(Leg.AGENT, rules.phrases, rules.patterns)
    return [*hearing.hear(utterance), *hearing.finish()]


def _as_pinyin(said: str) -> list[str]:
    return [each.text for each in utterances([Turn(agent=said)])[0].tokens]


def _values(kind: str, tokens: list[str]) -> list[Decimal | None]:
    """Without repeating: the same words may be two ways to say it."""
    return list(dict.fromkeys(each.values.get(kind) for each in _sayings(kind, tokens)))


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        ("percent", "年化百分之七点二", "7.2"),
        ("percent", "利率是百分之二十四", "24"),
        ("percent", "年化七点二五", "7.25"),
        ("percent", "年化七点二个点", "7.2"),
        ("percent", "利率为十二个百分点", "12"),
        ("percent", "利率百分之零点五", "0.5"),
        ("percent", "利率是万分之五", "0.05"),
        ("percent", "年化百分之四", "4"),
        ("percent", "年化百分之十", "10"),
        ("percent", "年化百分之十四", "14"),
        ("percent", "年化百分之四十", "40"),
        ("percent", "年化百分之七就可以了", "7"),
        ("percent", "成本每年在百分之十四点四", "14.4"),
        ("amount", "每月还三千块钱", "3000"),
        ("amount", "您借一万二", "12000"),
        ("amount", "收您两万五千元", "25000"),
        ("amount", "可以借三十万", "300000"),
        ("amount", "付三千零五十块", "3050"),
        ("amount", "每天还五毛", "0.5"),
        ("amount", "每天还三块五毛", "3.5"),
        ("amount", "还三千块一个月", "3000"),
        ("amount", "可以借一点二万", "12000"),
        ("term", "期限是十二个月", "12"),
        ("term", "借三年", "36"),
        ("term", "借两年半", "30"),
        ("term", "期限半年", "6"),
        ("term", "分二十四个月", "24"),
    ],
)
def test_a_value_is_read_from_pinyin_and_from_characters(kind: str, said: str, value: str) -> None:
    assert _values(kind, _as_pinyin(said)) == [Decimal(value)]
    assert _values(kind, list(said)) == [Decimal(value)]


@pytest.mark.parametrize(
    ("kind", "tokens", "value"),
    [
        ("percent", ["年", "化", "7.2%"], "7.2"),
        ("percent", ["年", "化", "7", ".", "2", "%"], "7.2"),
        ("percent", ["利", "率", "12", "个", "点"], "12"),
        ("amount", ["还", "3000", "元"], "3000"),
        ("amount", ["借", "1.2", "万"], "12000"),
        ("amount", ["借", "12万"], "120000"),
        ("term", ["期", "限", "36", "个", "月"], "36"),
    ],
)
def test_a_value_is_read_from_figures(kind: str, tokens: list[str], value: str) -> None:
    assert _values(kind, tokens) == [Decimal(value)]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("percent", "年化百分之七到八"),
        ("percent", "年化百分之三十多"),
        ("percent", "年化百分之七以上"),
        ("percent", "年化百分之三四"),
        ("percent", "年化低至百分之三"),
        ("percent", "利率七点二十开始"),
        ("amount", "还三千多块"),
        ("amount", "借三万五万都可以"),
        ("term", "分十几个月"),
        ("term", "借三年多"),
    ],
)
def test_no_value_where_it_is_about_so_much_or_another_number(kind: str, said: str) -> None:
    assert not any(_values(kind, _as_pinyin(said)))
    assert not any(_values(kind, list(said)))


@pytest.mark.parametrize(
    ("kind", "tokens"),
    [
        ("percent", "nian2 hua4 bai3 fen1 zhi1 shi4"),  # 四, 十 or 是
        ("percent", "nian2 hua4 bai3 fen1 zhi1 san1 shi4 gu4 ding4"),  # 三是 or 三十
        ("percent", "nian2 hua bai fen zhi shi"),
        ("term", "fen1 qi1 shi2 er4 ge4 yue4"),  # 分期十二 or 七十二
        ("term", "jie4 qi1 nian2 hua4"),  # 年化
    ],
)
def test_no_value_where_it_may_be_heard_as_another(kind: str, tokens: str) -> None:
    assert not any(_values(kind, tokens.split()))


def test_where_only_one_of_four_and_ten_makes_a_number_it_is_taken() -> None:
    tokens = "nian2 hua4 bai3 fen1 zhi1 er4 shi4 wu3"
    assert _values("percent", tokens.split()) == [Decimal(25)]


def test_a_pause_ends_a_number() -> None:
    tokens = _as_pinyin("年化百分之三十六个月还清")
    assert tokens[7] == "liu4"
    found = _sayings("percent", tokens, frozenset({7}))
    assert {each.values.get("percent") for each in found} <= {Decimal(30), None}


def test_a_slot_is_spelled_in_what_matched() -> None:
    assert [each.spelled for each in _sayings("term", _as_pinyin("借三年"))] == ["借{term}"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("年化{percent", "a slot is not closed: } is missing"),
        ("年化{prcent}", "no slot is named {prcent} (did you mean percent?)"),
    ],
)
def test_slots_that_are_none(written: str, message: str) -> None:
    with pytest.raises(PhraseError) as caught:
        phrase.parse(written)
    assert str(caught.value).startswith(message)
