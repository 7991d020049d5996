"""Owns which parts of a leg are silence that need not be decoded: a gate that looks at how loud
each 20 ms is, and the places that the decoded parts have in the leg.

Called in a worker for each leg. The engine decodes in steps of a fixed length, so the gate keeps or
skips whole steps: what is decoded is cut where it would have been cut without a gate. Invariant: a
step with speech in it, just before it or just after it is kept, and what the gate decides depends
on the audio alone, not on how it was cut into messages.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable

FRAME_S = 0.02
BEFORE_S = 0.26
"""A step that ends so long before speech is kept: the first syllable begins softer than the gate
hears. With the step's own length the words have 0.26 to 0.58 s before them."""
AFTER_S = 0.3
"""A step that begins so long after speech is kept, so that the last token comes out."""
_OVER_NOISE = 10**0.8
"""8 dB above the noise is speech."""
_CLEAR_OF_NOISE = 10**2.5
"""A leg whose speech is less than 25 dB above its noise is decoded as a whole."""
_SPEECH_AT_LEAST = 10**-3.0
"""-30 dB below full scale: how loud speech is taken to be before any was heard."""
_FADES = 10 ** (-0.1 * FRAME_S)
"""What was loud is forgotten by 1 dB a second: one click does not make a line clear for ever."""
_LEAST_NOISE = 10**-8.3
"""-83 dB: a muted leg has none at all, and what lies 8 dB above that is still no speech."""
_DIGITAL_SILENCE = 1e-9
"""-90 dB: a lost packet or a muted leg, which tells nothing about the line's noise."""
_BLOCK_FRAMES, _BLOCKS = 30, 8
"""The noise is the least of the last 4.8 s: people breathe, and a line gets noisier."""
_LEARNING_FRAMES = 15
"""0.3 s at the start, of which nothing is known yet, count as speech."""


class EnergyGate:
    """All lengths in samples of the leg. `ahead` is what the model looks ahead of a step;
    `skipping` False keeps everything."""

    def __init__(self, step: int, ahead: int, rate_hz: int, *, skipping: bool) -> None:
        self._frame, self._step = round(FRAME_S * rate_hz), step
        self._before = max(ahead, round(BEFORE_S * rate_hz))
        self._after = round(AFTER_S * rate_hz)
        self._skipping = skipping
        self._at = self._spoken_until = self._decided = 0
        self._verdicts: deque[bool] = deque()
        self._least: deque[float] = deque(maxlen=_BLOCKS)
        self._block_least, self._in_block = 1.0, 0
        self._loudest = _SPEECH_AT_LEAST
        self._threshold = 0.0
        self._unknown = _LEARNING_FRAMES

    @property
    def decides_at(self) -> int:
        """How much audio the next verdict needs, if it is silence."""
        return (self._decided + 1) * self._step + self._before

    def take(self, powers: Iterable[float]) -> None:
        """Mean powers of the next frames; 1.0 is full scale."""
        for power in powers:
            self._at += self._frame
            if self._is_speech(power):
                self._spoken_until = self._at
                while self._decided * self._step < self._at + self._after:
                    self._decide(keep=True)
            else:
                while self.decides_at <= self._at:
                    self._decide(keep=False)

    def finish(self, length: int, flush: int) -> None:
        """The leg ended after `length` samples; `flush` of silence follow speech at its end."""
        while self._spoken_until < self._decided * self._step < self._spoken_until + flush:
            self._decide(keep=True)
        while self._decided * self._step < length:
            self._decide(keep=False)

    def verdicts(self) -> Iterable[bool]:
        """Of the steps decided since it was last asked, in their order: whether to decode them."""
        while self._verdicts:
            yield self._verdicts.popleft()

    def _decide(self, *, keep: bool) -> None:
        self._decided += 1
        self._verdicts.append(keep)

    def _is_speech(self, power: float) -> bool:
        if not self._skipping:
            return True
        self._loudest = max(power, self._loudest * _FADES, _SPEECH_AT_LEAST)
        if _DIGITAL_SILENCE < power < self._block_least:
            self._block_least = power
            self._set_threshold()
        self._in_block += 1
        if self._in_block == _BLOCK_FRAMES:
            self._least.append(self._block_least)
            self._block_least, self._in_block = 1.0, 0
            self._set_threshold()
        if self._unknown:
            self._unknown -= 1
            return True
        noise = self._threshold / _OVER_NOISE
        return power > self._threshold or noise * _CLEAR_OF_NOISE > self._loudest

    def _set_threshold(self) -> None:
        noise = min(self._block_least, *self._least) if self._least else self._block_least
        known = noise if noise < 1.0 else _LEAST_NOISE
        self._threshold = _OVER_NOISE * max(known, _LEAST_NOISE)


class KeptSteps:
    """Where in the leg the engine's steps lie. Times in hundredths of a second, as exact as tokens
    are placed."""

    def __init__(self, step_hundredths: int) -> None:
        self._step = step_hundredths
        self.kept = 0
        """How many steps the engine was or will be given."""
        self.passed = 0
        """How many steps of the leg were kept or skipped."""
        self._from: list[int] = [0]
        self._skipped: list[int] = [0]

    def keep(self) -> None:
        self.kept += 1
        self.passed += 1

    def skip(self) -> None:
        self.passed += 1
        if self._from[-1] == self.kept:
            self._skipped[-1] += 1
        else:
            self._from.append(self.kept)
            self._skipped.append(self._skipped[-1] + 1)

    def of_leg(self, hundredths: int) -> int:
        """The time in the leg that is the engine's."""
        step = hundredths // self._step
        skipped = self._skipped[max(0, bisect_right(self._from, step) - 1)]
        return hundredths + skipped * self._step

    def forget(self, before_step: int) -> None:
        """Nobody asks for the engine's steps before that one any more."""
        gone = bisect_right(self._from, before_step) - 1
        if gone > 0:
            del self._from[:gone]
            del self._skipped[:gone]
