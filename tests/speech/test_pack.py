"""A pack's mistakes: each with its line and column and what to do; none reaches a call."""

import pytest

from callwarden import located_yaml
from callwarden.problems import ProblemsFound
from policy.speech.assembly import assemble

_HEAD = """pack: test
version: "1"
"""
_RULE = """
rules:
  - id: claimed
    kind: said
    title: {zh: 说了, en: Said}
    severity: major
    leg: agent
    patterns: [claim]
    citation: house rule
"""


def _problems(*texts: str) -> list[str]:
    with pytest.raises(ProblemsFound) as raised:
        assemble([located_yaml.read(each, f"{at}.yaml") for at, each in enumerate(texts, 1)])
    return [str(each) for each in raised.value.problems]


def _phrase(written: str) -> str:
    return (
        f"{_HEAD}patterns:\n  claim:\n    phrases: ['{written}']\n  other:\n    phrases: [好的]\n"
    )


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("(保本|保息", "a bracket is not closed: ) is missing"),
        ("<othr>保本", "no pattern is named othr (did you mean other?)"),
        ("<other", "a reference is not closed: > is missing"),
        ("保本?", "a part that may be missing stands in square brackets: [请]不要"),
        ("保本|保息", "alternatives stand in round brackets: (甲|乙)"),
        ("保…99本", "a gap is 1 to 12 syllables long"),
        ("%保本", "'%' has no sound; write characters or Latin letters"),
        ("，。", "the phrase is empty"),
        ("[保本]", "the phrase can be empty: something of it must always be said"),
        ("…保本", "before its first gap and after its last one something must always be said"),
        ("保本(…|的)", "before its first gap and after its last one something must always be said"),
        ("保", "one syllable alone sounds like many words; say at least two"),
    ],
)
def test_a_phrase_that_cannot_be_heard(written: str, message: str) -> None:
    assert _problems(_phrase(written) + _RULE) == [
        f"1.yaml:5:15: patterns.claim.phrases[0]: {message}"
    ]


def test_patterns_in_a_circle() -> None:
    text = f"{_HEAD}patterns:\n  claim: {{phrases: [<b>保本]}}\n  b: {{phrases: [<claim>好]}}\n"
    found = _problems(text + _RULE)
    assert found[0].endswith("the pattern refers to itself: claim → b → claim")
    assert found[0].startswith("1.yaml:4:")


def test_patterns_that_grow_without_end() -> None:
    levels = [f"  p{n}: {{phrases: [{f'<p{n - 1}>' * 9}]}}\n" for n in range(1, 12)]
    text = f"{_HEAD}patterns:\n  p0: {{phrases: [好的好的]}}\n{''.join(levels)}"
    found = _problems(text + "  claim: {phrases: [<p11>]}\n" + _RULE)
    assert "with all it refers to, the phrase has more than 5000 syllables" in found[-1]


def test_every_mistake_of_every_file_at_once() -> None:
    rules = _RULE.replace("[claim]", "[clain]") + _RULE.removeprefix("\nrules:\n")
    found = _problems(_phrase("保本") + rules, "pack: other\npatterns: {claim: {phrases: [好的]}}")
    assert [each.partition(": ")[2] for each in found] == [
        "rules[0].patterns[0]: no pattern is named clain (did you mean claim?)",
        "rules[1].id: another rule has this name, at 1.yaml:10",
        "pack: the other files of this folder belong to the pack test",
        "patterns.claim: another pattern has this name, at 1.yaml:4",
    ]


def test_a_pack_needs_one_version() -> None:
    assert _problems(_phrase("保本").replace('version: "1"\n', "") + _RULE) == [
        "1.yaml:1:1: (document): no file of the pack gives its version; add a key version"
    ]


def test_a_rule_that_never_holds() -> None:
    dates = "    effective_from: 2026-01-02\n    effective_to: 2026-01-01\n"
    (found,) = _problems(_phrase("保本") + _RULE + dates)
    assert "effective_from is later than effective_to: the rule never holds" in found


def test_thresholds_in_order() -> None:
    text = _phrase("保本").replace("  other", "    provisional_from: 0.95\n  other")
    (found,) = _problems(text + _RULE)
    assert "provisional_from is above certain_from" in found
