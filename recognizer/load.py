"""Owns how far the recognizer is behind its calls, and what follows from that: whether another call
may begin, and what running ones go without.

One for a recognizer, asked by the service and by each call's analysis. Invariant: only what was
measured counts: a call is refused, and a thing given up, because words come late, never because of
a number somebody guessed; what was given up last is taken up first.
"""

import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from policy.speech.utterance import Leg
from recognizer.leg_stream import LegStream

SECOND_HEARING: Final = "second-pass"
SECOND_LOOK: Final = "second-look"
CUSTOMER_ACOUSTICS: Final = "customer-acoustics"
PARTIALS: Final = "partials"
IN_ORDER: Final = (SECOND_HEARING, SECOND_LOOK, CUSTOMER_ACOUSTICS, PARTIALS)
"""What running calls go without, the first thing first."""

SAMPLE_EVERY_S: Final = 0.5
_SAMPLES: Final = 8
_LATELY: Final = 3
"""Samples of which the middle one is the present lag: one slow step is not yet overload."""
_AHEAD_S: Final = 2.0
"""A growing lag counts as what it will be by then: what is given up now shows in its effect."""
_STEP_UP_S: Final = 1.0
_STEP_DOWN_S: Final = 5.0
_CALM: Final = 0.5
"""Of the most lag: below that things are taken up again."""
_MOVED: Final = 4.0
"""Times the most lag up to which calls that another recognizer lost are taken: they run already."""
_UNMEASURED_S: Final = 2.0
"""How long a call runs before the lag shows what it costs."""
_UNMEASURED_CALLS: Final = 16
"""Calls a decoding thread that may begin within that time."""

_log = structlog.get_logger()


class Lateness:
    """How late the words of one call are. `streams` are its legs, as they come."""

    def __init__(self, now: Callable[[], float], streams: Mapping[Leg, LegStream]) -> None:
        self._now, self._streams = now, streams
        self._live_from: dict[Leg, float] = {}
        """When a leg's audio would have begun by this clock, had all of it come as it was spoken:
        what comes faster is being caught up with, and the newest of it is the present."""

    def came(self, leg: Leg, until_s: float) -> None:
        """Audio up to that second of the call is here."""
        began = self._now() - until_s
        self._live_from[leg] = min(self._live_from.get(leg, began), began)

    def seconds(self) -> list[float]:
        """Of each leg: from a word to its telling, beyond the step of decoding that is filled."""
        return [self._late_s(leg, stream) for leg, stream in self._streams.items()]

    def _late_s(self, leg: Leg, stream: LegStream) -> float:
        step_s = stream.worker.step_s if stream.worker else 0.0
        if stream.waiting_s <= step_s:
            return 0.0
        present_s = self._now() - self._live_from[leg]
        return max(0.0, present_s - stream.taken_s - step_s)


@dataclass
class Load:
    """`most_lag_s`: refuse calls and give things up beyond it, 0: never. `most_calls`: never more
    at once, 0: no such limit. `threads`: decoding threads of all workers. Call `sample` every
    SAMPLE_EVERY_S."""

    most_lag_s: float
    most_calls: int
    threads: int
    now: Callable[[], float] = time.monotonic
    refused: int = 0
    _level: int = 0
    _lags: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    _running: dict[Lateness, None] = field(default_factory=dict)
    _begun: deque[float] = field(default_factory=deque)
    _stepped_at: float = 0.0
    _calm_since: float | None = None
    _found_most: int = 0
    """Calls at which the lag was too long; 0 while it never was."""

    @property
    def calls(self) -> int:
        return len(self._running)

    @property
    def lag_s(self) -> float:
        """How late words come at present: of 95 in 100 legs no later."""
        return statistics.median(([0.0] * _LATELY + list(self._lags))[-_LATELY:])

    @property
    def _soon_s(self) -> float:
        """The lag as it will be if it goes on growing as it does."""
        lags = ([0.0] * _SAMPLES + list(self._lags))[-_SAMPLES:]
        half = _SAMPLES // 2
        grown_s = statistics.fmean(lags[half:]) - statistics.fmean(lags[:half])
        return self.lag_s + max(0.0, grown_s) / (half * SAMPLE_EVERY_S) * _AHEAD_S

    @property
    def degraded(self) -> tuple[str, ...]:
        """What calls go without at present, the first thing given up first."""
        return IN_ORDER[: self._level]

    @property
    def takes(self) -> int:
        """The most calls it takes at present; 0 while the lag has not shown it."""
        limits = [each for each in (self.most_calls, self._found_most) if each]
        return min(limits, default=0)

    def goes_without(self, what: str) -> bool:
        return what in IN_ORDER[: self._level]

    def why_not(self, *, running: bool) -> str:
        """Why a call cannot be taken now; empty when it can. `running`: it is up already, and
        another recognizer was lost."""
        if running:
            late = self.most_lag_s and self.lag_s > _MOVED * self.most_lag_s
            return f"words come {self.lag_s:.1f} s late" if late else ""
        if self.most_calls and self.calls >= self.most_calls:
            return f"{self.calls} calls, as many as recognizer.most_calls allows"
        if not self.most_lag_s or not self._running:
            return ""
        if self._soon_s > self.most_lag_s:
            return f"words come {self.lag_s:.1f} s late"
        if self._level:
            return f"running calls go without {self.degraded[-1]}"
        while self._begun and self._begun[0] < self.now() - _UNMEASURED_S:
            self._begun.popleft()
        if len(self._begun) >= _UNMEASURED_CALLS * self.threads:
            return "many calls began at once; what they cost is being measured"
        return ""

    def begin(self, call: Lateness) -> Callable[[], None]:
        """A call began. Returns what ends it."""
        self._begun.append(self.now())
        self._running[call] = None
        return lambda: self._running.pop(call, None)

    def sample(self) -> None:
        """Measures, and gives up or takes up a thing where that is due."""
        late = sorted(each for call in self._running for each in call.seconds())
        self._lags.append(late[int(0.95 * (len(late) - 1))] if late else 0.0)
        if not self.most_lag_s:
            return
        if not self._running:
            self._level = 0
            self._lags.clear()
            return
        now = self.now()
        if self._soon_s > self.most_lag_s:
            self._calm_since = None
            self._found_most = max(1, self.calls)
            if self._level < len(IN_ORDER) and now - self._stepped_at >= _STEP_UP_S:
                self._step(1)
        elif self._soon_s > _CALM * self.most_lag_s:
            self._calm_since = None
        else:
            self._calm_since = self._calm_since or now
            if now - max(self._calm_since, self._stepped_at) >= _STEP_DOWN_S:
                self._grow()
                if self._level:
                    self._step(-1)

    def _grow(self) -> None:
        """All is calm: what was found to be too much before may do now."""
        if self._found_most and self.calls >= self._found_most:
            self._found_most = self.calls + 1

    def _step(self, by: int) -> None:
        self._level += by
        self._stepped_at = self.now()
        _log.warning("load", goes_without=self.degraded, lag_s=round(self.lag_s, 2))
