"""Owns the condition `list_age`: no call by a do-not-call list that is out of date."""

from dataclasses import dataclass
from datetime import datetime

from policy.dialling.circumstances import Circumstances, Moment


@dataclass(frozen=True)
class ListAge:
    """Denies when the newest import of the list was more than `at_most_days` days ago on the called
    party's calendar, or when there was none. Time alone never lifts it: a new import does."""

    list_name: str
    at_most_days: int

    def denies(self, circumstances: Circumstances, at: Moment) -> bool:
        imported = circumstances.facts.lists.get(self.list_name)
        if imported is None:
            return True
        return any(
            (day - imported.astimezone(zone).date()).days > self.at_most_days
            for zone, day in zip(circumstances.zones, at.days, strict=True)
        )

    def lifts(self, circumstances: Circumstances, after: Moment) -> datetime | None:
        return None
