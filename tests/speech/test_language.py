"""The language of rules beyond phrases: what the reference shows is right, what cannot be is told
with its place and what to do."""

import re

import pytest

from callwarden import located_yaml
from callwarden.problems import ProblemsFound
from policy.speech.assembly import assemble
from policy.speech.rulebook import SpeechRulebook
from tests.speech.spoken import BASE, rulebook

_OTHER_PATTERNS = """
  told.recording-notice: {phrases: [录音]}
  told.debt: {phrases: [欠款]}
  debtor.speaks: {leg: customer, phrases: [我是本人]}
  apologises: {leg: agent, phrases: [对不起]}
  says-goodbye: {leg: agent, phrases: [再见]}
  asked.risk: {phrases: [风险大吗]}
  asked.fees: {phrases: [怎么收费]}
  asked.purpose: {phrases: [资金用途]}
  attitude.sharp: {leg: agent, phrases: [赶紧的]}
"""
_PATTERNS = """pack: test
version: "1"
patterns:
  claim: {leg: agent, phrases: [保本]}
  denied: {leg: agent, phrases: [不保证]}
  question: {leg: customer, phrases: [保本吗]}
  nobodys: {phrases: [好的好的]}
"""


def readme_rules() -> SpeechRulebook:
    """The rules that rules/README.md shows, with the patterns they name."""
    text = (BASE.parents[1] / "README.md").read_text(encoding="utf-8")
    example = text[text.index("```yaml\npatterns:") + 8 :]
    example = example[: example.index("```")].replace("\nevents:", _OTHER_PATTERNS + "\nevents:", 1)
    rest = "title: {zh: 甲, en: A}\n    severity: major\n    citation: house rule\n    kind:"
    numbers = iter(range(99))
    example = re.sub(r"  - kind:", lambda _: f"  - id: r{next(numbers)}\n    {rest}", example)
    return rulebook(f'pack: test\nversion: "1"\n{example}')


def test_the_reference_shows_rules_that_compile() -> None:
    assert len(readme_rules().rules) == 11


def _problems(events: str = "", rule: str = "") -> list[str]:
    text = _PATTERNS
    if events:
        text += f"events:\n  {events}\n"
    if rule:
        head = "id: claimed, title: {zh: 说了, en: Said}, severity: major, citation: house rule"
        text += f"rules:\n  - {{{head}, {rule}}}\n"
    with pytest.raises(ProblemsFound) as raised:
        assemble([located_yaml.read(text, "1.yaml")])
    return [str(each) for each in raised.value.problems]


_SAID = "kind: said, leg: agent, patterns: [claim]"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            "kind: sayd, leg: agent, patterns: [claim]",
            "rules[0].kind: must be one of said, not_said, no_answer, speaks, talk_over, silence, "
            "voice, any, all (did you mean said?)",
        ),
        (
            "kind: said, leg: agent, patterns: [clam]",
            "rules[0].patterns[0]: no pattern is named clam (did you mean claim?)",
        ),
        (f"{_SAID}, aftr: [denied]", "rules[0].aftr: unknown key (did you mean after?)"),
        (
            f"{_SAID}, after: [denid]",
            "rules[0].after[0]: no pattern or event is named denid (did you mean denied?)",
        ),
        (
            f"{_SAID}, after: {{any: [denied], until: [questoin]}}",
            "rules[0].after.until[0]: no pattern or event is named questoin "
            "(did you mean question?)",
        ),
        (
            f"{_SAID}, after: [nobodys]",
            "rules[0].after[0]: whose words are meant? Give the pattern nobodys a key leg: agent, "
            "customer, either",
        ),
        (
            f"{_SAID}, after: [call.ends]",
            "rules[0].after[0]: only by: can name the end of the call",
        ),
        (
            f"{_SAID}, after: {{within_s: 3}}",
            "rules[0].after: name patterns or events under any, or under all",
        ),
        (
            f"{_SAID}, after: [denied], unless_after: [denied]",
            "rules[0].unless_after[0]: never fires: after asks for denied as well",
        ),
        (
            f"{_SAID}, after: [denied, denied]",
            "rules[0].after[1]: the pattern stands here twice",
        ),
        (
            f"{_SAID}, answering: [denied]",
            "rules[0].answering[0]: never fires: denied is said by the agent, who answers",
        ),
        (
            "kind: said, leg: customer, patterns: [claim]",
            "rules[0].patterns[0]: never fires: claim is not said by the customer",
        ),
        (
            "kind: not_said, leg: agent, patterns: [claim], by: [claim]",
            "rules[0].by[0]: never fires: claim is what must be said by then",
        ),
        (
            "kind: not_said, leg: agent, patterns: [claim]",
            "rules[0]: write by: [...] or within_speech_s: …",
        ),
        (
            "kind: not_said, leg: agent, patterns: [claim], by: [call.ends], after: [claim]",
            "rules[0].after: never fires: this is what must not have been said",
        ),
        (
            "kind: no_answer, leg: agent, to: [claim], within_s: 3",
            "rules[0].to[0]: never fires: claim is said by the agent, who should answer",
        ),
        (
            f"{_SAID}, compare: {{fact: annual_rate_percent}}",
            "rules[0].patterns[0]: no phrase of claim has the slot {percent} to compare",
        ),
        (
            f"{_SAID}, compare: {{fact: risk_level}}",
            "rules[0].compare: write says: R1 with fact: risk_level, and with that alone",
        ),
        (
            "kind: talk_over, leg: agent",
            "rules[0]: write longer_than_s, more_than_times or both",
        ),
        (
            "kind: voice, leg: agent, louder_by_db: 5, at_least: 2",
            "rules[0]: gives 1 of louder_by_db, faster_by_percent and emotions",
        ),
        (
            "kind: all, leg: agent, of: [claim], within_s: 3",
            "rules[0].of: Tuple should have at least 2 items after validation, not 1",
        ),
    ],
)
def test_a_rule_that_cannot_be(rule: str, message: str) -> None:
    found = _problems(rule=rule)
    assert len(found) == 1
    place, told = found[0].split(": ", 1)
    assert told == message
    assert re.fullmatch(r"1\.yaml:9:\d+", place)


def test_events_in_a_circle() -> None:
    found = _problems("one: {kind: any, of: [two]}\n  two: {kind: any, of: [claim, one]}")
    assert found == [
        "1.yaml:9:25: events.one.of[0]: the event is made of itself: one → two → one",
        "1.yaml:10:32: events.two.of[1]: the event is made of itself: two → one → two",
    ]


def test_a_name_that_is_a_pattern_and_an_event() -> None:
    assert _problems("claim: {kind: any, of: [denied]}") == [
        "1.yaml:9:3: events.claim: another pattern has this name, at 1.yaml:4"
    ]


def test_the_end_of_the_call_is_known_already() -> None:
    assert _problems("call.ends: {kind: any, of: [denied]}") == [
        "1.yaml:9:3: events.call.ends: every pack knows an event of this name; choose another"
    ]


def test_an_event_where_words_are_asked_for() -> None:
    found = _problems("one: {kind: any, of: [claim]}", "kind: said, leg: agent, patterns: [one]")
    assert [each.split(": ", 1)[1] for each in found] == [
        "rules[0].patterns[0]: one is an event; what is said must be a pattern"
    ]


def test_what_is_listened_for_again_stands_in_plain_characters() -> None:
    text = _PATTERNS.replace(
        "phrases: [保本]", "phrases: [保本], second_look: {heard: ['保(本|息)'], instead: [不保本]}"
    )
    with pytest.raises(ProblemsFound) as raised:
        assemble([located_yaml.read(text, "1.yaml")])
    assert [each.message for each in raised.value.problems] == [
        "is listened for as it stands: characters alone, no brackets, gaps or references"
    ]
