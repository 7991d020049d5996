"""The floor: its order, the rows that keep their places, what it is searched by."""

import pytest
from textual.widgets import Input

from callwarden.v1 import oversight_pb2 as oversight
from tests.console.recorded import Recorded, console
from tests.console.sample_events import (
    AGENT,
    LISTENED,
    NOW,
    UNHEARD,
    Recording,
    call,
    find,
    say,
)
from tui import painting
from tui.app import Console
from tui.call import Call
from tui.oversight import Received
from tui.view import Area, View
from tui.widgets.calls import CallsPanel
from tui.widgets.lines import Lines


def _shown(app: Console) -> list[str]:
    listing = app.screen_stack[0].query_one("#calls", CallsPanel).listing
    return [each.change.agent for each in listing.items]


def _floor() -> Recording:
    recording = Recording()
    clean = call("c-1", "张伟", "+86138****0001", "marketing.loan", LISTENED, 300)
    clean.team = "晨曦组"
    short = call("c-2", "1002", "+86138****0002", "collection.reminder", LISTENED, 20)
    deaf = call("c-3", "1003", "+86138****0003", "marketing.loan", UNHEARD, 40, cause="no model")
    bad = call("c-4", "1004", "+86138****0004", "marketing.wealth", LISTENED, 60)
    for change in (clean, short, deaf, bad):
        recording.add("call", change)
    recording.add("finding", find(bad, "forbidden.zero-risk", "零风险", "零风险", (1, 2)), 10)
    recording.add("live", oversight.Live())
    return recording


async def test_severe_first_then_unheard_then_the_longest() -> None:
    app = console("en", events=_floor().events)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        assert _shown(app) == ["1004", "1003", "张伟", "1002"]


def _view() -> View:
    view = View()
    for event in _floor().events:
        view.apply(event)
    return view


def _agents(calls: list[Call]) -> list[str]:
    return [each.change.agent for each in calls]


def test_what_a_person_has_judged_no_longer_presses() -> None:
    view = _view()
    (finding,) = view.calls["c-4"].findings
    upheld = oversight.ActDone(
        act=oversight.ACT_REVIEW,
        call_id="c-4",
        finding_id=finding,
        standing=oversight.STANDING_UPHELD,
    )
    view.apply(oversight.Event(sequence=99, at=NOW, act=upheld))
    assert _agents(view.shown_calls(NOW)) == ["1003", "1004", "张伟", "1002"]
    assert view.calls["c-4"].standing(), "it stands, but somebody knows"
    upheld.standing = oversight.STANDING_DISMISSED
    view.apply(oversight.Event(sequence=100, at=NOW, act=upheld))
    assert _agents(view.shown_calls(NOW)) == ["1003", "张伟", "1004", "1002"]
    assert not view.calls["c-4"].standing()
    assert not view.findings["c-4", finding].stands


def test_what_a_person_took_note_of_no_longer_presses_until_there_is_more() -> None:
    view = _view()
    bad = view.calls["c-4"]
    bad.acknowledge(NOW - 5)
    assert _agents(view.shown_calls(NOW))[:2] == ["1003", "1004"]
    more = find(bad.change, "forbidden.pressure", "今天", "今天", (9, 10))
    view.apply(oversight.Event(sequence=99, at=NOW, finding=more))
    assert _agents(view.shown_calls(NOW))[0] == "1004"


async def test_rows_keep_their_places_while_somebody_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording = _floor()
    app = console("en", events=recording.events)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.press("down")
        before = _shown(app)
        worse = find(
            call("c-2", "1002", "", "*", LISTENED, 20), "collection.threat", "上门", "上门", (3, 4)
        )
        recording.add("finding", worse)
        new = call("c-5", "1005", "+86138****0005", "marketing.loan", UNHEARD, 5)
        recording.add("call", new)
        assert isinstance(app.source, Recorded)
        for event in recording.events[-2:]:
            app.source.bring(Received(NOW, event))
        app.drain()
        assert _shown(app) == [*before, "1005"], "nothing moves under the cursor"
        monkeypatch.setattr(painting, "_HELD_S", 0.0)
        app.repaint_floor(Area.EVERYTHING)
        assert _shown(app) == ["1004", "1002", "1003", "1005", "张伟"]


async def test_the_floor_is_filtered_as_one_types() -> None:
    app = console("en", events=_floor().events)
    found = {
        "1003": ["1003"],
        "zhangw": ["张伟"],
        "chenxi": ["张伟"],
        "0002": ["1002"],
        "zero-risk": ["1004"],
        "marketing.loan": ["1003", "张伟"],
        "not analysed": ["1003"],
        "nobody": [],
    }
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.press("slash", "z", "w")
        assert _shown(app) == ["张伟"]
        await pilot.press("escape")
        for typed, agents in found.items():
            await pilot.press("slash")
            app.query_one("#filter", Input).value = typed  # as one pastes it
            await pilot.pause()
            assert _shown(app) == agents, typed
            await pilot.press("escape")
            assert len(_shown(app)) == 4


def test_words_that_came_late_show_how_late() -> None:
    view = _view()
    begun = view.calls["c-1"].change.answered_at
    for number, late_s in enumerate((0.5, 1.5), 1):
        said = say("c-1", number, AGENT, number, number + 0.5, "好")
        at = begun + number + 0.5 + late_s
        view.apply(oversight.Event(sequence=98 + number, at=at, utterance=said))
    assert list(view.calls["c-1"].lags_s) == pytest.approx([0.5, 1.5], abs=0.01)


async def test_a_call_that_another_dialects_model_heard_says_so() -> None:
    recording = Recording()
    heard = call("c-1", "1001", "+86138****0001", "marketing.loan", LISTENED, 30)
    for each in heard.coverage:
        each.remarks.append("no-pool-for-yue")
    recording.add("call", heard)
    recording.add("live", oversight.Live())
    app = console("en", events=recording.events)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.press("down")
        await pilot.pause()
        head = app.screen.query_one("#call-head", Lines)
        shown = " ".join(head.render_line(at).text.strip() for at in range(head.size.height))
        assert "heard by another dialect's model (no-pool-for-yue)" in shown
        assert "lacks" not in shown
