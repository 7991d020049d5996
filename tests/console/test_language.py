"""Every text stands in both languages, with the same places, and none is left over."""

import re
import string
from pathlib import Path

import pytest

from tests.console.sample_events import health, sample
from tui.actions import ACTIONS, PANES
from tui.call import SEVERITIES
from tui.language import Language
from tui.palette import ROLES
from tui.texts import TEXTS

_TUI = Path(__file__).resolve().parents[2] / "tui"
_CONFIRMED = ("hangup", "suppress", "retrain", "shadow")
ALERT_KINDS = ("finding", "bypass", "health", "uncovered", "refusal")
_SOURCES = [file for file in sorted(_TUI.rglob("*.py")) if file.parent.name != "texts"]


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_complete(name: str) -> None:
    zh, en = TEXTS[name]
    assert bool(zh) == bool(en)
    assert _places(zh) == _places(en)


def test_texts_that_are_asked_for_are_there_and_none_is_left_over() -> None:
    code = "\n".join(file.read_text(encoding="utf-8") for file in _SOURCES)
    literal = set(re.findall(r"[\"']([a-z]+(?:\.[a-z0-9-]+)+)[\"']", code))
    columns = {f"column.{name}" for name in re.findall(r'Column\("([a-z]+)"', code)}
    built = {
        *columns,
        *(f"pane.{pane}" for pane in PANES),
        *(f"action.{action.id}" for action in ACTIONS),
        *(f"action.{action.id}.help" for action in ACTIONS),
        *(f"severity.{severity}" for severity in SEVERITIES),
        *(f"help.mark.{severity}" for severity in SEVERITIES),
        *(f"part.{part.part}" for part in health().parts),
        *(f"source.{source}" for source in ("refusal", "import", "manual", "complaint")),
        *(f"scene.{event.call.scene}" for event in sample() if event.call.scene),
        *(f"{act}.{text}" for act in _CONFIRMED for text in ("title", "yes")),
        *(f"listen.{mode}" for mode in ("whisper", "barge")),
        *(f"alert.kind.{kind}" for kind in ALERT_KINDS),
        "part.stream",
        "scene.*",
    }
    families = {name.split(".")[0] for name in TEXTS}
    asked = {name for name in literal | built if name.split(".")[0] in families}
    assert asked - set(TEXTS) == set()
    assert set(TEXTS) - asked == set()


def test_every_action_has_its_own_key_and_id() -> None:
    keys = [key for action in ACTIONS for key in action.keys.split(",")]
    assert len(keys) == len(set(keys))
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)


def test_every_role_that_is_drawn_has_a_colour() -> None:
    assert {f"{severity}-words" for severity in SEVERITIES} <= ROLES
    assert set(SEVERITIES) <= ROLES


def test_a_rule_without_a_title_in_this_language_keeps_the_other_or_its_id() -> None:
    finding = next(event.finding.finding for event in sample() if event.HasField("finding"))
    finding.title_en = ""
    assert Language("en").title(finding) == finding.title_zh
    finding.title_zh = ""
    assert Language("en").title(finding) == finding.rule
