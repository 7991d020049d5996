"""The demo: an hour of a floor without any server, which the product's own rules have judged."""

import lzma

import pytest

from callwarden.v1 import oversight_pb2 as oversight
from tests.console import hour
from tui import recording
from tui.app import Console
from tui.call import Heard
from tui.demo import Demo
from tui.recording import BEGINS, LASTS_S
from tui.view import View
from tui.widgets.question import Question


@pytest.fixture(scope="module")
def events() -> list[oversight.Event]:
    return list(recording.read())


class Watch:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def _console(demo: Demo) -> Console:
    return Console(
        demo,
        locale="en",
        operator="demo",
        address="hour",
        clock=demo.clock,
        zone=recording.ZONE,
        demo_speed=4,
    )


@pytest.mark.soak
def test_the_file_is_what_the_command_makes() -> None:
    made = recording.written(hour.hour())
    assert made == lzma.decompress(recording.HOUR.read_bytes()), (
        "tui/hour.binpb.xz is not what is spoken: run python -m tests.console.hour"
    )


def test_it_is_an_hour_of_everything(events: list[oversight.Event]) -> None:
    kinds = {event.WhichOneof("payload") for event in events}
    every = {field.name for field in oversight.Event.DESCRIPTOR.oneofs[0].fields}
    assert kinds == every
    assert events[-1].at - BEGINS > LASTS_S - 60
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [event.at for event in events] == sorted(event.at for event in events)
    numbers = {event.call.number_masked for event in events if event.HasField("call")}
    assert len(numbers) > 100
    assert all("****" in number for number in numbers)


def test_at_any_minute_the_floor_is_busy_and_coherent(events: list[oversight.Event]) -> None:
    view, minute, unheard = View(), 0, 0
    up: list[int] = []
    for event in events:
        while event.at > BEGINS + minute * 60 and minute < 60:
            up.append(len(view.live_calls()))
            unheard += sum(call.analysed(event.at)[0] is Heard.NONE for call in view.live_calls())
            minute += 1
        view.apply(event)
    assert view.missed == 0
    assert min(up) >= 1
    assert sum(up) / len(up) > 5
    assert unheard, "an outage of a recognizer is part of the hour"
    refused = {one.rule for each in view.decisions for one in each.decision.reasons}
    assert {"house.daily-attempts", "house.refused", "house.hours"} <= refused
    behind = [each.suppression for each in view.suppressions.values()]
    assert all((each.call_id, each.finding_id) in view.findings for each in behind[-20:])


async def test_it_plays_at_its_speed_and_begins_anew_after_its_hour(
    events: list[oversight.Event],
) -> None:
    ticking = Watch()
    demo = Demo(events, speed=4, ticking=ticking)
    app = _console(demo)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        app.drain()
        assert app.view.live
        first = len(app.view.live_calls())
        assert first >= 3
        assert "demo ×4" in app.export_screenshot().replace("&#160;", " ")
        ticking.now_s = 30.0
        app.drain()
        assert demo.clock() == BEGINS + 120
        assert app.link.fresh(demo.clock())
        decided = app.view.health.decisions_today
        ticking.now_s = 901.0
        app.drain()
        assert demo.clock() == BEGINS
        assert len(app.view.live_calls()) == first
        assert app.view.health.decisions_today < decided


async def test_what_is_done_in_it_says_that_it_is_a_demo(events: list[oversight.Event]) -> None:
    app = _console(Demo(events, ticking=Watch()))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        app.drain()
        await pilot.pause()
        await pilot.press("s")
        for _ in range(100):
            if isinstance(app.screen, Question):
                break
            await pilot.pause(0.02)
        await pilot.press("enter", "y")
        for _ in range(100):
            told = [each.message for each in app._notifications]
            if told:
                break
            await pilot.pause(0.02)
        assert "This is a demo" in told[0]
        assert app.acting.who is not None
        assert app.acting.who.name == "demo"


async def test_a_call_of_it_is_played_from_its_beginning(events: list[oversight.Event]) -> None:
    ticking = Watch()
    app = _console(Demo(events, ticking=ticking))
    async with app.run_test(size=(140, 40)) as pilot:
        ticking.now_s = 300.0
        app.drain()
        await pilot.pause()
        await pilot.press("p")
        for _ in range(100):
            if app.playing.playback:
                break
            await pilot.pause(0.02)
        playback = app.playing.playback
        assert playback is not None
        playback.seek(playback.seconds)
        assert playback.call().known
