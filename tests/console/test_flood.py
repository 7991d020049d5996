"""300 calls and a flood of events are a few repaints, not one an event."""

import time

import pytest

from callwarden.v1 import oversight_pb2 as oversight
from tests.console.recorded import Recorded, console
from tests.console.sample_events import AGENT, LISTENED, NOW, ZONE, Recording, call, health, say
from tui.app import Console
from tui.oversight import Began, Received
from tui.view import Area


def _floor(calls: int) -> Recording:
    recording = Recording()
    for number in range(calls):
        change = call(f"c-{number}", f"{1000 + number}", "+86138****8000", "*", LISTENED, 60)
        recording.add("call", change)
    recording.add("health", health())
    recording.add("live", oversight.Live())
    return recording


async def test_a_second_of_100_events_on_300_calls_costs_a_fraction_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten drains of ten events each, painted: the bar of 35 % of a core, with room for a slow
    machine."""
    floor = _floor(300)
    app = console(events=floor.events)
    source = app.source
    assert isinstance(source, Recorded)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        assert len(app.view.live_calls()) == 300
        repaints: list[Area] = []
        paint = app.repaint_floor

        def counted(touched: Area) -> None:
            repaints.append(touched)
            paint(touched)

        monkeypatch.setattr(app, "repaint_floor", counted)
        began = time.process_time()
        sequence = len(floor.events)
        for _ in range(10):
            for _ in range(10):
                sequence += 1
                spoken = say(f"c-{sequence % 300}", sequence, AGENT, 1, 2, "您好", final=False)
                event = oversight.Event(sequence=sequence, at=NOW, utterance=spoken)
                source.bring(Received(NOW, event))
            app.drain()
            await pilot.pause()
        assert time.process_time() - began < 1.0
        assert len(repaints) <= 12
        assert not app.view.missed


async def test_every_present_state_is_told_once_when_it_stands_in_full() -> None:
    """What is to be left alone by the garbage collector is there then, and not before."""
    floor = _floor(3)
    source = Recorded(floor.events[:-1])
    stood: list[int] = []
    app = Console(
        source,
        operator="li",
        address="127.0.0.1:1",
        clock=lambda: NOW,
        zone=ZONE,
        standing=lambda: stood.append(len(app.view.live_calls())),
    )
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        assert stood == []
        source.bring(Received(NOW, floor.events[-1]))
        app.drain()
        await pilot.pause()
        assert stood == [3]
        source.bring(Received(NOW, Began()))
        for event in floor.events:
            source.bring(Received(NOW, event))
        app.drain()
        await pilot.pause()
        assert stood == [3, 3]
