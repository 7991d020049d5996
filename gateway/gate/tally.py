"""Owns the gate's own count of what it answered: today's decisions and refusals, and how long they
took. Kept in memory for health and metrics; the ledger is what proves anything. The gate's thread
writes, the operator's loop reads.
"""

import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Final

_LAST: Final = 2000
"""Decisions that the p99 is taken over."""


class Tally:
    """Counts by the calendar day of this box."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._counting = threading.Lock()
        self._tomorrow = self._midnight_after(now())
        self._decisions = 0
        self._denials = 0
        self._elapsed_ms: deque[float] = deque(maxlen=_LAST)

    def begin_with(self, decisions: int, denials: int) -> None:
        """Adds what the ledger holds of today from before this gateway started."""
        with self._counting:
            self._decisions += decisions
            self._denials += denials

    def made(self, *, allowed: bool, elapsed_ms: float) -> None:
        with self._counting:
            self._turn()
            self._decisions += 1
            self._denials += not allowed
            self._elapsed_ms.append(elapsed_ms)

    @property
    def decisions_today(self) -> int:
        with self._counting:
            self._turn()
            return self._decisions

    @property
    def denials_today(self) -> int:
        with self._counting:
            self._turn()
            return self._denials

    @property
    def p99_ms(self) -> float:
        """Of the last 2000 decisions; 0 before the first."""
        with self._counting:
            elapsed_ms = sorted(self._elapsed_ms)
        return elapsed_ms[int(0.99 * (len(elapsed_ms) - 1))] if elapsed_ms else 0.0

    def _turn(self) -> None:
        now = self._now()
        if now >= self._tomorrow:
            self._tomorrow = self._midnight_after(now)
            self._decisions = self._denials = 0

    @staticmethod
    def _midnight_after(now: datetime) -> datetime:
        tomorrow = now.astimezone().date() + timedelta(days=1)
        return datetime.combine(tomorrow, time()).astimezone()
