"""The base pack on whole calls whose wordings were kept apart from it (`heldout/README.md`)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from callwarden import located_yaml
from policy.speech.dialogue_test import Turn, speak
from policy.speech.rulebook import SpeechRulebook

_SETS = Path(__file__).resolve().parent / "heldout"


@dataclass(frozen=True)
class _Call:
    name: str
    scene: str
    turns: list[Turn]
    expected: Counter[str]


def _calls(file: Path) -> Iterator[_Call]:
    """A step names an act, or two of one turn joined by `+`; `~36:` before it is the silence in
    seconds. Each act's wordings are taken in turn over all scripts."""
    written: Any = located_yaml.read(file.read_text(encoding="utf-8"), file.name).value
    used = Counter[str]()
    for at, script in enumerate(written["scripts"]):
        for call in range(script["calls"]):
            turns: list[Turn] = []
            for step in script["steps"]:
                silence, _, acts = step.rpartition(":")
                names, text = acts.split("+"), ""
                for name in names:
                    wordings = written["acts"][name]
                    text += wordings[used[name] % len(wordings)]
                    used[name] += 1
                leg = "customer" if names[0].startswith("c.") else "agent"
                after_s = {"after_s": float(silence[1:])} if silence else {}
                turns.append(Turn.model_validate({leg: text, **after_s}))
            expected = Counter(
                rule for rules in script.get("expect", {}).values() for rule in rules
            )
            yield _Call(f"{at}/{call}", script["scene"], turns, expected)


@pytest.mark.parametrize(
    ("name", "missed_at_most", "false_at_most"), [("first", 0, 1), ("second", 0, 0)]
)
def test_calls_with_other_wordings(
    base: SpeechRulebook, name: str, missed_at_most: int, false_at_most: int
) -> None:
    missed, false = list[str](), list[str]()
    for call in _calls(_SETS / f"{name}.yaml"):
        found = Counter(each.rule for each in speak(call.turns, base, call.scene))
        missed += [f"{call.name} {rule}" for rule in (call.expected - found).elements()]
        false += [f"{call.name} {rule}" for rule in (found - call.expected).elements()]
    assert len(missed) <= missed_at_most, missed
    assert len(false) <= false_at_most, false
