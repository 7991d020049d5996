"""Owns alerts: what needs a person, and who took it on.

Called by oversight.
"""

from gateway.acts.desk import Desk
from gateway.acts.refused import NotThere
from policy.ledger.acts import ActKind
from policy.people import Person


class Alerts:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def acknowledge(self, person: Person, alert_id: str) -> None:
        """This person sees to it."""
        desk = self._desk
        desk.allow(person, ActKind.ACKNOWLEDGE)
        alert = await desk.read(lambda reader: reader.acts.alert(alert_id))
        if alert is None or not person.sees(desk.team_of(alert.agent)):
            raise NotThere("there is no such alert")
        act = desk.act(person, ActKind.ACKNOWLEDGE, call_id=alert.call_id, subject=alert_id)
        await desk.record(act)
