"""Owns where the audio of a leg belongs: the call's clock, the counting of what arrived, and who is
talking.

A listener (`websocket`, `rtp`) opens a `Line` for each fork and feeds its `Reception`; `fork` makes
the Asterisk side of it. The one invariant: a sample's place never moves back, so the two legs stay
on one clock and what never arrived stays a gap.
"""

import asyncio
import time
from array import array
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from policy.speech.utterance import Leg

SAMPLE_RATE_HZ: Final = 8000
_BYTES_A_SAMPLE: Final = 2
_LAG_FRAMES: Final = 250
"""Frames over which the least lag is taken, 5 s of them: a stalled event loop catches up within
that, so a lag that is still there after it is audio that was lost."""
_LOST_S: Final = 0.5
_PAUSE_S: Final = 0.2
"""Quiet for so long, a leg is between words: sounds within them take less."""
_LONGEST_WAIT_S: Final = 5.0
"""How long a gap waits for such a place."""
_TALKING_LEVEL: Final = 400
"""Mean magnitude (of 32767) above which somebody is taken to speak: −38 dBFS, well over line noise
and comfort noise, well under quiet speech on a telephone."""
_TALKING_HOLD_S: Final = 0.4


class CallClock:
    """Seconds since the call was answered; `elapsed_s` of them had passed when this was made."""

    def __init__(
        self, elapsed_s: float = 0.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._zero = monotonic() - elapsed_s

    def seconds(self) -> float:
        return max(0.0, self._monotonic() - self._zero)

    def sample(self) -> int:
        """The sample that is being spoken now."""
        return int(self.seconds() * SAMPLE_RATE_HZ)


Hear = Callable[[Leg, int, bytes], None]
"""Takes a leg's samples (8 kHz signed 16-bit little-endian) and the place of the first of them."""


class Reception:
    """Places the audio of one leg on the call's clock, over as many forks as it takes."""

    def __init__(self, leg: Leg, clock: CallClock, hear: Hear) -> None:
        self.leg = leg
        self.heard_at_s = -1.0
        """When audio last arrived, on the call's clock; negative: never."""
        self._clock = clock
        self._hear = hear
        self._next_sample = 0
        self._placed = False
        self._least_lag = 0
        self._frames = 0
        self._lost = 0
        """Samples that were lost, and whose gap waits for a pause: within a word it would hide it.
        """
        self._lost_for = self._quiet_for = 0

    @property
    def clock(self) -> CallClock:
        return self._clock

    def interrupted(self) -> None:
        """The samples to come do not follow those before: they are placed by the clock."""
        self._placed = False

    def arrived(self, samples: bytes, skipped: int = 0) -> None:
        """Takes the next samples; `skipped` before them are known to be lost."""
        count = len(samples) // _BYTES_A_SAMPLE
        if not count:
            return
        now = self._clock.sample()
        if self._placed:
            self._next_sample += skipped
        else:
            self._next_sample = max(self._next_sample, now - count)
            self._placed, self._frames, self._lost = True, 0, 0
        lag = now - (self._next_sample + count)
        self._least_lag = lag if not self._frames else min(lag, self._least_lag)
        self._frames += 1
        if self._frames >= _LAG_FRAMES:
            if not self._lost and self._least_lag > _LOST_S * SAMPLE_RATE_HZ:
                self._lost, self._lost_for, self._quiet_for = self._least_lag, 0, 0
            self._frames = 0
        if self._lost:
            self._leave_gap(lag, samples)
        first = self._next_sample
        self._next_sample += count
        self.heard_at_s = now / SAMPLE_RATE_HZ
        self._hear(self.leg, first, samples)

    def _leave_gap(self, lag: int, samples: bytes) -> None:
        """Where the leg pauses, or at last somewhere, unless what was late comes in after all."""
        self._lost = min(self._lost, lag)
        if self._lost <= _LOST_S * SAMPLE_RATE_HZ:
            self._lost = 0
            return
        count = len(samples) // _BYTES_A_SAMPLE
        self._lost_for += count
        self._quiet_for = 0 if _is_loud(samples) else self._quiet_for + count
        pauses = self._quiet_for >= _PAUSE_S * SAMPLE_RATE_HZ
        if pauses or self._lost_for >= _LONGEST_WAIT_S * SAMPLE_RATE_HZ:
            self._next_sample += self._lost
            self._lost = 0


class Line(Protocol):
    """One fork's way in: what Asterisk must be told, and the end of it."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """The query of ARI's externalMedia that brings the audio here."""

    @property
    def lost(self) -> asyncio.Future[str]:
        """Resolves, with the cause, when the audio stopped coming in."""

    async def close(self) -> None: ...


class MediaListener(Protocol):
    """Where Asterisk brings the audio."""

    async def start(self) -> None:
        """Raises OSError when the place to listen on cannot be had."""

    async def open(self, reception: Reception) -> Line: ...

    async def close(self) -> None: ...


class Talking:
    """Whether a leg talks, from the loudness of its audio."""

    def __init__(self) -> None:
        self.now = False
        self._loud_until = 0

    def hear(self, first_sample: int, samples: bytes) -> bool:
        """Takes about 100 ms of audio; True when the answer changed."""
        if _is_loud(samples):
            self._loud_until = first_sample + int(_TALKING_HOLD_S * SAMPLE_RATE_HZ)
        before, self.now = self.now, first_sample < self._loud_until
        return before is not self.now


def _is_loud(samples: bytes) -> bool:
    every_eighth = array("h", samples[: len(samples) // 2 * 2])[::8]
    return sum(map(abs, every_eighth)) > _TALKING_LEVEL * len(every_eighth)
