"""Owns the gateway's connection to the recognizer, and the health part `recognizer`: asks it how it
is, and teaches it the rulebooks that calls are judged by.

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
from gateway.judging import Digests, Judging
from policy.ledger import LedgerUnavailable

_EVERY_S: Final = 2.0
_CHANGES_SEEN_S: Final = 0.2
_LEARN_S: Final = 20.0
_ANSWER_S: Final = 2.0
_BEHIND_S: Final = 2.0
"""Audio waiting on a worker beyond this is told: findings come late."""
_AWAY: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class RecognizerLink:
    """One channel for all calls. Raises ProblemsFound as `channel_to` does. Close it."""

    def __init__(self, settings: Settings, health: Health, judging: Judging) -> None:
        address = settings.recognizer.address
        self._health = health
        self._judging = judging
        self._taught = Digests()
        self._channel = channel_to(address, settings.tls)
        self._unreachable = (
            f"recognizer unreachable at {address}: start it with `callwarden recognizer run`, "
            "or set recognizer.address"
        )
        self.stub = RecognitionStub(self._channel)
        self.cause = "the recognizer has not answered yet"
        """Why nothing can be analysed and what to do; empty while it can."""

    @property
    def digests(self) -> Digests:
        """The rulebooks that a call which begins now is judged by."""
        return self._judging.digests

    async def watch(self) -> None:
        """Asks the recognizer how it is every 2 s, and when another rulebook was activated, until
        cancelled."""
        while True:
            await self._look()
            for _ in range(int(_EVERY_S / _CHANGES_SEEN_S)):
                await asyncio.sleep(_CHANGES_SEEN_S)
                if self._taught != self._judging.digests:
                    break

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
        self._health.recognizer_rulebook = state.rulebook
        told = await self._teach(state)
        if not told and state.workers_alive < state.workers:
            told = f"{state.workers_alive} of {state.workers} workers alive; it starts new ones"
        elif not told and state.lag_s > _BEHIND_S:
            told = f"{state.lag_s:.0f} s behind: raise recognizer.workers, or use a faster box"
        self._health.set("recognizer", HealthStatus.DEGRADED if told else HealthStatus.OK, told)

    async def _teach(self, state: recognition.DescribeResponse) -> str:
        """Why it could not be taught what calls are judged by; empty when it knows."""
        digests = self._judging.digests
        known = {"", state.rulebook.digest, *state.learnt}
        for digest in digests:
            if digest in known:
                continue
            try:
                lesson = await self._judging.lesson(digest)
                await self.stub.LearnRulebook(lesson, timeout=_LEARN_S)
            except (LedgerUnavailable, ValueError) as error:
                return f"the recognizer cannot be told the rulebook in force: {error}"
            except grpc.aio.AioRpcError as error:
                code = error.code().name
                return f"the recognizer refuses rulebook {digest[:12]} ({code}): see its log"
        self._taught = digests
        return ""

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
        if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
            return "the recognizer is being told the rulebook in force"
        return f"the recognizer answered {error.code().name}; see its log"

    async def close(self) -> None:
        await self._channel.close()
