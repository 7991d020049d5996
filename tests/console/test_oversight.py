"""The console on a real gRPC Oversight server: it watches, loses it, comes back, and hangs up."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from textual.pilot import Pilot

from callwarden import transport
from callwarden.settings import Tls
from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1.oversight_pb2_grpc import (
    OversightServicer,
    add_OversightServicer_to_server,
)
from tests.console.sample_events import AGENT, NOW, WEALTH, ZONE, sample, say
from tui.app import DRAIN_S, Console
from tui.link import State
from tui.oversight import Kind, OversightStream, Refused
from tui.widgets.question import Question

# Methods of a service bear the names in the contract.
# ruff: noqa: N802

_BOUND_S = 15.0


class Gateway(OversightServicer):
    """Serves the sample as the present state, then what a test sends."""

    def __init__(self) -> None:
        self.watchers: list[asyncio.Queue[oversight.Event | None]] = []
        self.watches = 0
        self.sequence = 1000
        self.hung_up: list[tuple[str, str]] = []
        self.acts: list[Message] = []
        """What was asked of it, in the contract's words."""
        self.who = oversight.WhoAmIResponse(
            name="chen",
            role=oversight.ROLE_ADMIN,
            may=[act for act in oversight.Act.values() if act],
            extension="2001",
        )
        self.present_takes_s = 0.0
        """How long the last of the present state comes after the rest."""
        self.refuse_with: grpc.StatusCode | None = None
        self.past: dict[str, list[oversight.Event]] = {}
        self._server: grpc.aio.Server | None = None

    async def start(self, port: int = 0) -> int:
        self._server = transport.server()
        add_OversightServicer_to_server(self, self._server)
        bound = transport.serve_on(self._server, f"127.0.0.1:{port}", Tls())
        await self._server.start()
        return bound

    async def stop(self) -> None:
        assert self._server is not None
        await self._server.stop(0)
        self.watchers.clear()

    def send(self, event: oversight.Event, lost: int = 0) -> None:
        """Sends an event; `lost` more fell before it that nobody was sent."""
        self.sequence += 1 + lost
        event.sequence = self.sequence
        for watcher in self.watchers:
            watcher.put_nowait(event)

    def end_streams(self) -> None:
        for watcher in self.watchers:
            watcher.put_nowait(None)

    async def Watch(
        self, request: oversight.WatchRequest, context: object
    ) -> AsyncIterator[oversight.Event]:
        self.watches += 1
        queue: asyncio.Queue[oversight.Event | None] = asyncio.Queue()
        present = sample()
        present[-1].sequence = self.sequence
        self.watchers.append(queue)
        for event in present[:-1]:
            yield event
        await asyncio.sleep(self.present_takes_s)
        yield present[-1]
        while (fallen := await queue.get()) is not None:
            yield fallen
        self.watchers.remove(queue)

    async def HangUp(
        self, request: oversight.HangUpRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> oversight.HangUpResponse:
        if request.call_id != WEALTH.call_id:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such call is up")
        self.hung_up.append((request.call_id, request.operator))
        return oversight.HangUpResponse()

    async def WhoAmI(
        self, request: oversight.WhoAmIRequest, context: object
    ) -> oversight.WhoAmIResponse:
        return self.who

    async def PastCall(
        self, request: oversight.PastCallRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> AsyncIterator[oversight.Event]:
        if request.call_id not in self.past:
            await context.abort(grpc.StatusCode.NOT_FOUND, "the ledger has no such call")
        for event in self.past[request.call_id]:
            yield event

    async def ListenIn(
        self, request: oversight.ListenInRequest, context: object
    ) -> oversight.ListenInResponse:
        self.acts.append(request)
        link = "http://127.0.0.1:4578/listen/one-time" if request.browser else ""
        return oversight.ListenInResponse(listening_id="l-1", link=link)

    async def EndListenIn(
        self, request: oversight.EndListenInRequest, context: object
    ) -> oversight.EndListenInResponse:
        self.acts.append(request)
        return oversight.EndListenInResponse()

    async def Review(
        self, request: oversight.ReviewRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> oversight.ReviewResponse:
        if self.refuse_with:
            await context.abort(self.refuse_with, "the first reviewer cannot settle it")
        self.acts.append(request)
        return oversight.ReviewResponse()

    async def Suppress(
        self, request: oversight.SuppressRequest, context: object
    ) -> oversight.SuppressResponse:
        self.acts.append(request)
        return oversight.SuppressResponse(suppression_id="s-1")

    async def AssignRetraining(
        self, request: oversight.AssignRetrainingRequest, context: object
    ) -> oversight.AssignRetrainingResponse:
        self.acts.append(request)
        return oversight.AssignRetrainingResponse()

    async def ShadowRule(
        self, request: oversight.ShadowRuleRequest, context: object
    ) -> oversight.ShadowRuleResponse:
        self.acts.append(request)
        return oversight.ShadowRuleResponse()

    async def AcknowledgeAlert(
        self, request: oversight.AcknowledgeAlertRequest, context: object
    ) -> oversight.AcknowledgeAlertResponse:
        self.acts.append(request)
        return oversight.AcknowledgeAlertResponse()


@pytest.fixture
async def gateway() -> AsyncIterator[tuple[Gateway, int]]:
    serving = Gateway()
    port = await serving.start()
    yield serving, port
    await serving.stop()


def _console(stream: OversightStream, address: str) -> Console:
    return Console(stream, locale="en", operator="chen", address=address, zone=ZONE)


def _stream(channel: grpc.aio.Channel, silence_s: float = 10.0) -> OversightStream:
    return OversightStream(channel, backoff_s=(0.05, 0.1), silence_s=silence_s)


async def _until(pilot: Pilot[object], holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_BOUND_S):
        while not holds():
            await pilot.pause(0.02)


async def test_it_shows_the_present_state_then_what_happens(gateway: tuple[Gateway, int]) -> None:
    serving, port = gateway
    address = f"127.0.0.1:{port}"
    async with transport.channel_to(address, Tls()) as channel:
        app = _console(_stream(channel), address)
        async with app.run_test(size=(140, 40)) as pilot:
            await _until(pilot, lambda: app.link.state is State.LIVE)
            assert len(app.view.live_calls()) == 14
            await _until(pilot, lambda: bool(serving.watchers))
            spoken = say(WEALTH.call_id, 10, AGENT, 43.0, 47.5, "您放心，本金加利息一分都不会少。")
            serving.send(oversight.Event(at=NOW, utterance=spoken))
            words = app.view.calls[WEALTH.call_id].utterances
            await _until(pilot, lambda: words["agent-10"].final)


async def test_it_comes_back_by_itself_and_says_how_old_the_view_is(
    gateway: tuple[Gateway, int],
) -> None:
    serving, port = gateway
    address = f"127.0.0.1:{port}"
    async with transport.channel_to(address, Tls()) as channel:
        app = _console(_stream(channel), address)
        async with app.run_test(size=(140, 40)) as pilot:
            await _until(pilot, lambda: app.link.state is State.LIVE)
            await serving.stop()
            await _until(pilot, lambda: app.link.state is State.LOST)
            assert len(app.view.live_calls()) == 14, "the last view stays"
            assert "lost · view is" in app.export_screenshot().replace("&#160;", " ")
            await serving.start(port)
            await _until(pilot, lambda: app.link.state is State.LIVE)
            assert serving.watches >= 2


async def test_a_stream_that_says_nothing_is_taken_for_dead(gateway: tuple[Gateway, int]) -> None:
    serving, port = gateway
    address = f"127.0.0.1:{port}"
    async with transport.channel_to(address, Tls()) as channel:
        app = _console(_stream(channel, silence_s=0.2), address)
        async with app.run_test() as pilot:
            await _until(pilot, lambda: serving.watches >= 3)


async def test_a_gap_is_watched_anew(gateway: tuple[Gateway, int]) -> None:
    serving, port = gateway
    address = f"127.0.0.1:{port}"
    async with transport.channel_to(address, Tls()) as channel:
        app = _console(_stream(channel), address)
        async with app.run_test() as pilot:
            await _until(pilot, lambda: bool(serving.watchers))
            await _until(pilot, lambda: app.link.state is State.LIVE)
            health = oversight.HealthChanged(live_calls=14)
            serving.send(oversight.Event(at=NOW, health=health))
            serving.send(oversight.Event(at=NOW, health=health), lost=1)
            await _until(pilot, lambda: serving.watches == 2)
            await _until(pilot, lambda: app.link.state is State.LIVE and not app.view.missed)


async def test_a_present_state_that_takes_its_time_is_waited_for(
    gateway: tuple[Gateway, int],
) -> None:
    """A gap was seen before it, and must not be taken for one in it."""
    serving, port = gateway
    address = f"127.0.0.1:{port}"
    async with transport.channel_to(address, Tls()) as channel:
        app = _console(_stream(channel), address)
        async with app.run_test() as pilot:
            await _until(pilot, lambda: app.link.state is State.LIVE)
            serving.present_takes_s = 4 * DRAIN_S
            health = oversight.HealthChanged(live_calls=14)
            serving.send(oversight.Event(at=NOW, health=health), lost=1)
            await _until(pilot, lambda: bool(app.view.missed))
            await _until(pilot, lambda: not app.view.missed)
            assert serving.watches == 2


async def test_a_call_is_hung_up_once_confirmed(gateway: tuple[Gateway, int]) -> None:
    serving, port = gateway
    address = f"127.0.0.1:{port}"
    async with transport.channel_to(address, Tls()) as channel:
        app = _console(_stream(channel), address)
        async with app.run_test(size=(140, 40)) as pilot:
            await _until(pilot, lambda: app.link.state is State.LIVE)
            await pilot.press("x")
            await _until(pilot, lambda: isinstance(app.screen, Question))
            await pilot.press("n")
            await _until(pilot, lambda: not isinstance(app.screen, Question))
            assert serving.hung_up == []
            await pilot.press("x", "enter")
            await _until(pilot, lambda: not isinstance(app.screen, Question))
            assert serving.hung_up == [], "the safe answer has the focus"
            await pilot.press("x", "y")
            await _until(pilot, lambda: bool(serving.hung_up))
            assert serving.hung_up == [(WEALTH.call_id, "chen")]


async def test_a_hang_up_that_fails_says_why(gateway: tuple[Gateway, int]) -> None:
    serving, port = gateway
    async with transport.channel_to(f"127.0.0.1:{port}", Tls()) as channel:
        stream = _stream(channel)
        past = oversight.HangUpRequest(call_id="c-of-yesterday")
        with pytest.raises(Refused, match="no such call is up") as gone:
            await stream.ask(past, oversight.HangUpResponse)
        assert gone.value.kind is Kind.GONE
        await serving.stop()
        with pytest.raises(Refused) as lost:
            await stream.ask(past, oversight.HangUpResponse)
        assert lost.value.kind is Kind.AWAY
        await serving.start(port)


async def test_without_a_gateway_it_says_what_to_do() -> None:
    address = "127.0.0.1:9"
    async with transport.channel_to(address, Tls()) as channel:
        app = _console(_stream(channel), address)
        async with app.run_test(size=(140, 40)) as pilot:
            await _until(pilot, lambda: app.link.state is State.LOST)
            await pilot.pause()
            shown = app.export_screenshot().replace("&#160;", " ")
            assert "Is callwarden gateway run up at 127.0.0.1:9?" in shown
