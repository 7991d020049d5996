"""Owns the gateway's connection to the recognizer, and the health part `recognizer`.

`listening` opens its streams over it. The one invariant: while nothing can be analysed, `cause`
says why and what to do about it.
"""

import asyncio
from typing import Final

import grpc
import grpc.aio

from callwarden.settings import Settings
from callwarden.transport import channel_to
from callwarden.v1 import recognition_pb2 as recognition
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from gateway.health import Health, HealthStatus

_EVERY_S: Final = 2.0
_ANSWER_S: Final = 2.0
_BEHIND_S: Final = 2.0
"""Audio waiting on a worker beyond this is told: findings come late."""
_AWAY: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class RecognizerLink:
    """One channel for all calls. Raises ProblemsFound as `channel_to` does. Close it."""

    def __init__(self, settings: Settings, health: Health) -> None:
        address = settings.recognizer.address
        self._health = health
        self._channel = channel_to(address, settings.tls)
        self._unreachable = (
            f"recognizer unreachable at {address}: start it with `callwarden recognizer run`, "
            "or set recognizer.address"
        )
        self.stub = RecognitionStub(self._channel)
        self.cause = "the recognizer has not answered yet"
        """Why nothing can be analysed and what to do; empty while it can."""

    async def watch(self) -> None:
        """Asks the recognizer how it is every 2 s, until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(_EVERY_S)

    async def _look(self) -> None:
        try:
            state = await self.stub.Describe(recognition.DescribeRequest(), timeout=_ANSWER_S)
        except grpc.aio.AioRpcError as error:
            away = error.code() in _AWAY
            self._down(self._unreachable if away else self.why(error))
            return
        if not state.model:
            self._down(state.missing or "the recognizer has no model: `callwarden models pull`")
            return
        self.cause = ""
        self._health.model = state.model
        told = ""
        if state.workers_alive < state.workers:
            told = f"{state.workers_alive} of {state.workers} workers alive; it starts new ones"
        elif state.lag_s > _BEHIND_S:
            told = f"{state.lag_s:.0f} s behind: raise recognizer.workers, or use a faster box"
        self._health.set("recognizer", HealthStatus.DEGRADED if told else HealthStatus.OK, told)

    def _down(self, cause: str) -> None:
        self.cause = cause
        self._health.model = ""
        self._health.set("recognizer", HealthStatus.DOWN, cause)

    def why(self, error: grpc.aio.AioRpcError) -> str:
        """What a stream that failed means to a person."""
        if error.code() in _AWAY:
            return self.cause or self._unreachable
        if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
            return "the recognizer is full: raise recognizer.workers, or use a faster box"
        return f"the recognizer answered {error.code().name}; see its log"

    async def close(self) -> None:
        await self._channel.close()
