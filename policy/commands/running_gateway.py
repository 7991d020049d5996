"""Owns asking a running gateway, over its service Gate, what a command would else work out from
rules and ledger by itself.

Called by `check` and `scrub`. A gateway that is not there is no error; who asks goes on alone.
"""

import asyncio
import socket
from datetime import datetime
from typing import Final

import click

from callwarden.settings import Settings, split_address
from policy.dialling.decision import Decision
from policy.dialling.request import DialRequest

_KNOCK_S: Final = 0.5
_ANSWER_S: Final = 5.0


def listens(configured: Settings) -> bool:
    """Whether anybody listens where the gateway should: known within half a second, without
    loading gRPC."""
    try:
        socket.create_connection(split_address(configured.oversight.address), _KNOCK_S).close()
    except OSError:
        return False
    return True


def checked(configured: Settings, request: DialRequest, at: datetime) -> Decision | None:
    """The gateway's own dry run of `request`; None when no gateway answers, or it cannot decide.
    Raises click.UsageError for a question that it calls none."""
    return asyncio.run(_checked(configured, request, at)) if listens(configured) else None


async def _checked(configured: Settings, request: DialRequest, at: datetime) -> Decision | None:
    import grpc

    from callwarden import transport
    from callwarden.v1 import gate_pb2 as wire
    from callwarden.v1.gate_pb2_grpc import GateStub
    from policy.ruling_on_the_wire import call_message, decision_of, seconds

    asked = wire.CheckRequest(call=call_message(request), at=seconds(at))
    async with transport.channel_to(configured.oversight.address, configured.tls) as channel:
        try:
            answer = await GateStub(channel).Check(asked, timeout=_ANSWER_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                raise click.UsageError(str(error.details())) from None
            return None
    return decision_of(answer.ruling)
