"""A site's own keys work, are shown, and are wrong with line and column."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from callwarden import settings
from callwarden.problems import ProblemsFound
from tests.console.recorded import CHEN, Recorded
from tests.console.sample_events import NOW, ZONE, sample
from tui import keys
from tui.app import Console
from tui.command import console as command
from tui.widgets.question import Question


def _checked(tmp_path: Path, text: str) -> dict[str, str]:
    file = tmp_path / "callwarden.yaml"
    file.write_text(text, encoding="utf-8")
    document = settings.document(file)
    assert document is not None
    return keys.checked(document, settings.load(file).console.keys)


def test_characters_and_names_are_keys(tmp_path: Path) -> None:
    text = 'console:\n  keys: {hang-up: "ctrl+x", filter: "f, f3", mute: ";", listen: x}\n'
    assert _checked(tmp_path, text) == {
        "hang-up": "ctrl+x",
        "filter": "f,f3",
        "mute": "semicolon",
        "listen": "x",
    }


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("hangup: z", "3:5: console.keys.hangup: no such action (did you mean hang-up?)"),
        ("hang-up: pagedwn", '3:5: console.keys.hang-up: "pagedwn" is no key'),
        ("hang-up: hyper+x", '"hyper+x" is no key'),
        ("hang-up: home", "home is taken: it goes to the first row"),
        ("hang-up: i", '"i" is the key of listen too: give one of them another'),
        ('hang-up: ""', '"" is no key'),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, written: str, problem: str) -> None:
    with pytest.raises(ProblemsFound) as found:
        _checked(tmp_path, f"console:\n  keys:\n    {written}\n")
    assert problem in str(found.value)
    assert len(found.value.problems) == 1


def test_every_problem_is_told_at_once_and_before_a_screen_opens(tmp_path: Path) -> None:
    file = tmp_path / "callwarden.yaml"
    file.write_text("console:\n  keys:\n    hangup: z\n    theme: q\n", encoding="utf-8")
    refused = CliRunner().invoke(command, ["--config", str(file)])
    assert isinstance(refused.exception, ProblemsFound)
    assert len(refused.exception.problems) == 2


async def test_keys_may_change_places_and_the_screen_says_so() -> None:
    app = Console(
        Recorded(sample()),
        locale="en",
        operator="chen",
        address="127.0.0.1:4574",
        clock=lambda: NOW,
        zone=ZONE,
        keys={"hang-up": "i", "listen": "x", "help": "f1"},
    )
    async with app.run_test(size=(140, 46)) as pilot:
        await pilot.pause()
        shown = app.export_screenshot().replace("&#160;", " ")
        assert "i Hang up" in " ".join(shown.replace("</text>", " ").split()) or "Hang up" in shown
        await pilot.press("i")
        await pilot.pause()
        assert isinstance(app.screen, Question)
        assert "Hang up this call?" in app.export_screenshot().replace("&#160;", " ")
        await pilot.press("n", "f1")
        await pilot.pause()
        commands = [each.title for each in app.get_system_commands(app.screen_stack[0])]
        assert "Hang up  (i)" in commands
        assert "Help  (F1)" in commands
    assert app.acting.who == CHEN
