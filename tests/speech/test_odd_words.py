"""Whatever a recogniser makes of noise, the rules go on: their fault would end the analysis."""

from hypothesis import given, settings
from hypothesis import strategies as st

from policy.speech.circumstances import CallCircumstances, ProductFacts
from policy.speech.conversation import Conversation
from policy.speech.doubt import SecondLook
from policy.speech.utterance import Leg, Token, Utterance, Voice
from tests.speech.kinds import rules_of

_RULES = rules_of()
_CALL = CallCircumstances("*", dialect="yue", product=ProductFacts(9.0, "R2", 1.0))
_WORDS = """
wo3 mai3 yi1 fen4 ， 。 100 买一份 不要再打 en1 年化利率7.2% a fang1 不方便 骚扰 我 赶紧的 每月还款
风险大不大 资金用途
"""
_TOKENS = st.tuples(
    st.sampled_from([*_WORDS.split(), "", " "]),
    st.sampled_from([0, 0, 0.1, 0.2, 0.3, 0.5, 1, 40]),
)
_PARTS = st.tuples(
    st.sampled_from(list(Leg)),
    st.lists(_TOKENS, max_size=8),
    st.booleans(),
    st.integers(0, 8),
    st.sampled_from([None, Voice(-30.0), Voice(-10.0, "angry")]),
)


@settings(max_examples=80, deadline=None)
@given(parts=st.lists(_PARTS, max_size=12), missed=st.integers(0, 24))
def test_odd_words(
    parts: list[tuple[Leg, list[tuple[str, float]], bool, int, Voice | None]], missed: int
) -> None:
    conversation = Conversation(_RULES, _CALL)
    now_s = dict.fromkeys(Leg, 0.0)
    for number, (leg, heard, final, settled, voice) in enumerate(parts):
        tokens: list[Token] = []
        for text, after_s in heard:
            now_s[leg] += after_s
            tokens.append(Token(text, now_s[leg]))
        start_s = tokens[0].start_s if tokens else now_s[leg]
        conversation.hear(
            Utterance(
                f"u{number}",
                leg,
                start_s,
                now_s[leg] + 0.2,
                tuple(tokens),
                final,
                min(settled, len(tokens)),
                voice=voice,
            )
        )
        for doubt in conversation.doubts()[number % 2 :]:
            conversation.look(SecondLook(doubt.doubt_id, doubt.phrases[-1]))
        if number == missed:
            conversation.miss(leg)
    ended = conversation.finish(max(now_s.values()) + 1)
    assert all(each.start_s <= each.end_s for each in ended)
