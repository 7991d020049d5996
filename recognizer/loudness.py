"""Owns how loud a leg speaks: levels of its audio, frame by frame, for as long as an utterance may
still ask for them.

Called in a worker for each leg. The level of an utterance depends on its own audio alone, never on
how it was cut into messages.
"""

import math

import numpy as np
from numpy.typing import NDArray

FRAME_S = 0.02
MARGIN_DB = 15.9
"""Frames this far below the mean are pauses, not speech: the margin of ITU-T P.56."""
SILENT_DB = -96.0
"""The least that 16 bits can tell."""


class Loudness:
    """Times in seconds since the leg's first sample."""

    def __init__(self, rate_hz: int) -> None:
        self._frame = round(FRAME_S * rate_hz)
        self._rest = np.zeros(0, dtype=np.float32)
        self._powers: list[float] = []
        self._first = 0

    def accept(self, samples: NDArray[np.float32], *, wanted: bool = True) -> list[float]:
        """Samples from -1 to 1; the mean power of each frame that they complete. What is not
        `wanted` has no level later on."""
        waiting = np.concatenate((self._rest, samples))
        whole = len(waiting) // self._frame * self._frame
        frames = waiting[:whole].reshape(-1, self._frame)
        powers: list[float] = (np.einsum("ij,ij->i", frames, frames) / self._frame).tolist()
        self._powers += powers if wanted else [math.nan] * len(powers)
        self._rest = waiting[whole:]
        return powers

    def level_db(self, start_s: float, end_s: float) -> float | None:
        """Mean level of the speech in between, in dB below full scale; None when its audio was
        forgotten, not wanted or has not come."""
        first = max(0, _frame_at(start_s) - self._first)
        last = _frame_at(end_s) - self._first
        powers = np.asarray(self._powers[first:last])
        if not len(powers) or np.isnan(powers).any():
            return None
        spoken = powers[powers >= powers.mean() * 10 ** (-MARGIN_DB / 10)]
        level = float(spoken.mean())
        return max(SILENT_DB, 10 * float(np.log10(level))) if level > 0 else SILENT_DB

    def forget(self, before_s: float) -> None:
        """Nobody asks for what lies before."""
        frames = min(len(self._powers), int(before_s / FRAME_S) - self._first)
        if frames > 0:
            del self._powers[:frames]
            self._first += frames


def _frame_at(second: float) -> int:
    """The same frame of the audio wherever the leg is taken to begin."""
    return round(1000 * second) // round(1000 * FRAME_S)
