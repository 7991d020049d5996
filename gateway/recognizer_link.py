"""Owns the gateway's connection to one recognizer: asks it how it is, and teaches it the rulebooks
that calls are judged by.

Kept by `recognizers`, which chooses one for each call; `listening` opens its streams over it. The
one invariant: while nothing can be analysed there, `cause` says why and what to do about it.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import grpc
import grpc.aio

from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1 import recognition_pb2 as recognition
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from gateway.health import HealthStatus
from gateway.judging import Digests, Judging
from policy.ledger import LedgerUnavailable

_LEARN_S: Final = 20.0
_ANSWER_S: Final = 2.0
_BEHIND_S: Final = 2.0
"""Audio waiting on a worker beyond this is told: findings come late."""
_MISTRUSTED_S: Final = 4.0
"""How long no call is sent to who refused one or hung, while another can be had: it is asked how it
is within this time."""
_UNANSWERED: Final = "the recognizer has not answered yet"
_AWAY: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


@dataclass(frozen=True, order=True)
class Standing:
    """How well a recognizer would serve another call; the least is the best."""

    doubts: int
    """0: it serves; 1: it was not asked yet; 2: it refused one lately, hung, or does not know the
    rulebook; 3: it ends; 4: it is away, or has no model."""
    load: float


class RecognizerLink:
    """One channel for all calls that go there. Close it."""

    def __init__(
        self, address: str, channel: grpc.aio.Channel, judging: Judging, named: str = ""
    ) -> None:
        """`named`: under which name the address was found, where it was."""
        self.address, self.named = address, named
        self._channel = channel
        self._judging = judging
        self._taught: Digests | None = None
        self._unreachable = (
            f"recognizer unreachable at {address}: start it with `callwarden recognizer run`, "
            "or set recognizer.address"
        )
        self.stub = RecognitionStub(channel)
        self.state = recognition.DescribeResponse()
        """As it last described itself; empty while it is away."""
        self.cause = _UNANSWERED
        """Why nothing can be analysed there and what to do; empty while it can."""
        self.told = ""
        """What is not well with it while it serves."""
        self.carried = 0
        """Calls of this gateway that are there."""
        self._carried_when_asked = 0
        self._mistrusted_until = 0.0

    @property
    def knows_what_judges(self) -> bool:
        return self._taught == self._judging.digests

    @property
    def standing(self) -> Standing:
        return Standing(self._doubts, self._load)

    @property
    def _doubts(self) -> int:
        if self.cause:
            return 1 if self.cause == _UNANSWERED else 4
        if self.state.draining:
            return 3
        mistrusted = time.monotonic() < self._mistrusted_until
        return 2 if mistrusted or not self.knows_what_judges else 0

    @property
    def _load(self) -> float:
        """Calls for each that it takes, by its own measure, or else for each worker. Those that
        went there since it was asked count, so that a burst spreads."""
        calls = self.state.calls + self.carried - self._carried_when_asked
        return calls / (self.state.most_calls or 64 * self.state.workers or 64)

    @contextlib.contextmanager
    def carrying(self) -> Iterator[None]:
        """A call is there."""
        self.carried += 1
        try:
            yield
        finally:
            self.carried -= 1

    def mistrust(self) -> None:
        """It refused a call, or hangs: others are asked first for some seconds."""
        self._mistrusted_until = time.monotonic() + _MISTRUSTED_S

    async def look(self) -> None:
        """Asks it how it is, and teaches it what it has to know."""
        try:
            carried = self.carried
            state = await self.stub.Describe(recognition.DescribeRequest(), timeout=_ANSWER_S)
        except grpc.aio.AioRpcError as error:
            away = error.code() in _AWAY
            self._down(self._unreachable if away else self.why(error))
            return
        self.state, self._carried_when_asked = state, carried
        if not state.model:
            self._down(state.missing or "the recognizer has no model: `callwarden models pull`")
            return
        self.cause = ""
        self.told = await self._teach(state) or _not_well(state)

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
        self.cause, self.told, self._taught = cause, "", None
        self.state = recognition.DescribeResponse()

    @property
    def status(self) -> HealthStatus:
        if self.cause:
            return HealthStatus.DOWN
        return HealthStatus.DEGRADED if self.told else HealthStatus.OK

    def health(self) -> oversight.RecognizerHealth:
        return oversight.RecognizerHealth(
            address=self.address,
            status=self.status.value,
            message=self.cause or self.told,
            lag_s=self.state.lag_s,
            calls=self.state.calls,
            most_calls=self.state.most_calls,
            workers=self.state.workers,
            workers_alive=self.state.workers_alive,
            model=self.state.model,
            degraded=self.state.degraded,
        )

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


def _not_well(state: recognition.DescribeResponse) -> str:
    """Empty when all is well."""
    if state.draining:
        return "it ends when its calls are over, and takes no more"
    if state.workers_alive < state.workers:
        return f"{state.workers_alive} of {state.workers} workers alive; it starts new ones"
    if state.degraded:
        without = ", ".join(state.degraded)
        return f"words come late, calls go without {without}: use a faster box, or one more"
    if state.lag_s > _BEHIND_S:
        return f"{state.lag_s:.0f} s behind: raise recognizer.workers, or use a faster box"
    return ""
