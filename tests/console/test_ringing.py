"""The console rings for what is new and needs a person, once a flood, in the terminal's words."""

import pytest

from callwarden.v1 import oversight_pb2 as oversight
from tests.console.recorded import Recorded, console
from tests.console.sample_events import NOW, WEALTH, alert, sample
from tui.language import Language
from tui.oversight import Received
from tui.ringing import LEAST_GAP_S, Ringing
from tui.view import Alerted

EN = Language("en")


def _raised(
    alert_id: str, severity: str = "major", *, done: str = "", quiet: bool = False
) -> Alerted:
    made = alert(
        alert_id, severity, "finding", "forbidden.zero-risk", WEALTH, done=done, quiet=quiet
    )
    return Alerted(NOW, NOW, made)


@pytest.fixture
def bell() -> Ringing:
    return Ringing(bell=True, notify="osc9")


def test_a_new_alert_rings_once(bell: Ringing) -> None:
    bell.hear(_raised("a-1", "critical"))
    assert bell.due(0.0, EN) == "\a\x1b]9;✖ critical · Claims there is no risk · 1007\a"
    assert bell.due(100.0, EN) == ""
    bell.hear(_raised("a-1", "critical"))
    assert bell.due(100.0, EN) == "", "counted up, it is the same alert"


def test_it_rings_again_when_it_grows_worse(bell: Ringing) -> None:
    bell.hear(_raised("a-1", "minor"))
    assert bell.due(0.0, EN)
    bell.hear(_raised("a-1", "critical"))
    assert "critical" in bell.due(60.0, EN)


def test_a_flood_is_one_ring_that_tells_the_worst(bell: Ringing) -> None:
    bell.hear(_raised("a-0"))
    assert bell.due(0.0, EN)
    for number in range(1, 80):
        bell.hear(_raised(f"a-{number}", "critical" if number == 40 else "minor"))
        assert bell.due(number / 80 * (LEAST_GAP_S - 0.1), EN) == ""
    told = bell.due(LEAST_GAP_S, EN)
    assert told.count("\a") == 2
    assert "✖ critical" in told
    assert "78 more" in told


def test_what_was_there_before_is_quiet_or_dealt_with_rings_nothing(bell: Ringing) -> None:
    bell.know({"a-1": _raised("a-1")})
    for each in (_raised("a-1"), _raised("a-2", quiet=True), _raised("a-3", done="wang")):
        bell.hear(each)
    assert bell.due(0.0, EN) == ""


def test_acknowledged_before_it_rang_it_is_still(bell: Ringing) -> None:
    bell.hear(_raised("a-1"))
    bell.hear(_raised("a-1", done="wang"))
    assert bell.due(0.0, EN) == ""


def test_by_choice_alone() -> None:
    for chosen, expected in (
        (Ringing(), ""),
        (Ringing(bell=True), "\a"),
        (Ringing(bell=True, notify="osc777", muted=True), ""),
    ):
        chosen.hear(_raised("a-1"))
        assert chosen.due(0.0, EN) == expected


def test_in_tmux_it_is_wrapped_so_that_the_terminal_outside_gets_it() -> None:
    chosen = Ringing(notify="osc777", tmux=True)
    chosen.hear(_raised("a-1"))
    told = chosen.due(0.0, EN)
    assert told.startswith("\x1bPtmux;\x1b\x1b]777;notify;Callwarden;▲ major")
    assert told.endswith("\a\x1b\\")


def test_a_title_cannot_end_the_escape_or_begin_another() -> None:
    made = _raised("a-1")
    made.alert.title_en = "x\a\x1b]52;c;ZXZpbA==\a\x9d" + "y" * 500
    chosen = Ringing(notify="osc777")
    chosen.hear(made)
    told = chosen.due(0.0, EN)
    assert told.count("\x1b") == 1
    assert told.count("\a") == 1
    assert "\x9d" not in told
    assert len(told) < 250


async def test_the_console_rings_for_what_comes_while_it_watches_and_can_be_muted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = console("en")
    app.ringing.bell = True
    source = app.source
    assert isinstance(source, Recorded)
    written: list[str] = []
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        assert app._driver is not None
        monkeypatch.setattr(app._driver, "write", written.append)
        app.ring()
        assert "\a" not in written, "the sample's alerts were there before"
        sequence = sample()[-1].sequence
        new = oversight.Event(sequence=sequence + 1, at=NOW, alert=_raised("a-9").alert)
        source.bring(Received(NOW, new))
        app.drain()
        app.ring()
        assert written.count("\a") == 1
        await pilot.press("m")
        await pilot.pause()
        assert app.ringing.muted
        assert "muted" in app.export_screenshot()
