"""Owns what every act has in common: whether this person may do it to that call, and its entry in
the ledger before anything is done.

Used by the acts beside it. The invariants: nobody acts on a call that he does not see; nothing is
done that could not be recorded; what was recorded and then failed is followed by a row that says
so.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import structlog

from gateway.acts.messages import act_done
from gateway.acts.refused import Missing, NotAllowed, NotThere, Unavailable
from gateway.floor import CallState, Floor, LiveCall
from policy.ledger import Ledger, LedgerReader, LedgerUnavailable
from policy.ledger.acts import ActKind, DoneAct, Outcome
from policy.people import Person

_log = structlog.get_logger(__name__)

MOST_NOTE = 2000
"""Characters of a note."""
Read = TypeVar("Read")


@dataclass(frozen=True)
class KnownCall:
    """A call that is up or in the ledger; `number` and `customer` empty where no decision is."""

    call_id: str
    agent: str
    number: str = field(default="", repr=False)
    customer: str = field(default="", repr=False)


class Desk:
    """`ledger` raises LedgerUnavailable while it is not open."""

    def __init__(
        self,
        floor: Floor,
        ledger: Callable[[], Ledger],
        files: tuple[Path, Path],
        team_of: Callable[[str], str] = lambda agent: "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.floor = floor
        self.team_of = team_of
        self.now = now
        self._ledger = ledger
        self._files = files

    def ledger(self) -> Ledger:
        """Raises Unavailable."""
        try:
            return self._ledger()
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from None

    def allow(self, person: Person, act: ActKind) -> None:
        """Raises NotAllowed."""
        if not person.may(act):
            raise NotAllowed(f"the role {person.role.value} may not do this")

    def live_call(self, person: Person, call_id: str) -> LiveCall:
        """A call that is up, and that this person sees. Raises NotThere."""
        call = self.floor.call(call_id)
        if call is None or call.state is CallState.ENDED or not person.sees(call.team):
            raise NotThere("no such call is up")
        return call

    async def known_call(self, person: Person, call_id: str) -> KnownCall:
        """A call that is up or over, and that this person sees. Raises NotThere, Unavailable."""
        live = self.floor.call(call_id)
        if live is not None:
            found: KnownCall | None = KnownCall(call_id, live.agent, live.number, live.customer)
        else:
            found = await self.read(lambda reader: _recorded(reader, call_id))
        if found is None or not person.sees(self.team_of(found.agent)):
            raise NotThere("there is no such call")
        return found

    async def read(self, ask: Callable[[LedgerReader], Read]) -> Read:
        """What the ledger answers, asked in a thread. Raises Unavailable."""

        def asked() -> Read:
            with LedgerReader.open(*self._files) as reader:
                return ask(reader)

        try:
            return await asyncio.to_thread(asked)
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from None

    async def record(self, act: DoneAct) -> DoneAct:
        """The act, on disk. Raises Unavailable, Missing."""
        return await self.recorded(self.ledger().acts.record(act))

    async def recorded(self, writing: Future[DoneAct]) -> DoneAct:
        """The act that is being written, once it is on disk and told. Raises Unavailable."""
        try:
            act = await asyncio.wrap_future(writing)
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from None
        _log.info("act", act=act.act.value, who=act.who, role=act.role, call=act.call_id)
        self.floor.publish(act_done(act))
        return act

    async def failed(self, act: DoneAct) -> None:
        """What was recorded could not be done, and the ledger is told. Raises Unavailable."""
        failed = replace(act, at=self.now(), outcome=Outcome.FAILED, standing=None, note="")
        try:
            await asyncio.wrap_future(self.ledger().acts.record(failed))
        except LedgerUnavailable as error:
            raise Unavailable(str(error)) from None

    def act(
        self,
        person: Person,
        kind: ActKind,
        *,
        call_id: str = "",
        finding_id: str = "",
        subject: str = "",
        note: str = "",
    ) -> DoneAct:
        """An act of this person, now. Raises Missing."""
        if len(note) > MOST_NOTE:
            raise Missing(f"the note is longer than {MOST_NOTE} characters")
        return DoneAct(
            self.now(),
            kind,
            person.name,
            person.role.value,
            call_id,
            finding_id,
            subject,
            note=note.strip(),
        )


def _recorded(reader: LedgerReader, call_id: str) -> KnownCall | None:
    call = reader.call(call_id)
    if call is None:
        return None
    decided = reader.decision_by_nonce(call_id)
    if decided is None:
        return KnownCall(call_id, call.agent)
    return KnownCall(call_id, call.agent, decided.request.number, decided.request.customer)
