"""Negation, questions and context: what stands around a phrase decides whether it was said."""

import pytest

from tests.speech.spoken import findings, rulebook

_PACK = """
pack: test
version: "1"
patterns:
  claim:
    phrases: [保本, 保息]
    not_preceded_by: [<no>, (有人|谁)说…3]
    not_followed_by: [吗, ……2是假的]
    doubtful_followed_by: [吧]
  no:
    phrases: [不, 不是]
rules:
  - id: claimed
    kind: said
    title: {zh: 说了, en: Said}
    severity: major
    leg: agent
    patterns: [claim]
    citation: house rule
"""
_RULES = rulebook(_PACK)


@pytest.mark.parametrize(
    "said", ["这个保本", "保本的", "保息", "不，保本", "保本，不是吗", "有人说好。保本"]
)
def test_said(said: str) -> None:
    assert [each.status.value for each in findings(_RULES, f"agent: {said}")] == ["certain"]


@pytest.mark.parametrize(
    "said",
    [
        "不保本",
        "不是保本的",
        "不保本保息",
        "不保本和保息",
        "保本吗",
        "有人说这个保本",
        "保本，那是假的",
    ],
)
def test_not_said(said: str) -> None:
    assert findings(_RULES, f"agent: {said}") == []


def test_the_other_leg_may_say_it() -> None:
    assert findings(_RULES, "customer: 保本") == []


def test_doubtful_is_provisional() -> None:
    assert [each.status.value for each in findings(_RULES, "agent: 保本吧")] == ["provisional"]


def test_certainty_reached_in_the_same_turn_makes_the_doubtful_finding_certain() -> None:
    found = findings(_RULES, "agent: 保本吧，保息")
    assert [each.status.value for each in found] == ["certain"]
    assert found[0].matched == "保本"
