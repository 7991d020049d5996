"""Owns how each part of the gateway is doing, and tells the floor at each change and every 2 s.

Parts set their own status; oversight and `callwarden console` show it, gRPC health checking answers
from it. A part that nobody has spoken for yet is DOWN, "starting".
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Final, Protocol

import structlog

from callwarden.v1 import oversight_pb2 as oversight
from gateway.floor import Floor

PARTS: Final = ("gate", "ledger", "rulebook", "asterisk-ari", "asterisk-ami", "recognizer")
_EVERY_S: Final = 2.0

_log = structlog.get_logger(__name__)


class HealthStatus(Enum):
    """The values are those of the wire."""

    OK = oversight.HEALTH_STATUS_OK
    DEGRADED = oversight.HEALTH_STATUS_DEGRADED
    DOWN = oversight.HEALTH_STATUS_DOWN


@dataclass(frozen=True)
class PartHealth:
    """One part: its status, what is wrong and what to do, and since when (UTC)."""

    part: str
    status: HealthStatus
    message: str
    since: datetime


@dataclass(frozen=True)
class Figures:
    """What stands beside the parts: counts of the day and the gate's speed."""

    open_gate_sessions: int = 0
    decisions_today: int = 0
    denials_today: int = 0
    gate_p99_ms: float = 0.0


class HealthReport(Protocol):
    """Where a part says how it is doing."""

    def set(self, part: str, status: HealthStatus, message: str = "") -> None: ...


class Health:
    """The status of every part. `figures` is asked at each publication; `model` names the speech
    model while the recognizer serves, empty otherwise."""

    def __init__(
        self, floor: Floor, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._floor = floor
        self._now = now
        started = now()
        self._parts = {
            part: PartHealth(part, HealthStatus.DOWN, "starting", started) for part in PARTS
        }
        self._said = {part: {"": (HealthStatus.DOWN, "starting")} for part in PARTS}
        self.figures: Callable[[], Figures] = Figures
        self.model = ""

    def set(self, part: str, status: HealthStatus, message: str = "", *, source: str = "") -> None:
        """Sets a part of `PARTS`; publishes when its status or message changed.

        `message` says what is wrong and what to do, without numbers or words of a call. Where
        several sources speak for a part, it is as the worst says, in all their words. Raises
        KeyError for an unknown part.
        """
        before, said = self._parts[part], self._said[part]
        said[source] = (status, message)
        worst_first = sorted(said.values(), key=lambda each: -each[0].value)
        status = worst_first[0][0]
        message = "; ".join(told for _, told in worst_first if told)
        if (before.status, before.message) == (status, message):
            return
        since = before.since if before.status is status else self._now()
        self._parts[part] = replace(before, status=status, message=message, since=since)
        write = _log.info if status is HealthStatus.OK else _log.warning
        write("health", part=part, status=status.name, message=message)
        self._floor.publish(self.changed())

    def part(self, part: str) -> PartHealth:
        return self._parts[part]

    def changed(self) -> oversight.HealthChanged:
        """The present health as it is published."""
        figures = self.figures()
        return oversight.HealthChanged(
            parts=[
                oversight.PartHealth(
                    part=each.part,
                    status=each.status.value,
                    message=each.message,
                    since=each.since.timestamp(),
                )
                for each in self._parts.values()
            ],
            open_gate_sessions=figures.open_gate_sessions,
            live_calls=len(self._floor.calls()),
            decisions_today=figures.decisions_today,
            denials_today=figures.denials_today,
            gate_p99_ms=figures.gate_p99_ms,
            model=self.model,
        )

    async def run(self) -> None:
        """Publishes every 2 s and sweeps the floor, until cancelled."""
        while True:
            self._floor.sweep()
            self._floor.publish(self.changed())
            await asyncio.sleep(_EVERY_S)
