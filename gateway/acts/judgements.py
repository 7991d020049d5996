"""Owns what people decide about calls and what was found on them: reviews and appeals, customers to
be called no more, agents to be trained again, and the end of a live call.

Called by oversight. The one invariant: a finding that was dismissed lifts nothing: a suppression
behind it stays until somebody removes it with `callwarden suppress remove`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from callwarden.v1 import oversight_pb2 as oversight
from gateway.acts.desk import Desk
from gateway.acts.refused import Missing, NotAllowed, NotNow, NotThere, Refused, Unavailable
from policy.dialling import number as numbers
from policy.ledger import LedgerUnavailable
from policy.ledger.acts import (
    ActKind,
    NoSuchFinding,
    ReviewRefused,
    SamePerson,
    Standing,
)
from policy.people import Person

_log = structlog.get_logger(__name__)


class Judgements:
    """`hang_up` ends both channels of a call."""

    def __init__(self, desk: Desk, hang_up: Callable[[str], Awaitable[None]]) -> None:
        self._desk = desk
        self._hang_up = hang_up

    async def hang_up(self, person: Person, call_id: str) -> None:
        """Ends both channels of a live call."""
        desk = self._desk
        desk.allow(person, ActKind.HANG_UP)
        desk.live_call(person, call_id)
        act = await desk.record(desk.act(person, ActKind.HANG_UP, call_id=call_id))
        try:
            await self._hang_up(call_id)
        except KeyError:
            await desk.failed(act)
            raise NotThere("no such call is up") from None
        except Refused:
            await desk.failed(act)
            raise
        except Exception as error:  # the PBX side may fail in any way; the operator is told so
            _log.warning("hang up failed", call=call_id, kind=type(error).__name__)
            await desk.failed(act)
            text = "Asterisk did not hang up: see the health of asterisk-ari"
            raise Unavailable(text) from None

    async def review(
        self, person: Person, call_id: str, finding_id: str, standing: Standing | None, note: str
    ) -> None:
        """Upholds or dismisses a finding, appeals against that, or settles an appeal."""
        desk = self._desk
        desk.allow(person, ActKind.REVIEW)
        if standing is None or not finding_id:
            raise Missing("say which finding, and whether it is upheld, dismissed or appealed")
        if standing is Standing.APPEALED and not note.strip():
            raise Missing("an appeal says why: write the agent's reason into the note")
        await desk.known_call(person, call_id)
        act = desk.act(person, ActKind.REVIEW, call_id=call_id, finding_id=finding_id, note=note)
        reviewed = desk.ledger().acts.review(replace(act, standing=standing))
        try:
            await desk.recorded(reviewed)
        except NoSuchFinding:
            raise NotThere("there is no such finding") from None
        except SamePerson:
            raise NotAllowed(
                "another person settles an appeal than the one who reviewed or appealed"
            ) from None
        except ReviewRefused as refused:
            raise NotNow(str(refused)) from None

    async def suppress(self, person: Person, call_id: str, note: str) -> str:
        """No further calls to the customer of this call; returns the suppression's id."""
        desk = self._desk
        desk.allow(person, ActKind.SUPPRESS)
        call = await desk.known_call(person, call_id)
        if not call.number:
            raise Missing("no number is known of this call: use callwarden suppress add")
        act = await desk.record(desk.act(person, ActKind.SUPPRESS, call_id=call_id, note=note))
        suppressing = desk.ledger().suppress(
            call.number,
            source="manual",
            now=desk.now(),
            customer=call.customer,
            call_id=call_id,
            note=note.strip(),
        )
        try:
            suppression_id = await asyncio.wrap_future(suppressing)
        except LedgerUnavailable as error:
            raise Unavailable(f"the customer is not suppressed, try again: {error}") from None
        _log.info("suppressed", call=call_id, act=act.act_id)
        desk.floor.publish(
            oversight.SuppressionMade(
                suppression_id=suppression_id,
                number_masked=numbers.masked(call.number),
                source="manual",
                call_id=call_id,
            )
        )
        return suppression_id

    async def assign_retraining(
        self, person: Person, agent: str, call_id: str, finding_id: str, note: str
    ) -> None:
        """An agent is to be trained again, for a finding where there is one."""
        desk = self._desk
        desk.allow(person, ActKind.ASSIGN_RETRAINING)
        if not agent.strip():
            raise Missing("say which agent")
        if finding_id and not call_id:
            raise Missing("say of which call the finding is")
        if not person.sees(desk.team_of(agent)):
            raise NotThere("there is no such agent")
        if call_id:
            call = await desk.known_call(person, call_id)
            if call.agent != agent:
                raise Missing("this call is another agent's")
        if finding_id:
            found = await desk.read(lambda reader: reader.acts.has_finding(call_id, finding_id))
            if not found:
                raise NotThere("there is no such finding")
        act = desk.act(
            person,
            ActKind.ASSIGN_RETRAINING,
            call_id=call_id,
            finding_id=finding_id,
            subject=agent,
            note=note,
        )
        await desk.record(act)
