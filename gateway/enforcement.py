"""Owns what follows from a finding by itself: a refusal becomes a suppression, at once.

Called by `asterisk.answered_call` for each finding. The one invariant: a suppression is never
dropped: it is written again until it is durable, and health says so while it is not.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import structlog

from callwarden.v1 import oversight_pb2 as oversight
from gateway.floor import Floor, LiveCall
from gateway.health import Health, HealthStatus
from policy.ledger import Ledger, LedgerUnavailable
from policy.speech.finding import Finding, FindingStatus

_log = structlog.get_logger(__name__)

REFUSAL: Final = "refusal.explicit"
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
_LAST_WAIT_S: Final = 5.0
_PENDING: Final = "a refusal is not recorded yet, its suppression is written again: "


class Enforcement:
    """One for the gateway. Close it: what is being written is waited for."""

    def __init__(
        self,
        ledger: Ledger,
        floor: Floor,
        health: Health,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self._floor = floor
        self._health = health
        self._now = now
        self._acted: set[tuple[str, str, FindingStatus]] = set()
        self._writing: set[asyncio.Task[None]] = set()
        self._failing = 0

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
        task = asyncio.get_running_loop().create_task(self._suppress(call, finding))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def forget(self, call_id: str) -> None:
        """No more findings of this call come."""
        self._acted = {act for act in self._acted if act[0] != call_id}

    async def _suppress(self, call: LiveCall, finding: Finding) -> None:
        began, at = time.perf_counter(), self._now()
        provisional = finding.status is FindingStatus.PROVISIONAL
        pause_s = _FIRST_PAUSE_S
        failed = False
        while True:
            try:
                suppression_id = await asyncio.wrap_future(
                    self._ledger.suppress(
                        call.number,
                        source="refusal",
                        now=at,
                        customer=call.customer,
                        call_id=call.call_id,
                        finding_id=finding.finding_id,
                        provisional=provisional,
                    )
                )
            except LedgerUnavailable as error:
                self._failing += not failed
                failed = True
                _log.error("suppression not recorded", call=call.call_id, why=str(error))
                self._health.set("ledger", HealthStatus.DEGRADED, f"{_PENDING}{error}")
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                break
        self._failing -= failed
        if failed and not self._failing:
            self._recovered()
        _log.info(
            "suppressed",
            call=call.call_id,
            provisional=provisional,
            durable_ms=round((time.perf_counter() - began) * 1000, 1),
        )
        self._floor.publish(
            oversight.SuppressionMade(
                suppression_id=suppression_id,
                number_masked=call.number_masked,
                source="refusal",
                call_id=call.call_id,
                finding_id=finding.finding_id,
                provisional=provisional,
            )
        )

    def _recovered(self) -> None:
        if self._health.part("ledger").message.startswith(_PENDING):
            self._health.set("ledger", HealthStatus.OK)

    async def close(self) -> None:
        """Waits for what is being written, within a bound; what is then still not durable is told
        by its call and finding, so that a person can enter it."""
        if not self._writing:
            return
        _, late = await asyncio.wait(self._writing, timeout=_LAST_WAIT_S)
        for task in late:
            task.cancel()
        if late:
            _log.critical(
                "suppressions lost: enter them with `callwarden suppress add`",
                count=len(late),
                calls=sorted({call_id for call_id, *_ in self._acted}),
            )
