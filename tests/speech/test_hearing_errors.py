"""What the recogniser mishears on the telephone is still heard; short phrases stay exact."""

import pytest

from policy.speech.circumstances import CallCircumstances
from policy.speech.conversation import Conversation
from policy.speech.finding import Finding
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg, Token, Utterance


def _hear(rules: SpeechRulebook, leg: Leg, *tokens: str, scene: str = "*") -> list[Finding]:
    conversation = Conversation(rules, CallCircumstances(scene))
    heard = tuple(Token(each, 1 + 0.2 * at) for at, each in enumerate(tokens))
    end_s = 1.2 + 0.2 * len(tokens)
    found = conversation.hear(Utterance("1", leg, 1, end_s, heard, True, len(heard)))
    found += conversation.finish(end_s + 1)
    return [each for each in found if each.rule != "opening.recording-notice"]


@pytest.mark.parametrize(
    ("leg", "heard", "rule"),
    [
        (Leg.AGENT, "bao4 ben3 bao4 xu1", "forbidden.guaranteed-return"),  # 保本保息
        (Leg.AGENT, "zhe4 ge4 shi4 lin2 feng1 xian3 dan1", "forbidden.zero-risk"),  # 零风险的
        (Leg.CUSTOMER, "ni3 bie2 zai4 sao3 zhao3 wo3 le5", "refusal.explicit"),  # 别再骚扰我
        (
            Leg.AGENT,
            "ti2 gong1 yi1 xia4 duan3 xin4 bian4 zheng4 ma3",
            "forbidden.credential-request",
        ),
        (Leg.AGENT, "bǎo běn bǎo xī", "forbidden.guaranteed-return"),
        (Leg.AGENT, "这 个 产 品 保 本 保 息", "forbidden.guaranteed-return"),
        (Leg.AGENT, "这个 产品 保本 保息", "forbidden.guaranteed-return"),
        (Leg.CUSTOMER, "把 我 的 号码 删掉", "refusal.explicit"),
    ],
)
def test_heard(base: SpeechRulebook, leg: Leg, heard: str, rule: str) -> None:
    assert [each.rule for each in _hear(base, leg, *heard.split())] == [rule]


@pytest.mark.parametrize("heard", ["nin2 feng1 xian3 cheng2 shou4", "zhuo1 lao2", "shang4 mian4"])
def test_not_heard(base: SpeechRulebook, heard: str) -> None:
    assert _hear(base, Leg.AGENT, *heard.split()) == []


def test_confidence_falls_with_every_confusion(base: SpeechRulebook) -> None:
    exact = _hear(base, Leg.AGENT, "ling2", "feng1", "xian3")[0]
    blurred = _hear(base, Leg.AGENT, "lin2", "feng1", "xian3")[0]
    near = _hear(base, Leg.CUSTOMER, "bie2", "zai4", "sao3", "yao3", "wo3")[0]
    assert exact.confidence == 1.0
    assert blurred.confidence == pytest.approx((0.8 + 1 + 1) / 3, abs=0.001)
    assert near.confidence == pytest.approx((4 + 0.4) / 5, abs=0.001)


def test_characters_are_shown_as_written(base: SpeechRulebook) -> None:
    found = _hear(base, Leg.AGENT, "保", "本", "保", "息")[0]
    assert (found.heard_text, found.heard_pinyin) == ("保本保息", "bao ben bao xi")


def test_a_refusal_heard_badly_is_provisional(base: SpeechRulebook) -> None:
    found = _hear(base, Leg.CUSTOMER, "bie2", "zhai4", "sao3", "yao3", "wo3")  # 别再骚扰我
    assert [each.status.value for each in found] == ["provisional"]
