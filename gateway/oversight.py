"""Owns the operator API: the gRPC service `callwarden.v1.Oversight` that the console lives on, and
the server for it and for `callwarden.v1.Gate`, with health checking and reflection.

Started by `gateway.run`. Oversight shows what the floor and the ledger have, masked, and passes a
hang-up on to the PBX; it decides nothing. Every event a watcher is sent bears the floor's sequence.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol

import grpc
import grpc.aio
import structlog
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from callwarden import transport
from callwarden.settings import Tls
from callwarden.v1 import gate_pb2_grpc, oversight_pb2_grpc
from callwarden.v1 import oversight_pb2 as oversight
from gateway.floor import CallState, Floor, LiveCall, Watcher
from gateway.gate.service import SERVICE as GATE_SERVICE
from gateway.gate.service import GateServicer
from gateway.health import Health, HealthStatus

SERVICE: Final = "callwarden.v1.Oversight"
GATE: Final = "callwarden.gate"
"""Health checking answers SERVING for this name while the gate can allow calls."""
_MOST_HISTORY: Final = 1000
_MOST_OF_A_CALL: Final = 200
"""Utterances, and as many findings, of a live call that a watcher begins with: half an hour's."""
_MOST_OF_ALL_CALLS: Final = 10_000
"""The same of all live calls, so that a watcher is live before what falls meanwhile is too much."""
_GRACE_S: Final = 0.5

_log = structlog.get_logger(__name__)


class History(Protocol):
    """What happened before: events of the ledger, oldest first. May block: it reads the disk."""

    def events(self, limit: int) -> Sequence[oversight.Event]:
        """The newest of each kind."""

    def of_call(self, call: LiveCall, limit: int) -> Sequence[oversight.Event]:
        """The newest final utterances and findings of one call."""


class Servicer(oversight_pb2_grpc.OversightServicer):
    """`history` is asked in a thread; `hang_up` ends both channels of a call."""

    def __init__(
        self,
        floor: Floor,
        health: Health,
        history: History,
        hang_up: Callable[[str], Awaitable[None]],
    ) -> None:
        self._floor = floor
        self._health = health
        self._history = history
        self._hang_up = hang_up

    async def Watch(  # noqa: N802  # the name in the contract
        self,
        request: oversight.WatchRequest,
        context: grpc.aio.ServicerContext[oversight.WatchRequest, oversight.Event],
    ) -> AsyncIterator[oversight.Event]:
        """The present state, `live`, then each event as it falls."""
        with self._floor.watch() as watcher:
            sequence = self._floor.sequence
            calls = self._floor.calls()
            present = [self._floor.event(call.changed()) for call in calls]
            duties = [self._floor.duties(call.call_id) for call in calls]
            present += [self._floor.event(each) for each in duties if each.duties]
            present.append(self._floor.event(self._health.changed()))
            limit = min(request.history, _MOST_HISTORY)
            for event in await self._past(watcher, self._history.events, limit):
                event.sequence = sequence
                yield event
            limit = min(_MOST_OF_A_CALL, _MOST_OF_ALL_CALLS // max(len(calls), 1))
            for call in calls:
                of_call = partial(self._history.of_call, call)
                for event in await self._past(watcher, of_call, limit):
                    event.sequence = sequence
                    yield event
            for event in present:
                yield event
            live = self._floor.event(oversight.Live())
            live.sequence = sequence
            yield live
            async for event in watcher:
                yield event

    async def _past(
        self, watcher: Watcher, ask: Callable[[int], Sequence[oversight.Event]], limit: int
    ) -> list[oversight.Event]:
        """What the ledger tells, without what the watcher is about to be told anyway."""
        past = await asyncio.to_thread(ask, limit)
        fallen_since = {_identity(event) for event in watcher.pending()}
        return [event for event in past if _identity(event) not in fallen_since]

    async def HangUp(  # noqa: N802  # the name in the contract
        self,
        request: oversight.HangUpRequest,
        context: grpc.aio.ServicerContext[oversight.HangUpRequest, oversight.HangUpResponse],
    ) -> oversight.HangUpResponse:
        call = self._floor.call(request.call_id)
        if call is None or call.state is CallState.ENDED:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such call is up")
        _log.info("hang up", call=request.call_id, operator=request.operator)
        try:
            await self._hang_up(request.call_id)
        except KeyError:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such call is up")
        except Exception as error:  # the PBX side may fail in any way; the operator is told so
            _log.warning("hang up failed", call=request.call_id, kind=type(error).__name__)
            text = "Asterisk did not hang up: see the health of asterisk-ari"
            await context.abort(grpc.StatusCode.UNAVAILABLE, text)
        return oversight.HangUpResponse()


def _identity(event: oversight.Event) -> tuple[str, ...] | None:
    """What makes a past event and a live one the same; None for those that have no past."""
    match event.WhichOneof("payload"):
        case "decision":
            return ("decision", event.decision.decision_id)
        case "finding":
            found = event.finding
            identity = (found.call_id, found.finding.finding_id, str(found.finding.status))
            return ("finding", *identity)
        case "utterance" if event.utterance.utterance.final:
            return ("utterance", event.utterance.call_id, event.utterance.utterance.utterance_id)
        case "suppression":
            return ("suppression", event.suppression.suppression_id)
        case "bypass":
            return ("bypass", event.bypass.bypass_id)
    return None


class OversightServer:
    """The gRPC server around both services."""

    def __init__(
        self, servicer: Servicer, gate: GateServicer, floor: Floor, health: Health
    ) -> None:
        self._floor = floor
        self._health = health
        self._server = transport.server()
        self._checks = grpc_health.aio.HealthServicer()
        oversight_pb2_grpc.add_OversightServicer_to_server(servicer, self._server)
        gate_pb2_grpc.add_GateServicer_to_server(gate, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._checks, self._server)
        names = (SERVICE, GATE_SERVICE, grpc_health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self._following: asyncio.Task[None] | None = None

    async def start(self, address: str, tls: Tls) -> int:
        """Serves and returns the port; 0 takes a free one. Raises ProblemsFound as
        `transport.serve_on` does, OSError when the port is taken."""
        port = transport.serve_on(self._server, address, tls)
        await self._server.start()
        for service in ("", SERVICE):
            await self._checks.set(service, health_pb2.HealthCheckResponse.SERVING)
        self._following = asyncio.get_running_loop().create_task(self._follow())
        return port

    async def close(self) -> None:
        if self._following:
            self._following.cancel()
        await self._checks.enter_graceful_shutdown()
        await self._server.stop(_GRACE_S)

    async def _follow(self) -> None:
        """Keeps the check of the gate what health says."""
        with self._floor.watch(only=oversight.HealthChanged) as watcher:
            await self._check_gate()
            async for _ in watcher:
                await self._check_gate()

    async def _check_gate(self) -> None:
        parts = (self._health.part(name) for name in ("gate", "ledger", "rulebook"))
        down = any(part.status is HealthStatus.DOWN for part in parts)
        serving = health_pb2.HealthCheckResponse
        for name in (GATE, GATE_SERVICE):
            await self._checks.set(name, serving.NOT_SERVING if down else serving.SERVING)
