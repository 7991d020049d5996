"""Owns the gRPC service `callwarden.v1.Gate`: the gate for diallers and for the commands.

Served by `gateway.oversight` on the operator API's port, with its health checks and reflection. The
one invariant: an ALLOW of Reserve is the gatekeeper's own; what could not be decided is UNAVAILABLE
and never an ALLOW.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

import grpc
import grpc.aio

from callwarden.v1 import gate_pb2 as wire
from callwarden.v1 import gate_pb2_grpc
from gateway.floor import Floor
from gateway.gate import question
from gateway.gate.answer import Answer, BadRequest
from gateway.gate.deciding_rulebook import DecidingRulebook
from gateway.gate.fail_closed import RulebookBroken
from gateway.gate.gatekeeper import Ruling
from policy.dialling import refusals
from policy.dialling.decision import Decision
from policy.dialling.request import DialRequest
from policy.dialling.rulebook import DiallingRulebook
from policy.dry_run import dry_run
from policy.ledger import Ledger, LedgerReader, LedgerUnavailable
from policy.ruling_on_the_wire import call_of, instant, ruling_message
from policy.scrubber import Scrubbing
from policy.scrubbing import scrubbed

SERVICE: Final = "callwarden.v1.Gate"
_UNDECIDED: Final = frozenset(
    {
        refusals.GATE_RULEBOOK_BROKEN,
        refusals.GATE_LEDGER_UNAVAILABLE,
        refusals.GATE_DEADLINE,
        refusals.GATE_FAILED,
    }
)
_LONGEST_DISPOSITION: Final = 64
_LONGEST_TALK_S: Final = 7 * 86_400.0

Context = grpc.aio.ServicerContext[Any, Any]


class GateAtHand(Protocol):
    """The gate as its service sees it, from the loop that gRPC lives in."""

    @property
    def rulebook(self) -> DecidingRulebook:
        """The one in force. Raises RulebookBroken."""

    @property
    def open_ledger(self) -> Ledger:
        """Raises LedgerUnavailable."""

    async def rule(self, request: DialRequest) -> Ruling:
        """As `Gatekeeper.rule`."""

    async def bad_request(self, wrong: BadRequest) -> Answer:
        """As `Gatekeeper.bad_request`."""


class GateServicer(gate_pb2_grpc.GateServicer):
    """`region` is the country of numbers without a prefix."""

    def __init__(
        self, gate: GateAtHand, floor: Floor, file: Path, key_file: Path, region: str
    ) -> None:
        self._gate = gate
        self._floor = floor
        self._file = file
        self._key_file = key_file
        self._region = region
        self._scrubbing = asyncio.Lock()

    async def Check(  # noqa: N802  # the name in the contract
        self, request: wire.CheckRequest, context: Context
    ) -> wire.CheckResponse:
        try:
            call = call_of(request.call, self._region)
            at = instant(request.at) or datetime.now(UTC)
        except ValueError as wrong:
            await _invalid(context, str(wrong))
        if not call.number:
            await _invalid(context, "number: empty")
        try:
            rulebook = self._gate.rulebook.dialling
            decision = await asyncio.to_thread(self._checked, call, rulebook, at)
        except (LedgerUnavailable, RulebookBroken) as error:
            await _unavailable(context, str(error))
        return wire.CheckResponse(ruling=ruling_message(decision))

    def _checked(self, call: DialRequest, rulebook: DiallingRulebook, at: datetime) -> Decision:
        with LedgerReader.open(self._file, self._key_file) as ledger:
            return dry_run(call, rulebook, ledger, at)

    async def Reserve(  # noqa: N802  # the name in the contract
        self, request: wire.ReserveRequest, context: Context
    ) -> wire.ReserveResponse:
        values = {field.name: value for field, value in request.call.ListFields()}
        values |= {"nonce": request.nonce, "linkedid": request.linkedid}
        try:
            call = question.request(values, self._region)
        except BadRequest as wrong:
            await self._gate.bad_request(wrong)
            await _invalid(context, str(wrong))
        ruling = await self._gate.rule(call)
        first = ruling.decision.reasons[0] if ruling.decision.reasons else None
        if not ruling.passes and first and first.rule in _UNDECIDED:
            await _unavailable(context, f"{first.rule}: {first.title.en}")
        return wire.ReserveResponse(
            ruling=ruling_message(ruling.decision),
            decision_id=ruling.decision_id,
            nonce=request.nonce,
        )

    async def Settle(  # noqa: N802  # the name in the contract
        self, request: wire.SettleRequest, context: Context
    ) -> wire.SettleResponse:
        if wrong := _not_settling(request):
            await _invalid(context, wrong)
        try:
            if not await asyncio.to_thread(self._reserved, request.nonce):
                text = "no attempt was reserved under this nonce"
                await context.abort(grpc.StatusCode.NOT_FOUND, text)
            now = datetime.now(UTC)
            settled = self._gate.open_ledger.settle(
                request.nonce,
                disposition=request.disposition,
                q850_cause=request.q850_cause,
                connected=request.connected,
                talk_seconds=request.talk_seconds,
                now=now,
            )
            await asyncio.wrap_future(settled)
        except LedgerUnavailable as error:
            await _unavailable(context, str(error))
        self._floor.ended(request.nonce, q850_cause=request.q850_cause, ended_at=now)
        return wire.SettleResponse()

    def _reserved(self, nonce: str) -> bool:
        with LedgerReader.open(self._file, self._key_file) as ledger:
            found = ledger.decision_by_nonce(nonce)
            return found is not None and found.decision.allowed

    async def Scrub(  # noqa: N802  # the name in the contract
        self, request_iterator: AsyncIterator[wire.ScrubRequest], context: Context
    ) -> AsyncIterator[wire.ScrubResponse]:
        try:
            async with self._scrubbing:
                by = Scrubbing(
                    self._gate.rulebook.dialling,
                    self._file,
                    self._key_file,
                    self._region,
                    datetime.now(UTC),
                )
                async with aclosing(scrubbed(request_iterator, by)) as responses:
                    async for response in responses:
                        yield response
        except ValueError as wrong:
            await _invalid(context, str(wrong))
        except (LedgerUnavailable, RulebookBroken) as error:
            await _unavailable(context, str(error))


def _not_settling(request: wire.SettleRequest) -> str:
    """What is wrong with it; empty when nothing is."""
    if not question.ALPHABETS["nonce"].fullmatch(request.nonce):
        return "nonce: missing, too long, or with characters it may not have"
    if len(request.disposition) > _LONGEST_DISPOSITION or not request.disposition.isprintable():
        return f"disposition: at most {_LONGEST_DISPOSITION} printable characters"
    if request.q850_cause > 127:
        return "q850_cause: 0 to 127"
    if not 0 <= request.talk_seconds <= _LONGEST_TALK_S:  # NaN is no such number either
        return "talk_seconds: from 0 to a week"
    return ""


async def _invalid(context: Context, wrong: str) -> NoReturn:
    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, wrong)


async def _unavailable(context: Context, why: str) -> NoReturn:
    await context.abort(grpc.StatusCode.UNAVAILABLE, why)
