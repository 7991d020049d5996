"""Owns how the console stands with the gateway: connecting, live or lost, and how old the view is.

Changed by the app with each message of the stream, read by the bar. Pure: time comes in. The one
invariant: while nothing is heard, the floor's time stands still, so an old view never looks fresh.
"""

from dataclasses import dataclass
from enum import Enum

STALE_S = 6.0
"""Silence after which a live view is called old; the gateway tells its health every 2 s."""


class State(Enum):
    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"


@dataclass
class Link:
    """Times are the console's own, in seconds since 1970-01-01 UTC, except `ahead_s`."""

    state: State = State.CONNECTING
    why: str = ""
    retry_at: float = 0.0
    heard_at: float = 0.0
    """When the view was last known to be true; 0: never."""
    ahead_s: float = 0.0
    """How far the gateway's clock is ahead of ours, by the event that travelled least."""

    _measured: bool = False

    def begin(self) -> None:
        """A stream begins. What stands stays until something is heard on it."""
        self._measured = False

    def hear(self, received_at: float, sent_at: float, live: bool) -> None:
        """An event came, stamped `sent_at` by the gateway's clock; `live` once the present state
        is complete."""
        if not live:
            return
        self.state, self.why, self.heard_at = State.LIVE, "", received_at
        ahead_s = sent_at - received_at
        self.ahead_s = max(self.ahead_s, ahead_s) if self._measured else ahead_s
        self._measured = True

    def lose(self, why: str, retry_at: float) -> None:
        self.state, self.why, self.retry_at = State.LOST, why, retry_at

    def age_s(self, now: float) -> float | None:
        """How old the view is; None before anything was heard."""
        return max(0.0, now - self.heard_at) if self.heard_at else None

    def fresh(self, now: float) -> bool:
        age = self.age_s(now)
        return self.state is State.LIVE and age is not None and age < STALE_S

    def floor_time(self, now: float) -> float:
        """The gateway's time to show the floor at: now, or when it was last heard of."""
        return (now if self.fresh(now) else self.heard_at or now) + self.ahead_s
