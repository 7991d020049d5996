"""Owns what follows from a finding by itself: a refusal becomes a suppression, at once.

Called by `asterisk.answered_call` for each finding. The one invariant: a suppression is never
dropped: `durable` writes it again until it is on disk.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog

from callwarden.v1 import oversight_pb2 as oversight
from gateway.durable import SUPPRESSION, Durable
from gateway.floor import Floor, LiveCall
from policy.ledger import Ledger
from policy.speech.finding import Finding, FindingStatus

_log = structlog.get_logger(__name__)

REFUSAL: Final = "refusal.explicit"


class Enforcement:
    """One for the gateway."""

    def __init__(
        self,
        ledger: Ledger,
        durable: Durable,
        floor: Floor,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self._durable = durable
        self._floor = floor
        self._now = now
        self._acted: set[tuple[str, str, FindingStatus]] = set()

    def found(self, call: LiveCall, finding: Finding) -> None:
        """Acts on a finding that was just raised, or changed its status.

        A certain refusal suppresses for good, a provisional one provisionally; one that became
        certain does both. A withdrawn one leaves its entry to a reviewer.
        """
        act = (call.call_id, finding.finding_id, finding.status)
        if finding.rule != REFUSAL or finding.status is FindingStatus.WITHDRAWN:
            return
        if act in self._acted:
            return
        self._acted.add(act)
        provisional = finding.status is FindingStatus.PROVISIONAL
        write = partial(
            self._ledger.suppress,
            call.number,
            source="refusal",
            now=self._now(),
            customer=call.customer,
            call_id=call.call_id,
            finding_id=finding.finding_id,
            provisional=provisional,
        )
        made = oversight.SuppressionMade(
            number_masked=call.number_masked,
            source="refusal",
            call_id=call.call_id,
            finding_id=finding.finding_id,
            provisional=provisional,
        )
        # In a lane of its own: the call's other rows are not waited for.
        lane, told = f"{call.call_id} refusal", partial(self._tell, made, time.perf_counter())
        self._durable.record(SUPPRESSION, call.call_id, write, lane=lane, then=told)

    def forget(self, call_id: str) -> None:
        """No more findings of this call come."""
        self._acted = {act for act in self._acted if act[0] != call_id}

    def _tell(self, made: oversight.SuppressionMade, began: float, suppression_id: str) -> None:
        made.suppression_id = suppression_id
        _log.info(
            "suppressed",
            call=made.call_id,
            provisional=made.provisional,
            durable_ms=round((time.perf_counter() - began) * 1000, 1),
        )
        self._floor.publish(made)
