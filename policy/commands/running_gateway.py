"""Owns asking a running gateway, over its service Gate, what a command would else work out from
rules and ledger by itself.

Called by `check` and `scrub`. A gateway that is not there is no error; who asks goes on alone.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import Any, Final

import click
import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from callwarden import transport
from callwarden.settings import Settings, split_address
from callwarden.v1 import gate_pb2 as wire
from callwarden.v1.gate_pb2_grpc import GateStub
from policy.dialling.decision import Decision
from policy.dialling.request import DialRequest
from policy.ledger import LedgerUnavailable
from policy.ruling_on_the_wire import call_message, decision_of, seconds

_KNOCK_S: Final = 0.5
_ANSWER_S: Final = 5.0
_SERVICE: Final = "callwarden.v1.Gate"


def listens(configured: Settings) -> bool:
    """Whether anybody listens where the gateway should: known within half a second."""
    try:
        socket.create_connection(split_address(configured.oversight.address), _KNOCK_S).close()
    except OSError:
        return False
    return True


def checked(configured: Settings, request: DialRequest, at: datetime) -> Decision | None:
    """The gateway's own dry run of `request`; None when no gateway answers, or it cannot decide.
    Raises click.UsageError for a question that it calls none."""
    return asyncio.run(_checked(configured, request, at)) if listens(configured) else None


async def serves(configured: Settings) -> bool:
    """Whether a gateway is there that can decide now."""
    if not listens(configured):
        return False
    asked = health_pb2.HealthCheckRequest(service=_SERVICE)
    async with transport.channel_to(configured.oversight.address, configured.tls) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await health.Check(asked, timeout=_ANSWER_S)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def scrubbed(
    configured: Settings, batches: AsyncIterator[wire.ScrubRequest]
) -> AsyncGenerator[wire.ScrubResponse, None]:
    """The gateway's answer to each batch, in their order. Raises LedgerUnavailable when it cannot
    go on, click.UsageError for a batch that it calls none."""
    async with transport.channel_to(configured.oversight.address, configured.tls) as channel:
        try:
            async for response in GateStub(channel).Scrub(batches):
                yield response
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                raise click.UsageError(str(error.details())) from None
            text = f"the gateway at {configured.oversight.address} stopped: {error.details()}"
            raise LedgerUnavailable(text) from None


async def _checked(configured: Settings, request: DialRequest, at: datetime) -> Decision | None:
    asked = wire.CheckRequest(call=call_message(request), at=seconds(at))
    async with transport.channel_to(configured.oversight.address, configured.tls) as channel:
        try:
            answer = await GateStub(channel).Check(asked, timeout=_ANSWER_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                raise click.UsageError(str(error.details())) from None
            return None
    return decision_of(answer.ruling)
