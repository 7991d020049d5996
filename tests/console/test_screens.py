"""Every screen over the sample session, in both languages and two sizes."""

from collections.abc import Callable

import pytest

from callwarden.v1 import oversight_pb2 as oversight
from tests.console.recorded import console
from tests.console.sample_events import UNHEARD, Recording, health
from tests.console.sample_events import call as a_call
from tui.language import Locale

Compare = Callable[..., bool]

Form = tuple[Locale, tuple[int, int]]
FORMS: tuple[Form, ...] = (
    ("zh", (80, 24)),
    ("zh", (140, 40)),
    ("en", (80, 24)),
    ("en", (140, 40)),
)
SCREENS: dict[str, list[str]] = {
    "floor": [],
    "gate": ["2", "down", "down", "down", "down", "down"],
    "findings": ["3", "down", "down"],
    "suppressions": ["4"],
    "alerts": ["5"],
    "health": ["6"],
}
MORE = {
    "help": ["question_mark"],
    "hang-up": ["x"],
    "listen": ["i"],
    "review": ["3", "v"],
    "limits": ["2", "tab", "tab"],
    "pinyin": ["down"],
    "unheard": ["down", "down"],
    "enlarged": ["enter"],
    "filter": ["slash", "l", "o", "a", "n"],
}


def _named(form: Form) -> str:
    locale, (columns, rows) = form
    return f"{locale}-{columns}x{rows}"


@pytest.mark.parametrize("form", FORMS, ids=_named)
@pytest.mark.parametrize("screen", SCREENS)
def test_screen(snap_compare: Compare, screen: str, form: Form) -> None:
    locale, size = form
    assert snap_compare(console(locale), press=SCREENS[screen], terminal_size=size)


@pytest.mark.parametrize("form", [FORMS[0], FORMS[3]], ids=_named)
@pytest.mark.parametrize("screen", MORE)
def test_more(snap_compare: Compare, screen: str, form: Form) -> None:
    locale, size = form
    assert snap_compare(console(locale), press=MORE[screen], terminal_size=size)


def test_light(snap_compare: Compare) -> None:
    assert snap_compare(console(dark=False), terminal_size=(140, 40))


def test_language_and_theme_switch_live(snap_compare: Compare) -> None:
    assert snap_compare(console("zh"), press=["l", "t"], terminal_size=(100, 30))


def test_command_palette(snap_compare: Compare) -> None:
    assert snap_compare(console(), press=["ctrl+p", "x"], terminal_size=(100, 30))


def test_without_a_model_every_call_is_not_analysed(snap_compare: Compare) -> None:
    recording = Recording()
    change = a_call(
        "c-1",
        "1007",
        "+86138****8000",
        "marketing.loan",
        UNHEARD,
        41,
        analysed=0.0,
        cause="no model: callwarden models pull",
    )
    recording.add("call", change)
    without_model = health("no model")
    without_model.model = ""
    recording.add("health", without_model)
    recording.add("live", oversight.Live())
    assert snap_compare(console("en", events=recording.events), terminal_size=(100, 30))


def test_an_empty_floor(snap_compare: Compare) -> None:
    recording = Recording()
    recording.add("live", oversight.Live())
    assert snap_compare(console(events=recording.events), terminal_size=(80, 24))
