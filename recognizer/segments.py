"""Owns hearing a leg in finished stretches of speech, with a model that does not stream: where a
stretch begins and ends, and its words as one final utterance.

Made in a worker in place of `recognizer.sherpa.Engine` and `EngineStream`, whose ways it shares.
The energy gate cuts the audio; a voice detector, where the model's folder has one, passes over what
is no voice. Invariant: every sample is in a stretch that is decoded, or was found to be silent.
"""

import threading
from collections import deque
from collections.abc import Sequence
from itertools import compress

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray

from recognizer.again import SecondPass
from recognizer.energy_gate import Anchor, EnergyGate, Verdict
from recognizer.engine_stream import WORD_S
from recognizer.loudness import Loudness
from recognizer.models.model import Model
from recognizer.syllables import Heard
from recognizer.waveform import waveform

STEP_S = 0.1
"""How finely stretches are cut."""
LONGEST_S = 12.0
"""A stretch is cut there at the latest, where it is quietest within CUT_WITHIN_S: an agent who
does not pause is still told within that time, and models are trained on no more than 30 s."""
CUT_WITHIN_S = 2.0
_VAD_RATE_HZ = 16_000
"""The only rate at which the engine does not end its process over a voice detector."""
_VAD_WINDOW = 512
_ALIKE = 1.5
"""Stretches are padded to the longest that is decoded with them: at most by this factor squared."""
_AROUND_S = 0.3
"""Audio kept before the first and after the last voice of a stretch."""


class SegmentEngine:
    """One copy of a model. Raises RuntimeError or ends the process on files it cannot use."""

    step_s = STEP_S

    def __init__(self, model: Model) -> None:
        self.whole = SecondPass(model)
        self._voices = _Voices(model) if model.vad else None

    def stream(self, rate_hz: int, *, skip_silence: bool, state: bytes = b"") -> "SegmentStream":
        """`skip_silence` or not, a stretch needs its ends."""
        return SegmentStream(self, rate_hz, state)

    def step(self, streams: "Sequence[SegmentStream]") -> list[bool]:
        """Decodes, in one go, a stretch of the first that has one and of those whose stretch is
        about as long; which they were. The others keep theirs."""
        first = next((each.next_s for each in streams if each.ready), 0.0)
        alike = [each.ready and first / _ALIKE <= each.next_s <= first * _ALIKE for each in streams]
        stepping = list(compress(streams, alike))
        stretches = [each.stretch() for each in stepping]
        for stream, heard in zip(stepping, self.hear(stretches), strict=True):
            stream.stepped(heard)
        return alike

    def hear(self, stretches: Sequence[tuple[int, bytes]]) -> list[list[Heard]]:
        """The words of stretches, each with its rate, in one go; times from each one's
        beginning."""
        spans = [self._voiced(*each) for each in stretches]
        voiced = [
            (rate_hz, pcm[2 * begins : 2 * ends])
            for (rate_hz, pcm), (begins, ends) in zip(stretches, spans, strict=True)
            if begins < ends
        ]
        hearings = iter(self.whole.hear_together(voiced) if voiced else ())
        return [
            [Heard(w.text, w.shown, w.start_s + begins / rate_hz) for w in next(hearings).words]
            if begins < ends
            else []
            for (rate_hz, _), (begins, ends) in zip(stretches, spans, strict=True)
        ]

    def _voiced(self, rate_hz: int, pcm: bytes) -> tuple[int, int]:
        return self._voices.span(rate_hz, pcm) if self._voices else (0, len(pcm) // 2)


class SegmentStream:
    """The audio of one leg. Belongs to one thread at a time; times are the leg's."""

    def __init__(self, engine: SegmentEngine, rate_hz: int, state: bytes = b"") -> None:
        """`state`: of the anchor that the leg begins at."""
        self._engine, self._rate_hz = engine, rate_hz
        self.measured = True
        self._loudness = Loudness(rate_hz)
        self._step = round(STEP_S * rate_hz)
        self._gate = EnergyGate(self._step, 0, rate_hz, skipping=True, state=state)
        self._anchors: deque[Anchor] = deque()
        self._pcm = bytearray()
        self._pcm_from = self._accepted = self._decided = 0
        self._open_from: int | None = None
        self._waiting: deque[tuple[int, int]] = deque()
        self._words: list[Heard] = []
        self._told_s = 0.0
        self._ended = self._finished = False

    @property
    def wanted(self) -> int:
        """How many samples must have come before there is something to do."""
        return self._gate.decides_at

    def accept(self, pcm: bytes) -> None:
        """Signed 16-bit little-endian mono."""
        samples = waveform(pcm)
        self._pcm += pcm
        self._accepted += len(samples)
        self._gate.take(self._loudness.accept(samples, wanted=True))
        self._cut()

    def finish(self) -> None:
        """No more audio comes: what is open is a stretch."""
        self._gate.finish(self._accepted, 0)
        self._cut()
        if self._open_from is not None and self._open_from < self._accepted:
            self._waiting.append((self._open_from, self._accepted))
        self._open_from = None
        self._finished = True

    @property
    def ready(self) -> bool:
        """Whether a stretch has ended and waits."""
        return bool(self._waiting)

    @property
    def next_s(self) -> float:
        """How long the stretch is that waits first."""
        begins, ends = self._waiting[0] if self._waiting else (0, 0)
        return (ends - begins) / self._rate_hz

    def step(self) -> bool:
        """Decodes one stretch if one has ended; whether it did."""
        if not self._waiting:
            return False
        (heard,) = self._engine.hear([self.stretch()])
        self.stepped(heard)
        return True

    def stretch(self) -> tuple[int, bytes]:
        """The sample rate, and the audio of the stretch that waits first."""
        begins, ends = self._waiting[0]
        of = self._pcm_from
        return self._rate_hz, bytes(self._pcm[2 * (begins - of) : 2 * (ends - of)])

    def stepped(self, heard: Sequence[Heard]) -> None:
        """Takes the words of the stretch that waited first; whoever decoded it calls this."""
        begins, ends = self._waiting.popleft()
        begins_s = begins / self._rate_hz
        self._words = [Heard(w.text, w.shown, begins_s + w.start_s) for w in heard]
        self._told_s = (ends - begins) / self._rate_hz
        self._ended = True

    @property
    def stepped_s(self) -> float:
        """Audio of the last step."""
        return self._told_s

    @property
    def analysed_s(self) -> float:
        """Seconds since the leg's start before which no further word will begin."""
        if self._waiting:
            return self._waiting[0][0] / self._rate_hz
        if self._open_from is not None:
            return self._open_from / self._rate_hz
        decided = self._accepted if self._finished else min(self._decided, self._accepted)
        return decided / self._rate_hz

    @property
    def taken_s(self) -> float:
        """Seconds since the leg's start that do not wait for the model: decoded, silent, or in a
        stretch that still grows."""
        return (self._waiting[0][0] if self._waiting else self._accepted) / self._rate_hz

    def heard(self, *, even_if_same: bool = False) -> list[Heard] | None:
        """The words of the stretch that was decoded last; None while none was."""
        return self._words if self._ended or even_if_same else None

    def utterance_ended(self) -> bool:
        return self._ended

    def loudness_db(self, heard: Sequence[Heard]) -> float | None:
        """Of the words of this utterance, which ends now."""
        if not heard:
            return None
        return self._loudness.level_db(heard[0].start_s, heard[-1].start_s + WORD_S)

    def begin_utterance(self) -> None:
        self._words, self._ended = [], False
        self._loudness.forget(self.analysed_s)
        keep_from = round(self.analysed_s * self._rate_hz)
        del self._pcm[: 2 * (keep_from - self._pcm_from)]
        self._pcm_from = keep_from

    def anchor(self) -> tuple[int, bytes] | None:
        """The last one that was come to since it was last asked for: its sample of the leg, and
        the state that a stream needs to begin there."""
        last: Anchor | None = None
        until = round(self.analysed_s * self._rate_hz)
        while self._anchors and self._anchors[0].steps * self._step <= until:
            last = self._anchors.popleft()
        return None if last is None else (last.steps * self._step, last.state)

    def _cut(self) -> None:
        self._anchors += self._gate.anchors()
        for verdict in self._gate.verdicts():
            begins = self._decided
            self._decided += self._step
            if verdict is Verdict.SKIP:
                if self._open_from is not None:
                    self._waiting.append((self._open_from, begins))
                self._open_from = None
                continue
            if self._open_from is None:
                self._open_from = begins
            if self._decided - self._open_from >= LONGEST_S * self._rate_hz:
                quiet = self._quietest(self._open_from, min(self._decided, self._accepted))
                self._waiting.append((self._open_from, quiet))
                self._open_from = quiet
        if self._open_from is None and not self._waiting:
            self._forget_silence()

    def _forget_silence(self) -> None:
        keep_from = min(self._decided, self._accepted)
        del self._pcm[: 2 * (keep_from - self._pcm_from)]
        self._pcm_from = keep_from

    def _quietest(self, begins: int, ends: int) -> int:
        """Where the least is said in the last CUT_WITHIN_S before `ends`."""
        first = max(begins + self._step, ends - round(CUT_WITHIN_S * self._rate_hz))
        of = self._pcm_from
        pcm = np.frombuffer(bytes(self._pcm[2 * (first - of) : 2 * (ends - of)]), dtype="<i2")
        frames = pcm[: len(pcm) // self._step * self._step].astype(np.float32)
        if not len(frames):
            return ends
        powers = np.square(frames).reshape(-1, self._step).mean(axis=1)
        return first + int(powers.argmin()) * self._step + self._step // 2


class _Voices:
    """A voice detector, asked stretch by stretch, one at a time."""

    def __init__(self, model: Model) -> None:
        silero = sherpa_onnx.SileroVadModelConfig(model=model.vad, min_silence_duration=0.25)
        config = sherpa_onnx.VadModelConfig(silero_vad=silero, sample_rate=_VAD_RATE_HZ)
        self._detector = sherpa_onnx.VoiceActivityDetector(config, buffer_size_in_seconds=30)
        self._lock = threading.Lock()

    def span(self, rate_hz: int, pcm: bytes) -> tuple[int, int]:
        """From the first to the last voice, in samples of the stretch; (0, 0) where there is
        none."""
        samples = waveform(pcm)
        with self._lock:
            self._detector.reset()
            raised = _at_vad_rate(samples, rate_hz)
            # It looks for an end once a call: more than a window at once, and ends are missed.
            for at in range(0, len(raised), _VAD_WINDOW):
                self._detector.accept_waveform(raised[at : at + _VAD_WINDOW])
            self._detector.flush()
            spans: list[tuple[int, int]] = []
            while not self._detector.empty():
                found = self._detector.front
                spans.append((found.start, found.start + len(found.samples)))
                self._detector.pop()
        if not spans:
            return 0, 0
        around, scale = round(_AROUND_S * rate_hz), rate_hz / _VAD_RATE_HZ
        first, last = round(spans[0][0] * scale), round(spans[-1][1] * scale)
        return max(0, first - around), min(len(samples), last + around)


def _at_vad_rate(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    if rate_hz == _VAD_RATE_HZ:
        return samples
    times = np.arange(len(samples) * _VAD_RATE_HZ // rate_hz) * (rate_hz / _VAD_RATE_HZ)
    raised: NDArray[np.float32] = np.interp(times, np.arange(len(samples)), samples).astype("f4")
    return raised
