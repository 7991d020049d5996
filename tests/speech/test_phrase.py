"""How phrases are written: alternatives, parts that may be missing, gaps, references."""

import pytest

from tests.speech.spoken import findings, rulebook


def _found(phrase: str, said: str) -> list[str]:
    rules = rulebook(f"""
pack: test
version: "1"
patterns:
  claim: {{phrases: ['{phrase}']}}
  who: {{phrases: [公司, 银行]}}
rules:
  - id: claimed
    kind: said
    title: {{zh: 说了, en: Said}}
    severity: major
    leg: agent
    patterns: [claim]
    citation: house rule
""")
    return [each.matched for each in findings(rules, f"agent: {said}")]


@pytest.mark.parametrize(
    ("phrase", "said", "matched"),
    [
        ("不要再(打|联系)", "请不要再联系", "不要再联系"),
        ("不要[再]打", "不要打", "不要打"),
        ("不要[再]打", "不要再打", "不要再打"),
        ("[请]不要打", "请不要打", "不要打"),
        ("保证…收益", "保证您有收益", "保证…收益"),
        ("保证…收益", "保证收益", "保证…收益"),
        ("保证…2(收益|利息)", "保证有利息", "保证…利息"),
        ("<who>(赔|补)", "银行赔", "银行赔"),
        ("<who>…全赔", "公司会全赔", "公司…全赔"),
        ("再不还……上门", "再不还，我们上门", "再不还…上门"),
        ("（保本｜保息）", "保息", "保息"),
        ("告诉我CVV", "告诉我 CVV", "告诉我CVV"),
        ("还款", "还款", "还款"),
    ],
)
def test_found(phrase: str, said: str, matched: str) -> None:
    assert _found(phrase, said) == [matched]


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("保证…2收益", "保证您今年有收益"),
        ("保证…收益", "保证服务。收益"),
        ("保证…收益", "保证不了收益"),
        ("不要再(打|联系)", "不要再说"),
        ("再不还……2上门", "再不还，我们大家就上门"),
    ],
)
def test_not_found(phrase: str, said: str) -> None:
    assert _found(phrase, said) == []
