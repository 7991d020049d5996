"""The base pack against its own dialogues, and against the twelve calls with ground truth."""

import json
from pathlib import Path

import pytest

from callwarden import located_yaml
from policy.speech.dialogue_test import Turn, run, speak
from policy.speech.finding import FindingStatus
from policy.speech.rulebook import SpeechRulebook
from tests.speech.spoken import BASE

_TESTS = sorted(BASE.glob("*_test.yaml"))


@pytest.mark.parametrize("file", _TESTS, ids=lambda each: each.stem)
def test_dialogues(file: Path, base: SpeechRulebook) -> None:
    outcome = run(located_yaml.read(file.read_text(encoding="utf-8"), file.name), base)
    assert outcome.tests > 0
    assert [str(each) for each in outcome.failures] == []


def test_every_rule_is_shown_to_fire_and_not_to_fire(base: SpeechRulebook) -> None:
    documents = [located_yaml.read(each.read_text(encoding="utf-8"), each.name) for each in _TESTS]
    cases = {one.value["rule"]: one.value for one in documents if "rule" in one.value}
    for rule in base.rules:
        assert len(cases[rule.id]["fires"]) >= 5, rule.id
        assert len(cases[rule.id]["near_misses"]) >= 5, rule.id


def test_the_words_of_the_twelve_calls(calls_folder: Path, base: SpeechRulebook) -> None:
    """Each finding that the calls' ground truth expects, in its turn, and no other."""
    rules = {rule.id for rule in base.rules}
    for file in sorted(calls_folder.glob("*/truth.json")):
        truth = json.loads(file.read_text(encoding="utf-8"))
        turns = [Turn.model_validate(each) for each in truth["turns"]]
        found = speak(turns, base, truth["scene"])
        assert all(each.status is FindingStatus.CERTAIN for each in found)
        assert sorted((each.rule, each.leg.value) for each in found) == sorted(
            (each["rule"], each["leg"]) for each in truth["expect"] if each["rule"] in rules
        ), truth["id"]
        for expected in (each for each in truth["expect"] if each["rule"] in rules):
            # What is found for want of an answer lies in the silence before the turn.
            turns, at = truth["turns"], expected["turn"]
            before, turn = turns[max(at - 1, 0)], turns[at]
            begins_s = before["end"] if expected["rule"] == "response.slow" else turn["start"]
            assert any(
                each.rule == expected["rule"] and begins_s <= each.start_s < turn["end"]
                for each in found
            ), (truth["id"], expected)
