"""Owns what one person is shown of the floor and of the past: the calls of the own teams, and what
belongs to them.

Made by oversight for each watch. The one invariant: what cannot be told to be of an own team is not
shown to whoever sees teams alone; health, which names no call, is everybody's.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from callwarden.v1 import oversight_pb2 as oversight
from gateway.floor import Floor
from policy.people import Person

_CALLS_KEPT: Final = 4096


class Sight:
    """`agent_of` tells a past call's agent from the ledger, empty where it knows none; it may
    block, and is asked in a thread."""

    def __init__(
        self,
        person: Person,
        floor: Floor,
        team_of: Callable[[str], str],
        agent_of: Callable[[str], str],
    ) -> None:
        self._person = person
        self._floor = floor
        self._team_of = team_of
        self._agent_of = agent_of
        self._teams: OrderedDict[str, str] = OrderedDict()

    @property
    def whole(self) -> bool:
        """Whether nothing is withheld."""
        return not self._person.teams

    async def shows(self, event: oversight.Event) -> bool:
        if self.whole:
            return True
        match event.WhichOneof("payload"):
            case "live" | "health":
                return True
            case "decision":
                return self._of_agent(event.decision.agent)
            case "call":
                return self._person.sees(event.call.team)
            case "finding":
                return self._of_agent(event.finding.agent)
            case "utterance":
                return await self._of_call(event.utterance.call_id)
            case "duty":
                return await self._of_call(event.duty.call_id)
            case "suppression":
                return await self._of_call(event.suppression.call_id)
            case "alert":
                return event.alert.kind == "health" or (
                    self._of_agent(event.alert.agent) if event.alert.agent else False
                )
            case "act":
                act = event.act
                if act.act == oversight.ACT_ASSIGN_RETRAINING:
                    return self._of_agent(act.subject)
                return await self._of_call(act.call_id)
        return False

    def _of_agent(self, agent: str) -> bool:
        return self._person.sees(self._team_of(agent))

    async def _of_call(self, call_id: str) -> bool:
        live = self._floor.call(call_id)
        if live is not None:
            return self._person.sees(live.team)
        if not call_id:
            return False
        if call_id not in self._teams:
            agent = await asyncio.to_thread(self._agent_of, call_id)
            self._teams[call_id] = self._team_of(agent)
            if len(self._teams) > _CALLS_KEPT:
                self._teams.popitem(last=False)
        return self._person.sees(self._teams[call_id])
