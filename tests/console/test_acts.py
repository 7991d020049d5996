"""What a person does from the console reaches a real gRPC gateway, asked first, and what is refused
is said with what to do."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import grpc
import pytest
from google.protobuf.message import Message
from textual.pilot import Pilot

from callwarden import transport
from callwarden.settings import Tls
from callwarden.v1 import oversight_pb2 as oversight
from tests.console.recorded import Recorded, console
from tests.console.sample_events import WEALTH, ZONE
from tests.console.test_oversight import Gateway
from tui.app import Console
from tui.link import State
from tui.oversight import OversightStream
from tui.widgets.question import Question

_BOUND_S = 15.0


class Floor:
    """A console on a gateway, and what its person presses."""

    def __init__(self, app: Console, pilot: Pilot[object], serving: Gateway) -> None:
        self.app = app
        self.pilot = pilot
        self.serving = serving

    async def press(self, *keys: str) -> None:
        """Each key once the screen has settled: a dialog opens in a worker."""
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()
            await self.pilot.pause()

    async def asked(self) -> str:
        """The dialog that is open, as text."""
        async with asyncio.timeout(_BOUND_S):
            while not isinstance(self.app.screen, Question):
                await self.pilot.pause(0.02)
        return self.shown()

    def shown(self) -> str:
        return self.app.export_screenshot().replace("&#160;", " ")

    def told(self) -> list[str]:
        return [each.message for each in self.app._notifications]

    async def done(self, said: str) -> None:
        """Until the console says so."""
        async with asyncio.timeout(_BOUND_S):
            while not any(said in each for each in self.told()):
                await self.pilot.pause(0.02)

    def requests(self) -> Sequence[Message]:
        return self.serving.acts


@pytest.fixture
async def floor() -> AsyncIterator[Floor]:
    serving = Gateway()
    port = await serving.start()
    address = f"127.0.0.1:{port}"
    async with transport.channel_to(address, Tls()) as channel:
        stream = OversightStream(channel, backoff_s=(0.05, 0.1))
        app = Console(stream, locale="en", operator="chen", address=address, zone=ZONE)
        async with app.run_test(size=(140, 40)) as pilot:
            async with asyncio.timeout(_BOUND_S):
                while app.link.state is not State.LIVE or app.acting.who is None:
                    await pilot.pause(0.02)
            yield Floor(app, pilot, serving)
    await serving.stop()


async def test_who_sits_here_stands_on_top(floor: Floor) -> None:
    await floor.press("r")
    assert "chen·admin" in floor.shown()


async def test_listening_in_rings_the_own_extension_and_can_be_ended(floor: Floor) -> None:
    await floor.press("i")
    assert "Your extension 2001 rings" in await floor.asked()
    await floor.press("enter", "enter")
    await floor.done("Your extension rings; pick up to hear 1007.")
    (request,) = floor.requests()
    assert request == oversight.ListenInRequest(
        call_id=WEALTH.call_id, mode=oversight.LISTEN_IN_MODE_LISTEN
    )
    await floor.pilot.pause(1.1)
    assert "listening in on 1007" in floor.shown()
    await floor.press("e")
    await floor.done("You no longer listen in.")
    assert floor.requests()[-1] == oversight.EndListenInRequest(listening_id="l-1")
    await floor.press("e")
    await floor.done("You listen in on no call.")


async def test_a_whisper_goes_to_the_extension_that_was_written(floor: Floor) -> None:
    await floor.press("i")
    await floor.asked()
    await floor.press("3", "0", "0", "7", "enter", "w")
    await floor.done("Your extension rings")
    (request,) = floor.requests()
    assert request == oversight.ListenInRequest(
        call_id=WEALTH.call_id, mode=oversight.LISTEN_IN_MODE_WHISPER, extension="3007"
    )


async def test_a_browser_link_is_shown_and_copied(floor: Floor) -> None:
    await floor.press("i")
    await floor.asked()
    await floor.press("enter", "k")
    async with asyncio.timeout(_BOUND_S):
        while "http://127.0.0.1:4578/listen/one-time" not in floor.shown():
            await floor.pilot.pause(0.02)
    assert floor.app.clipboard == "http://127.0.0.1:4578/listen/one-time"
    (request,) = floor.requests()
    assert isinstance(request, oversight.ListenInRequest)
    assert request.browser


async def test_a_finding_is_dismissed_with_a_note_and_not_without(floor: Floor) -> None:
    await floor.press("3", "v")
    assert "It stands as: not reviewed." in await floor.asked()
    await floor.press("enter", "d")
    assert isinstance(floor.app.screen, Question), "a review without a note is none"
    await floor.press("o", "k", "enter", "d")
    await floor.done("On record: dismissed.")
    (request,) = floor.requests()
    assert isinstance(request, oversight.ReviewRequest)
    assert (request.standing, request.note) == (oversight.STANDING_DISMISSED, "ok")
    assert request.finding_id


async def test_of_several_findings_on_a_call_the_one_chosen_is_reviewed(floor: Floor) -> None:
    await floor.press("v")
    assert "Several findings on this call: which one?" in await floor.asked()
    await floor.press("2")
    assert "It stands as" in await floor.asked()
    await floor.press("y", "enter", "u")
    await floor.done("On record: upheld.")
    (request,) = floor.requests()
    assert isinstance(request, oversight.ReviewRequest)
    findings = sorted(
        floor.app.view.calls[WEALTH.call_id].findings.values(), key=lambda each: -each.weight
    )
    assert request.finding_id == findings[1].finding.finding_id


async def test_a_customer_is_suppressed_once_confirmed(floor: Floor) -> None:
    await floor.press("s")
    assert "Put +86138****8000 on the do-not-call list?" in await floor.asked()
    await floor.press("escape", "s")
    assert not floor.requests()
    await floor.asked()
    await floor.press("enter", "y")
    await floor.done("+86138****8000 is on the do-not-call list.")
    assert floor.requests() == [oversight.SuppressRequest(call_id=WEALTH.call_id)]


async def test_retraining_is_assigned_with_the_finding_behind_it(floor: Floor) -> None:
    await floor.press("3", "g")
    asked = await floor.asked()
    await floor.press("enter", "y")
    await floor.done("Retraining assigned to")
    (request,) = floor.requests()
    assert isinstance(request, oversight.AssignRetrainingRequest)
    assert request.agent in asked
    assert request.finding_id


async def test_a_rule_is_switched_to_shadow(floor: Floor) -> None:
    await floor.press("3", "w")
    assert "only records" in await floor.asked()
    await floor.press("enter", "y")
    await floor.done("is in shadow now")
    (request,) = floor.requests()
    assert isinstance(request, oversight.ShadowRuleRequest)
    assert request.rule == "refusal.explicit"


async def test_the_worst_open_alert_is_acknowledged_from_anywhere(floor: Floor) -> None:
    await floor.press("a")
    await floor.done("Acknowledged: Promises a return")
    await floor.press("5", "down", "a")
    await floor.done("Acknowledged: Threatens the debtor")
    assert floor.requests() == [
        oversight.AcknowledgeAlertRequest(alert_id="a-75"),
        oversight.AcknowledgeAlertRequest(alert_id="a-73"),
    ]


_SAID = {
    grpc.StatusCode.PERMISSION_DENIED: "Ask somebody who may, or change oversight.people.",
    grpc.StatusCode.UNAUTHENTICATED: "Look at oversight.token_file",
    grpc.StatusCode.UNAVAILABLE: "See in Health which part is not well",
    grpc.StatusCode.NOT_FOUND: "it is no longer there",
    grpc.StatusCode.INVALID_ARGUMENT: "Mend that and try again.",
    grpc.StatusCode.UNIMPLEMENTED: "upgrade it",
}


async def test_what_is_refused_is_said_with_what_to_do(floor: Floor) -> None:
    await floor.press("3")
    for status, said in _SAID.items():
        floor.serving.refuse_with = status
        await floor.press("v")
        await floor.asked()
        await floor.press("n", "enter", "u")
        await floor.done(said)
    assert not floor.requests()


async def test_what_the_role_may_not_is_greyed_with_the_reason_and_not_asked() -> None:
    app = console("en")
    source = app.source
    assert isinstance(source, Recorded)
    source.who = oversight.WhoAmIResponse(name="li", role=oversight.ROLE_OPERATOR)
    async with app.run_test(size=(140, 46)) as pilot:
        for key in ("x", "v", "s", "w", "i", "a"):
            await pilot.press(key)
        await pilot.pause()
        assert not isinstance(app.screen, Question)
        told = [each.message for each in app._notifications]  # as above
        assert len(told) == 6
        assert all("li (operator) may not do this" in each for each in told)
        commands = {each.title: each.help for each in app.get_system_commands(app.screen)}
        assert "oversight.people says who may" in commands["∅ Hang up  (x)"]
        assert "Findings  (3)" in commands
        assert source.asked == []


async def test_the_call_behind_an_alert_or_a_suppression_opens_with_enter() -> None:
    app = console("en")
    async with app.run_test(size=(140, 46)) as pilot:
        await pilot.press("5", "down", "enter")
        await pilot.pause()
        assert app.pane == "floor"
        assert app.target().agent == "1012"
        await pilot.press("escape", "4", "enter")
        await pilot.pause()
        assert app.target().agent == "1019"
