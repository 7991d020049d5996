"""Owns how each part of the gateway is doing, and tells the floor at each change and every 2 s.

Parts set their own status; oversight and `callwarden console` show it, gRPC health checking answers
from it. A part that nobody has spoken for yet is DOWN, "starting". The room that the ledger has
left is looked at here, in a thread that nobody waits for: a disk that hangs hangs no health.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Final, Protocol

import structlog

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from gateway.floor import Floor
from gateway.room import Room
from policy.identity import RulebookIdentity
from policy.on_the_wire import identity_message

PARTS: Final = (
    "gate",
    "ledger",
    "rulebook",
    "asterisk-ari",
    "asterisk-ami",
    "recognizer",
    "people",
)
_EVERY_S: Final = 2.0
LITTLE_ROOM_BYTES: Final = 2 * 1024**3
"""Free space below which the ledger counts as degraded: several days of a busy floor, enough to
act in. A ledger that cannot write refuses every call."""

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
    limits: tuple[oversight.LimitUsed, ...] = ()
    rulebook: RulebookIdentity | None = None
    """What calls are decided by; None while there is none."""
    judged_by_it: bool = False
    """It was activated, so that what is said is judged by it too."""


class HealthReport(Protocol):
    """Where a part says how it is doing."""

    def set(self, part: str, status: HealthStatus, message: str = "") -> None: ...


class Health:
    """The status of every part. `figures` and `recognizers` are asked at each publication, `room`
    in a thread before it; `model` names the speech model while a recognizer serves, empty
    otherwise, and `recognizer_rulebook` what it judges by where no rulebook was activated."""

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
        self.room: Callable[[], Room] = Room
        self.model = ""
        self.recognizers: Callable[[], Sequence[oversight.RecognizerHealth]] = tuple
        self.recognizer_rulebook = conversation.RulebookIdentity()
        self._room = Room()

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
        calls = self._floor.calls()
        coverage = [leg for call in calls for leg in call.coverage.values()]
        dialling = identity_message(figures.rulebook) if figures.rulebook else None
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
            live_calls=len(calls),
            decisions_today=figures.decisions_today,
            denials_today=figures.denials_today,
            gate_p99_ms=figures.gate_p99_ms,
            model=self.model,
            recognizers=self.recognizers(),
            dialling_rulebook=dialling,
            speech_rulebook=dialling if figures.judged_by_it else self.recognizer_rulebook,
            disk_free_bytes=self._room.disk_free_bytes,
            ledger_bytes=self._room.ledger_bytes,
            received_s=sum(leg.received_s for leg in coverage),
            analysed_s=sum(leg.analysed_s for leg in coverage),
            limits=figures.limits,
        )

    async def run(self) -> None:
        """Publishes every 2 s and sweeps the floor, until cancelled."""
        looking: asyncio.Task[None] | None = None
        while True:
            self._floor.sweep()
            if looking is None or looking.done():
                looking = asyncio.create_task(self._look_for_room())
            self._floor.publish(self.changed())
            await asyncio.sleep(_EVERY_S)

    async def _look_for_room(self) -> None:
        try:
            self._room = await asyncio.to_thread(self.room)
        except OSError as error:
            told = f"the disk of the ledger cannot be looked at: {error.strerror}"
            self.set("ledger", HealthStatus.DEGRADED, told, source="room")
            return
        free_bytes = self._room.disk_free_bytes
        if self._room.known and free_bytes < LITTLE_ROOM_BYTES:
            left = f"{free_bytes / 1024**3:.1f} GB left beside the ledger"
            told = f"{left}: free some; when it is full, every call is refused"
            self.set("ledger", HealthStatus.DEGRADED, told, source="room")
        else:
            self.set("ledger", HealthStatus.OK, source="room")
