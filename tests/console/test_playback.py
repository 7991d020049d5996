"""A past call that is played again: from the ledger, at any speed, forwards and back."""

import asyncio
from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from callwarden import transport
from callwarden.settings import Tls
from callwarden.v1 import oversight_pb2 as oversight
from tests.console.recorded import Recorded, console
from tests.console.sample_events import (
    AGENT,
    CUSTOMER,
    ENDED,
    NOW,
    SALE,
    Recording,
    call,
    duty,
    find,
    say,
)
from tests.console.test_oversight import Gateway
from tui.app import Console
from tui.oversight import Kind, OversightStream, Refused
from tui.playback import Playback
from tui.view import Area

_BOUND_S = 15.0
_BEGUN = NOW - 3600 - 60
"""When the past call was answered."""


def _events() -> list[oversight.Event]:
    """A minute of a call that ended an hour ago."""
    past = call("c-9", "1009", "+86138****0009", "marketing.wealth", ENDED, 60, ended_ago=3600)
    recording = Recording()
    recording.add("call", past, 3660)
    told = oversight.DutyChanged(
        call_id="c-9", duties=[duty("disclosure.fees", "收费", "Fees", 21.0, SALE)]
    )
    owed = oversight.DutyChanged(
        call_id="c-9", duties=[duty("disclosure.fees", "收费", "Fees", before=SALE)]
    )
    for kind, payload, at_s in (
        ("duty", owed, 0.0),
        ("utterance", say("c-9", 1, AGENT, 5.0, 9.0, tokens="zhe4 kuan3 bao3 ben3"), 9.0),
        ("finding", find(past, "forbidden.zero-risk", "", "保本", (7.0, 9.0)), 9.4),
        ("utterance", say("c-9", 2, CUSTOMER, 12.0, 14.0, "收费吗？"), 14.0),
        ("utterance", say("c-9", 3, AGENT, 19.0, 21.0, "不收手续费。"), 21.0),
        ("duty", told, 21.4),
    ):
        recording.add(kind, payload, NOW - _BEGUN - at_s)
    return recording.events


def test_a_place_shows_what_was_known_by_then() -> None:
    playback = Playback("c-9", _events())
    assert playback.seconds == 60
    playback.seek(8.0)
    growing = playback.call().utterances["agent-1"]
    assert not growing.final
    assert list(growing.tokens) == ["zhe4", "kuan3", "bao3", "ben3"][: len(growing.tokens)]
    assert len(growing.tokens) > 0
    assert not playback.call().findings
    playback.seek(10.0)
    assert playback.call().utterances["agent-1"].final
    assert len(playback.call().findings) == 1
    assert not playback.call().duties[0].HasField("made_s")
    playback.seek(60.0)
    whole = playback.call()
    assert list(whole.utterances) == ["agent-1", "customer-2", "agent-3"]
    assert whole.duties[0].made_s == 21.0


def test_going_back_forgets_what_came_later() -> None:
    played, jumped = Playback("c-9", _events()), Playback("c-9", _events())
    for second in range(0, 61, 2):
        played.seek(second)
        played.call()
    played.seek(13.0)
    jumped.seek(13.0)
    assert played.call().utterances == jumped.call().utterances
    assert played.call().findings == jumped.call().findings
    assert "agent-3" not in played.call().utterances


def test_it_plays_at_its_speed_pauses_and_stops_at_the_end() -> None:
    playback = Playback("c-9", _events(), speed=2.0)
    assert not playback.pass_time(5)
    playback.toggle()
    assert playback.pass_time(5)
    assert playback.position_s == 10
    playback.toggle()
    assert not playback.pass_time(5)
    playback.toggle()
    assert playback.pass_time(100)
    assert playback.at_end
    assert not playback.playing
    playback.toggle()
    assert playback.position_s == 0
    assert playback.playing


@pytest.mark.parametrize(
    ("speed", "steps", "then"),
    [(1.0, 1, 2.0), (1.0, -1, 0.5), (8.0, 1, 8.0), (0.5, -1, 0.5), (3.0, 1, 4.0), (3.0, -1, 2.0)],
)
def test_speeds_are_halves_and_doubles(speed: float, steps: int, then: float) -> None:
    playback = Playback("c-9", _events(), speed=speed)
    playback.faster(steps)
    assert playback.speed == then


async def _until(pilot: Pilot[object], holds: Callable[[], object]) -> None:
    async with asyncio.timeout(_BOUND_S):
        while not holds():
            await pilot.pause(0.02)


def _text(app: Console) -> str:
    strips = app.screen._compositor.render_strips()  # what is on the screen
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def _floor() -> Console:
    """A floor on which a finding of the past call is listed, and nothing else of the call."""
    recording = Recording()
    recording.add("finding", _events()[3].finding, 3650)
    recording.add("live", oversight.Live())
    app = console("en", events=recording.events)
    assert isinstance(app.source, Recorded)
    app.source.past["c-9"] = _events()
    return app


async def test_a_finding_opens_its_call_from_the_ledger() -> None:
    app = _floor()
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.press("3", "enter")
        await _until(pilot, lambda: "不收手续费" in _text(app))
        shown = _text(app)
        assert "01:00" in shown
        assert "Fees" in shown
        assert "Claims there is no risk" in shown
        await pilot.press("escape")
        assert "不收手续费" not in _text(app)


async def test_it_is_played_by_keys() -> None:
    app = _floor()
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.press("3", "p")
        await _until(pilot, lambda: app.playing.playback)
        playback = app.playing.playback
        assert playback is not None
        await _until(pilot, lambda: playback.position_s > 0.2)
        await pilot.press("space")
        assert not playback.playing
        await pilot.press("right", "right_square_bracket")
        assert 10 < playback.position_s < 20
        assert playback.speed == 2.0
        await _until(pilot, lambda: "✖ Claims there is no risk" in _text(app))
        assert "不收手续费" not in _text(app)
        await pilot.press("left", "left")
        assert playback.position_s == 0
        assert app.target().call is playback.call(), "acts are about the call that is shown"


async def test_a_call_that_the_ledger_lacks_is_said_to_be_missing() -> None:
    app = _floor()
    assert isinstance(app.source, Recorded)
    app.source.past.clear()
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.press("3", "enter")
        told = app._notifications  # what a person is told
        await _until(pilot, lambda: any("no such call" in each.message for each in told))


async def test_a_console_begins_with_a_call_of_a_real_gateway_at_a_speed() -> None:
    serving = Gateway()
    serving.past["c-9"] = _events()
    address = f"127.0.0.1:{await serving.start()}"
    try:
        async with transport.channel_to(address, Tls()) as channel:
            stream = OversightStream(channel)
            with pytest.raises(Refused) as unknown:
                await stream.past_call("c-of-nobody")
            assert unknown.value.kind is Kind.GONE
            app = Console(
                stream, locale="en", operator="chen", address=address, replay="c-9", speed=8.0
            )
            async with app.run_test(size=(140, 40)) as pilot:
                await _until(pilot, lambda: app.playing.playback)
                playback = app.playing.playback
                assert playback is not None
                assert playback.speed == 8.0
                await _until(pilot, lambda: "zhè kuǎn" in _text(app))
                await pilot.press("space", "right", "right", "right", "right", "right", "right")
                await _until(pilot, lambda: "不收手续费" in _text(app))
                await pilot.press("escape")
                await _until(pilot, lambda: len(app.view.live_calls()) == 14)
                assert app.pane == "floor"
    finally:
        await serving.stop()


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
def test_a_played_call_looks_so(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    app = _floor()

    async def open_paused(pilot: Pilot[object]) -> None:
        await pilot.press("3", "p")
        await _until(pilot, lambda: app.playing.playback)
        playback = app.playing.playback
        assert playback is not None
        playback.playing = False
        playback.seek(22)
        app.repaint_floor(Area.EVERYTHING)
        await pilot.pause()

    assert snap_compare(app, run_before=open_paused, terminal_size=size)
