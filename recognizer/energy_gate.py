"""Owns which parts of a leg are silence that need not be decoded: a gate that looks at how loud
each 20 ms is, and the places that the decoded parts have in the leg.

Called in a worker for each leg. The engine decodes in steps of a fixed length, so the gate keeps or
skips whole steps: what is decoded is cut where it would have been cut without a gate. Invariants: a
step with speech in it, just before it or just after it is kept; what the gate decides depends on
the audio alone, not on how it was cut into messages; and a gate that begins with the state of
another at an anchor decides as that one did.
"""

import struct
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

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
FRESH_AFTER_S = 3.2
"""After so much skipped silence the engine begins afresh, as on a new leg: what follows depends on
nothing before it. Of 1,046 syllables, the audio cut in five ways, 55 on average are misheard
without that, 57 with it, and 59 where 1.92 s always do."""
LONG_S, FRESH_AFTER_LONG_S = 8.0, 1.92
"""Where so much was decoded since it last began, less silence does: there is less to hear again."""
_STATE = struct.Struct("<qqiiddd")


class Verdict(Enum):
    """On a step; KEEP_AFRESH where the engine begins afresh with it."""

    SKIP = 0
    KEEP = 1
    KEEP_AFRESH = 2


class Anchor(NamedTuple):
    """A place in silence at which the engine begins afresh: how many steps of the leg lie before
    it, and what a gate that is given the leg from there needs to know."""

    steps: int
    state: bytes


class EnergyGate:
    """All lengths in samples of the leg. `ahead` is what the model looks ahead of a step;
    `skipping` False keeps everything. `state`: of the anchor that its leg begins at."""

    def __init__(
        self, step: int, ahead: int, rate_hz: int, *, skipping: bool, state: bytes = b""
    ) -> None:
        self._frame, self._step = round(FRAME_S * rate_hz), step
        self._before = max(ahead, round(BEFORE_S * rate_hz))
        self._after = round(AFTER_S * rate_hz)
        self._skipping = skipping
        self._at = self._spoken_until = self._decided = 0
        self._verdicts: deque[Verdict] = deque()
        self._least: deque[float] = deque(maxlen=_BLOCKS)
        self._block_least, self._in_block = 1.0, 0
        self._loudest = _SPEECH_AT_LEAST
        self._threshold = 0.0
        self._unknown = _LEARNING_FRAMES
        self._fresh_after, self._fresh_after_long, self._long = (
            round(each * rate_hz / step) for each in (FRESH_AFTER_S, FRESH_AFTER_LONG_S, LONG_S)
        )
        self._silent = self._since_fresh = 0
        """Steps skipped in a row, and kept since the engine began afresh."""
        self._known = 0
        """Frames to come that the state knows of."""
        self._anchors: deque[Anchor] = deque()
        if state:
            self._resume(state)

    @property
    def decides_at(self) -> int:
        """How much audio the next verdict needs, if it is silence."""
        return (self._decided + 1) * self._step + self._before

    def take(self, powers: Iterable[float]) -> None:
        """Mean powers of the next frames; 1.0 is full scale."""
        for power in powers:
            if self._known:
                self._known -= 1
                continue
            self._at += self._frame
            if self._is_speech(power):
                self._spoken_until = self._at
                while self._decided * self._step < self._at + self._after:
                    self._decide(keep=True)
            else:
                while self.decides_at <= self._at:
                    self._decide(keep=False)
                    self._mark_anchor()

    def finish(self, length: int, flush: int) -> None:
        """The leg ended after `length` samples; `flush` of silence follow speech at its end."""
        while self._spoken_until < self._decided * self._step < self._spoken_until + flush:
            self._decide(keep=True)
        while self._decided * self._step < length:
            self._decide(keep=False)

    def verdicts(self) -> Iterable[Verdict]:
        """Of the steps decided since it was last asked, in their order."""
        while self._verdicts:
            yield self._verdicts.popleft()

    def anchors(self) -> Iterable[Anchor]:
        """Found since it was last asked."""
        while self._anchors:
            yield self._anchors.popleft()

    def _mark_anchor(self) -> None:
        """Where silence has lasted long enough, and again as it lasts: less is then to be heard
        again."""
        begins = self._decided * self._step
        if self._silent and self._silent % self._enough == 0 and begins % self._frame == 0:
            numbers = self._at - begins, self._spoken_until - begins, self._unknown, self._in_block
            levels = self._block_least, self._loudest, self._threshold
            least = struct.pack(f"<{len(self._least)}d", *self._least)
            self._anchors.append(Anchor(self._decided, _STATE.pack(*numbers, *levels) + least))

    def _resume(self, state: bytes) -> None:
        self._at, self._spoken_until, self._unknown, self._in_block, *levels = _STATE.unpack(
            state[: _STATE.size]
        )
        self._block_least, self._loudest, self._threshold = levels
        least = state[_STATE.size :]
        self._least.extend(struct.unpack(f"<{len(least) // 8}d", least))
        self._known = self._at // self._frame

    @property
    def _enough(self) -> int:
        """How many skipped steps in a row make the engine begin afresh."""
        long = self._since_fresh >= self._long
        return self._fresh_after_long if long else self._fresh_after

    def _decide(self, *, keep: bool) -> None:
        self._decided += 1
        if not keep:
            self._silent += 1
            self._verdicts.append(Verdict.SKIP)
            return
        fresh = self._silent >= self._enough
        self._verdicts.append(Verdict.KEEP_AFRESH if fresh else Verdict.KEEP)
        self._since_fresh = 1 if fresh else self._since_fresh + 1
        self._silent = 0

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

    def skipped_at(self, step: int) -> bool:
        """Whether silence was skipped just before that one of the engine's steps."""
        at = bisect_right(self._from, step) - 1
        return self._from[at] == step and self._skipped[at] > 0

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
