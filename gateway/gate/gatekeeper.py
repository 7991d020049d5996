"""Owns the decision on one call: emergency first, then the rulebook in force over the ledger's
facts, within the gate's deadline.

Asked by every way in: FastAGI, HTTP and gRPC. The one invariant: an ALLOW is answered only for a
decision whose reservation the ledger has committed (emergency numbers apart); everything else goes
through `fail_closed.refuse`.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import structlog

from callwarden.v1 import oversight_pb2 as oversight
from gateway.floor import Floor, LiveCall
from gateway.gate.answer import Answer, BadRequest
from gateway.gate.arrivals import Arrivals
from gateway.gate.deciding_rulebook import DecidingRulebook
from gateway.gate.fail_closed import RulebookBroken, refuse
from gateway.gate.ledger_at_hand import LedgerAtHand
from gateway.gate.rulebook_in_force import RulebookInForce
from gateway.gate.tally import Tally
from gateway.metrics import Metrics
from policy.dialling import number as numbers
from policy.dialling import refusals
from policy.dialling.decision import Decision, Verdict
from policy.dialling.evaluate import evaluate
from policy.dialling.facts import Facts
from policy.dialling.request import DialRequest
from policy.identity import RulebookIdentity
from policy.ledger import Decided, LedgerUnavailable
from policy.on_the_wire import identity_message
from policy.ruling_on_the_wire import reason_message

_log = structlog.get_logger(__name__)


class Announced(Protocol):
    """Where decisions are told; a `Floor`, or the way to one in another thread."""

    def tell(self, what: Callable[[Floor], None]) -> None: ...


class Ruling(NamedTuple):
    """What follows from a question. `passes`: the call may be placed, now; nothing else says so.
    `decision_id` is empty where the ledger was not waited for."""

    passes: bool
    decision: Decision
    decision_id: str = ""

    def answer(self, nonce: str) -> Answer:
        """To the dialplan that asked under `nonce`."""
        if self.passes:
            emergency = self.decision.reasons[0].rule if self.decision.reasons else ""
            return Answer(True, nonce, emergency, 0)
        first = self.decision.reasons[0]
        return Answer(False, nonce, first.rule, first.cause)


class Gatekeeper:
    """Implements `gateway.gate.fastagi.Gate`."""

    def __init__(
        self,
        *,
        deadline_ms: int,
        rulebook: RulebookInForce,
        ledger: LedgerAtHand,
        floor: Announced,
        metrics: Metrics,
        tally: Tally,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._deadline_s = deadline_ms / 1000
        self._rulebook = rulebook
        self._ledger = ledger
        self._floor = floor
        self._metrics = metrics
        self._tally = tally
        self._now = now
        self._arrivals = Arrivals()
        self._recording: set[asyncio.Task[None]] = set()

    async def decide(self, request: DialRequest) -> Answer:
        """The answer to one question, durable if it is ALLOW. Never raises."""
        return (await self.rule(request)).answer(request.nonce)

    async def rule(self, request: DialRequest) -> Ruling:
        """The same with every reason."""
        began, now = time.perf_counter(), self._now()
        try:
            canonical = numbers.canonical(request.number, request.region)
            if canonical != request.number:
                request = replace(request, number=canonical)
            if numbers.is_emergency(request.number, request.region):
                reason = refusals.built_in(refusals.ALWAYS_ALLOWED_EMERGENCY)
                passed = Decision(Verdict.ALLOW, (reason,), now, self._identity())
                self._record_later(request, passed, now, began)
                return Ruling(True, passed)
            async with asyncio.timeout(self._deadline_s):
                decided = await self._reserve(request, now)
            if decided.decision.verdict is Verdict.ALLOW and decided.attempt_id:
                self._floor.tell(lambda floor: floor.allowed(_live(request, decided, now)))
                self._publish(request, decided.decision, decided.decision_id, began)
                return Ruling(True, decided.decision, decided.decision_id)
            refused = refuse(decided.decision, self._identity())
            self._publish(request, refused, decided.decision_id, began)
            return Ruling(False, refused, decided.decision_id)
        except Exception as error:  # the gate fails closed, whatever failed
            return Ruling(False, self._failed(request, error, now, began))

    def bad_request(self, wrong: BadRequest) -> Answer:
        """The answer to what was no question. Nothing of it is repeated but a nonce of ours."""
        began = time.perf_counter()
        _log.warning("bad request", wrong=str(wrong), nonce=wrong.nonce)
        refused = refuse(wrong, self._identity())
        self._publish(DialRequest(wrong.nonce, ""), refused, "", began)
        return Ruling(False, refused).answer(wrong.nonce)

    async def recorded(self) -> None:
        """Waits until what is recorded beside the answers is recorded, or has failed to be."""
        await asyncio.gather(*self._recording, return_exceptions=True)

    async def _reserve(self, request: DialRequest, now: datetime) -> Decided:
        rulebook, shadow = self._rulebook.current, self._rulebook.shadow
        known: list[Facts] = []

        def judge(facts: Facts) -> Decision:
            if shadow is not None:
                known.append(facts)
            return evaluate(request, facts, rulebook.dialling, now)

        decided = await self._arrivals.of(self._ledger.current.decide(request, judge, now))
        self._ledger.succeeded()
        if shadow is not None:
            self._later(self._ask_shadow(shadow, request, known[-1], decided.decision_id, now))
        return decided

    async def _ask_shadow(
        self,
        shadow: DecidingRulebook,
        request: DialRequest,
        facts: Facts,
        decision_id: str,
        now: datetime,
    ) -> None:
        """Records what the rulebook in shadow says of the same facts, beside the answer."""
        try:
            decision = evaluate(request, facts, shadow.dialling, now)
            recorded = self._ledger.current.record_shadow(decision_id, decision, now)
            await asyncio.wrap_future(recorded)
        except Exception as error:  # whatever it is, nobody obeys a shadow: the call is decided
            _log.warning("shadow not asked", kind=type(error).__name__, nonce=request.nonce)

    def _failed(
        self, request: DialRequest, error: Exception, now: datetime, began: float
    ) -> Decision:
        refused = refuse(error, self._identity())
        if isinstance(error, LedgerUnavailable):
            self._ledger.failed(error)
            self._metrics.ledger_error()
            self._publish(request, refused, "", began)
        else:
            if not isinstance(error, RulebookBroken | TimeoutError):
                _log.error("gate failure", kind=type(error).__name__, nonce=request.nonce)
            self._record_later(request, refused, now, began)
        return refused

    def _record_later(
        self, request: DialRequest, decision: Decision, now: datetime, began: float
    ) -> None:
        """Records a decision that needed no facts, as well as can be, after its answer."""
        self._later(self._record(request, decision, now, began))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._recording.add(task)
        task.add_done_callback(self._recording.discard)

    async def _record(
        self, request: DialRequest, decision: Decision, now: datetime, began: float
    ) -> None:
        decision_id = ""
        elapsed_ms = _ms_since(began)
        try:
            ledger = self._ledger.current
            decision_id = await asyncio.wrap_future(ledger.record_decision(request, decision, now))
        except LedgerUnavailable as error:
            self._metrics.ledger_error()
            _log.warning("decision not recorded", why=str(error), nonce=request.nonce)
        self._publish(request, decision, decision_id, began, elapsed_ms)

    def _publish(
        self,
        request: DialRequest,
        decision: Decision,
        decision_id: str,
        began: float,
        elapsed_ms: float | None = None,
    ) -> None:
        """Counts and shows the decision, after its answer: none of it may keep a call waiting."""
        took_ms = _ms_since(began) if elapsed_ms is None else elapsed_ms

        def published(floor: Floor) -> None:
            rule = decision.reasons[0].rule if decision.reasons else ""
            self._tally.made(
                allowed=decision.allowed,
                elapsed_ms=took_ms,
                rules=(each.rule for each in decision.reasons),
            )
            self._metrics.decided(verdict=decision.verdict.value, rule=rule, seconds=took_ms / 1000)
            floor.publish_as(
                oversight.DecisionMade,
                lambda: decision_made(request, decision, decision_id, took_ms),
            )

        self._floor.tell(published)

    def _identity(self) -> RulebookIdentity:
        try:
            return self._rulebook.current.identity
        except RulebookBroken:
            return refusals.NO_RULEBOOK


def decision_made(
    request: DialRequest, decision: Decision, decision_id: str, elapsed_ms: float
) -> oversight.DecisionMade:
    """A decision as it is published: every reason, the number masked."""
    return oversight.DecisionMade(
        decision_id=decision_id,
        verdict=oversight.VERDICT_ALLOW if decision.allowed else oversight.VERDICT_DENY,
        reasons=map(reason_message, decision.reasons),
        earliest=0.0 if decision.allowed else _epoch(decision.earliest),
        number_masked=numbers.masked(request.number),
        agent=request.agent,
        scene=request.scene,
        rulebook=identity_message(decision.rulebook),
        elapsed_ms=elapsed_ms,
    )


def _live(request: DialRequest, decided: Decided, now: datetime) -> LiveCall:
    return LiveCall(
        call_id=request.nonce,
        number=request.number,
        number_masked=numbers.masked(request.number),
        agent=request.agent,
        scene=request.scene,
        customer=request.customer,
        linkedid=request.linkedid,
        decision_id=decided.decision_id,
        started_at=now,
        product=request.product,
        campaign=request.campaign,
    )


def _epoch(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
