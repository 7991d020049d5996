"""Owns the operator API: the gRPC service `callwarden.v1.Oversight` that the console lives on, and
the server for it and for `callwarden.v1.Gate`, with health checking and reflection.

Started by `gateway.run`. It knows who asks, shows what `watching` has for him, and passes on what
he does to the acts; it decides nothing. No call of the service is answered to whoever is not known.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc
import grpc.aio
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from callwarden import transport
from callwarden.settings import Tls
from callwarden.v1 import gate_pb2_grpc, oversight_pb2_grpc
from callwarden.v1 import oversight_pb2 as oversight
from gateway.acts.acts import Acts
from gateway.acts.messages import ACT, STANDING_OF
from gateway.acts.refused import NotThere, Refused, Unavailable
from gateway.callers import Callers, Unknown
from gateway.floor import Floor
from gateway.gate.service import SERVICE as GATE_SERVICE
from gateway.gate.service import GateServicer
from gateway.health import Health, HealthStatus
from gateway.watching import Watching
from policy.ledger import LedgerUnavailable
from policy.ledger.acts import ActKind
from policy.on_the_wire import identity_message
from policy.people import Person

SERVICE: Final = "callwarden.v1.Oversight"
GATE: Final = "callwarden.gate"
"""Health checking answers SERVING for this name while the gate can allow calls."""
_GRACE_S: Final = 0.5

Context = grpc.aio.ServicerContext[Any, Any]


# Methods of a service bear the names in the contract.
# ruff: noqa: N802


class Servicer(oversight_pb2_grpc.OversightServicer):
    def __init__(self, callers: Callers, watching: Watching, acts: Acts) -> None:
        self._callers = callers
        self._watching = watching
        self._acts = acts

    async def Watch(
        self, request: oversight.WatchRequest, context: Context
    ) -> AsyncIterator[oversight.Event]:
        async with self._asked(context) as person:
            same = self._callers.still(context, person)
            async for event in self._watching.events(person, request.history, same):
                yield event

    async def WhoAmI(
        self, request: oversight.WhoAmIRequest, context: Context
    ) -> oversight.WhoAmIResponse:
        async with self._asked(context) as person:
            return oversight.WhoAmIResponse(
                name=person.name,
                role=person.role.on_the_wire,
                teams=sorted(person.teams),
                may=[ACT[each] for each in ActKind if person.may(each)],
                extension=person.extension,
            )

    async def PastCall(
        self, request: oversight.PastCallRequest, context: Context
    ) -> AsyncIterator[oversight.Event]:
        async with self._asked(context) as person:
            try:
                told = await self._watching.past_call(person, request.call_id)
            except LedgerUnavailable as error:
                raise Unavailable(str(error)) from None
            if told is None:
                raise NotThere("the ledger has no such call")
            for event in told:
                yield event

    async def HangUp(
        self, request: oversight.HangUpRequest, context: Context
    ) -> oversight.HangUpResponse:
        async with self._asked(context, request.operator) as person:
            await self._acts.judgements.hang_up(person, request.call_id)
        return oversight.HangUpResponse()

    async def Review(
        self, request: oversight.ReviewRequest, context: Context
    ) -> oversight.ReviewResponse:
        async with self._asked(context) as person:
            await self._acts.judgements.review(
                person,
                request.call_id,
                request.finding_id,
                STANDING_OF.get(request.standing),
                request.note,
            )
        return oversight.ReviewResponse()

    async def Suppress(
        self, request: oversight.SuppressRequest, context: Context
    ) -> oversight.SuppressResponse:
        async with self._asked(context) as person:
            suppressing = self._acts.judgements.suppress(person, request.call_id, request.note)
            return oversight.SuppressResponse(suppression_id=await suppressing)

    async def AssignRetraining(
        self, request: oversight.AssignRetrainingRequest, context: Context
    ) -> oversight.AssignRetrainingResponse:
        async with self._asked(context) as person:
            await self._acts.judgements.assign_retraining(
                person, request.agent, request.call_id, request.finding_id, request.note
            )
        return oversight.AssignRetrainingResponse()

    async def ShadowRule(
        self, request: oversight.ShadowRuleRequest, context: Context
    ) -> oversight.ShadowRuleResponse:
        async with self._asked(context) as person:
            identity = await self._acts.rules.shadow(person, request.rule, request.note)
            return oversight.ShadowRuleResponse(rulebook=identity_message(identity))

    async def ListenIn(
        self, request: oversight.ListenInRequest, context: Context
    ) -> oversight.ListenInResponse:
        async with self._asked(context) as person:
            return await self._acts.listening_in.begin(person, request)

    async def EndListenIn(
        self, request: oversight.EndListenInRequest, context: Context
    ) -> oversight.EndListenInResponse:
        async with self._asked(context) as person:
            await self._acts.listening_in.end(person, request.listening_id)
        return oversight.EndListenInResponse()

    async def AcknowledgeAlert(
        self, request: oversight.AcknowledgeAlertRequest, context: Context
    ) -> oversight.AcknowledgeAlertResponse:
        async with self._asked(context) as person:
            await self._acts.alerts.acknowledge(person, request.alert_id)
        return oversight.AcknowledgeAlertResponse()

    @asynccontextmanager
    async def _asked(self, context: Context, claimed: str = "") -> AsyncIterator[Person]:
        """Who asks; what refuses him becomes the status of his call."""
        try:
            yield self._callers.who(context, claimed)
        except Unknown as unknown:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(unknown))
        except Refused as refused:
            await context.abort(refused.status, str(refused))


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
