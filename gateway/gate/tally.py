"""Owns the gate's own count of what it answered: today's decisions and refusals, and how long they
took. Kept in memory for health and metrics; the ledger is what proves anything. The gate's thread
writes, the operator's loop reads.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final

from callwarden.v1 import oversight_pb2 as oversight
from policy.dialling.decision import Reason
from policy.ruling_on_the_wire import reason_message

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
        self._by_rule: Counter[str] = Counter()
        self._elapsed_ms: deque[float] = deque(maxlen=_LAST)

    def begin_with(self, decisions: int, denials: int, by_rule: Mapping[str, int]) -> None:
        """Adds what the ledger holds of today from before this gateway started."""
        with self._counting:
            self._decisions += decisions
            self._denials += denials
            self._by_rule.update(by_rule)

    def made(self, *, allowed: bool, elapsed_ms: float, rules: Iterable[str] = ()) -> None:
        """One answer, and the ids of all the rules that spoke against the call."""
        with self._counting:
            self._turn()
            self._decisions += 1
            self._denials += not allowed
            if not allowed:
                self._by_rule.update(rules)
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

    def denials_by_rule_today(self, rule: str) -> int:
        """Denials that the rule spoke for, alone or among others."""
        with self._counting:
            self._turn()
            return self._by_rule[rule]

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
            self._by_rule.clear()

    @staticmethod
    def _midnight_after(now: datetime) -> datetime:
        tomorrow = now.astimezone().date() + timedelta(days=1)
        return datetime.combine(tomorrow, time()).astimezone()


def limits_used(limits: Sequence[Reason], tally: Tally) -> tuple[oversight.LimitUsed, ...]:
    """Each limit as it is published, with how often it spoke against a call today."""
    return tuple(
        oversight.LimitUsed(
            limit=reason_message(each), refusals_today=tally.denials_by_rule_today(each.rule)
        )
        for each in limits
    )
