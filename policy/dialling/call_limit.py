"""Owns the condition `limit`: at most so many calls of one unit within so long, to one number, to
one customer, about one debt or for one product.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from policy.dialling.circumstances import Circumstances, Moment
from policy.dialling.counting import (
    Key,
    Unit,
    Within,
    calls_before,
    leaving,
    recent,
    shares,
)
from policy.dialling.facts import Attempt


@dataclass(frozen=True)
class CallLimit:
    """Denies when `at_most` calls count already, in any zone the called party may be in."""

    at_most: int
    within: Within
    unit: Unit
    key: Key = "customer"

    def denies(self, circumstances: Circumstances, at: Moment) -> bool:
        attempts = circumstances.facts.attempts
        return len(attempts) >= self.at_most and self._full(attempts, circumstances, at)

    def lifts(self, circumstances: Circumstances, after: Moment) -> datetime | None:
        """As time goes by attempts only leave, so the first instant with room can be halved for."""
        zones = circumstances.zones
        near = recent(circumstances.facts.attempts, self.within, after, zones)
        attempts = [each for each in near if shares(each, self.key)]
        instants = leaving(attempts, self.within, self.unit, zones, after.instant)
        found = bisect_left(
            instants,
            True,
            key=lambda instant: not self._full(attempts, circumstances, Moment.of(instant, zones)),
        )
        return instants[found] if found < len(instants) else None

    def _full(self, attempts: Sequence[Attempt], circumstances: Circumstances, at: Moment) -> bool:
        linkedid = circumstances.request.linkedid
        for since in self.within.since(at, circumstances.zones):
            counted = [
                each
                for each in attempts
                if each.reserved_at >= since
                and shares(each, self.key)
                and self.unit.counts(each, at.instant)
            ]
            if len(counted) >= self.at_most and calls_before(counted, linkedid) >= self.at_most:
                return True
        return False
