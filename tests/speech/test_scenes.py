"""A rule speaks in its scenes, on its days and about its leg."""

from datetime import date

import pytest

from policy.speech.circumstances import CallCircumstances
from policy.speech.conversation import Conversation
from policy.speech.dialogue_test import Turn, utterances
from policy.speech.rulebook import SpeechRulebook
from tests.speech.spoken import findings, rulebook

_SAID = "agent: 这款产品保本保息"


@pytest.mark.parametrize(
    ("scene", "heard"),
    [("marketing.wealth", 1), ("marketing.loan", 1), ("collection.reminder", 0), ("", 1)],
)
def test_scenes(base: SpeechRulebook, scene: str, heard: int) -> None:
    found = findings(base, _SAID, scene=scene)
    assert sum(each.rule == "forbidden.guaranteed-return" for each in found) == heard


@pytest.mark.parametrize(("day", "heard"), [(1, 0), (2, 1), (3, 1), (4, 0)])
def test_days(day: int, heard: int) -> None:
    rules = rulebook("""
pack: test
version: "1"
patterns: {claim: {phrases: [保本]}}
rules:
  - id: claimed
    kind: said
    title: {zh: 说了, en: Said}
    severity: major
    leg: agent
    patterns: [claim]
    effective_from: 2026-01-02
    effective_to: 2026-01-03
    citation: house rule
""")
    conversation = Conversation(rules, CallCircumstances("*", date(2026, 1, day)))
    found = conversation.hear(utterances([Turn(agent="这个保本")])[0])
    assert len(found + conversation.finish(9)) == heard
