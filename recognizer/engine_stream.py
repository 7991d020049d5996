"""Owns the audio of one leg in the engine: what of it is decoded, what was heard, up to where.

Made by `recognizer.sherpa.Engine` in a worker. It belongs to one thread at a time and keeps one
sample rate for its life. All its times are the leg's, whatever silence the engine never got. What
is heard after an anchor depends on the audio after it alone: who is given that and the anchor's
state hears the same words at the same times.
"""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recognizer import syllables
from recognizer.energy_gate import Anchor, EnergyGate, KeptSteps, Verdict
from recognizer.loudness import Loudness
from recognizer.online import EMPTY_SILENCE_S, UTTERANCE_END_SILENCE_S
from recognizer.syllables import Heard
from recognizer.waveform import waveform

if TYPE_CHECKING:
    import sherpa_onnx

    from recognizer.sherpa import Engine

_FLUSH_S = 0.8
WORD_S = 0.25
"""How long the last word is taken to last: the model tells beginnings only."""


class EngineStream:
    """The engine is fed whole steps, each with the audio that the model looks ahead; where a step
    is skipped the next one follows in its place. `state`: of the anchor that the leg begins at."""

    def __init__(
        self,
        engine: "Engine",
        recognizer: "sherpa_onnx.OnlineRecognizer",
        rate_hz: int,
        *,
        skip_silence: bool,
        state: bytes = b"",
    ) -> None:
        self._engine, self._recognizer, self._rate_hz = engine, recognizer, rate_hz
        self._stream = self._fed = recognizer.create_stream()
        self._next: deque[tuple[int, sherpa_onnx.OnlineStream]] = deque()
        """Fresh ones, each with the kept step from which it is decoded; the last one is fed."""
        self._begins = 0
        """The kept step that is the first of the one that is decoded."""
        self._loudness = Loudness(rate_hz)
        self.measured = True
        """Whether the loudness of what comes is wanted."""
        self._step = engine.step_hundredths * rate_hz // 100
        self._ahead = engine.ahead_hundredths * rate_hz // 100
        self._gate = EnergyGate(
            self._step, self._ahead, rate_hz, skipping=skip_silence, state=state
        )
        self._anchors: deque[tuple[int, Anchor]] = deque()
        """Not yet told, each with the kept step that it lies before."""
        self._kept = KeptSteps(engine.step_hundredths)
        self._plan: deque[Verdict] = deque()
        """Of the steps whose audio has not been fed or left out to its end, the first one first."""
        self._held = np.zeros(0, dtype=np.float32)
        self._held_from = self._feeds_from = 0
        """The leg's samples: where what is held begins, and what is fed next."""
        self._planned = self._given = self._silent = 0
        """Steps fed or left out to their end, those fed, and those left out since."""
        self._accepted = self._steps = self._begun_at = self._units_told = 0
        self._units: list[str] = []
        self._starts_s: list[float] = []
        self._finished = False

    @property
    def wanted(self) -> int:
        """How many samples must have come before there is something to do."""
        return self._next_ends if self._plan else self._gate.decides_at

    def accept(self, pcm: bytes) -> None:
        """Signed 16-bit little-endian mono."""
        samples = waveform(pcm)
        self._accepted += len(samples)
        self._gate.take(self._loudness.accept(samples, wanted=self.measured))
        self._feed(samples)

    def finish(self) -> None:
        """No more audio comes: silence follows speech at the very end, so that the last word leaves
        the model."""
        self._gate.finish(self._accepted, round(_FLUSH_S * self._rate_hz))
        self._feed(np.zeros(0, dtype=np.float32))
        lacking = self._kept.passed * self._step + self._ahead - self._accepted
        self._feed(np.zeros(max(0, lacking), dtype=np.float32))
        self._fed.input_finished()
        self._finished = True

    def step(self) -> bool:
        """Decodes one step if there is audio for it; whether it did."""
        if not self.ready:
            return False
        self._recognizer.decode_stream(self._stream)
        self.stepped()
        return True

    @property
    def ready(self) -> bool:
        """Whether a step can be decoded."""
        if self._steps >= self._kept.kept or self._ended_by_silence():
            return False
        if self._next and self._next[0][0] == self._steps:
            self._begins, self._stream = self._next.popleft()
        return self._recognizer.is_ready(self._stream)

    @property
    def decoded(self) -> "sherpa_onnx.OnlineStream":
        """The engine's side of it, for who decodes several in one go."""
        return self._stream

    def stepped(self) -> None:
        """Takes what came out of a step; whoever decoded it calls this."""
        self._steps += 1
        self._read()

    @property
    def analysed_s(self) -> float:
        """Seconds since the leg's start before which no further token will begin."""
        accepted_s = self._accepted / self._rate_hz
        if self._finished and not (self.ready or self._ended_by_silence()):
            return accepted_s
        decoded_s = min(accepted_s, self._decoded_s)
        if not self._engine.pinyin:
            return decoded_s
        open_since_s = syllables.open_since(self._units, self._starts_s)
        return decoded_s if open_since_s is None else min(decoded_s, open_since_s)

    @property
    def taken_s(self) -> float:
        """Seconds since the leg's start that do not wait for the model."""
        return self.analysed_s

    @property
    def stepped_s(self) -> float:
        """Audio of a step."""
        return self._engine.step_s

    def heard(self, *, even_if_same: bool = False) -> list[Heard] | None:
        """The utterance so far; None when no unit was added."""
        if len(self._units) == self._units_told and not even_if_same:
            return None
        self._units_told = len(self._units)
        return self._engine.join(self._units, self._starts_s)

    def utterance_ended(self) -> bool:
        """By the silence that was decoded, or by that and what was skipped after it."""
        return self._recognizer.is_endpoint(self._stream) or self._ended_by_silence()

    def anchor(self) -> tuple[int, bytes] | None:
        """The last one that was come to since it was last asked for: its sample of the leg, and
        the state that a stream needs to begin there."""
        last: Anchor | None = None
        while self._anchors and self._anchors[0][0] <= self._begun_at:
            last = self._anchors.popleft()[1]
        return None if last is None else (last.steps * self._step, last.state)

    def _ended_by_silence(self) -> bool:
        """Told by the place alone: what came after it changes nothing."""
        if self._steps == self._begun_at or not self._kept.skipped_at(self._steps):
            return False
        if any(each[0] == self._steps for each in (*self._next, *self._anchors)):
            return True
        if self._units:
            return self._decoded_s - self._starts_s[-1] > UTTERANCE_END_SILENCE_S
        return self._decoded_s - self._leg_s(self._begun_at) > EMPTY_SILENCE_S

    def loudness_db(self, heard: Sequence[Heard]) -> float | None:
        """Of the words of this utterance, which ends now."""
        if not heard:
            return None
        end_s = heard[-1].start_s + WORD_S
        return self._loudness.level_db(heard[0].start_s, end_s)

    def begin_utterance(self) -> None:
        self._loudness.forget(self.analysed_s)
        self._recognizer.reset(self._stream)
        self._begun_at, self._units_told = self._steps, 0
        self._units, self._starts_s = [], []
        self._kept.forget(self._steps)

    @property
    def _next_ends(self) -> int:
        """The leg's sample up to which the engine is fed, or not, for the next step."""
        return (self._planned + 1) * self._step + self._ahead

    @property
    def _decoded_s(self) -> float:
        return self._leg_s(self._steps)

    def _leg_s(self, step: int) -> float:
        return self._kept.of_leg(step * self._engine.step_hundredths) / 100

    def _read(self) -> None:
        """The utterance's units. The engine's own times restart with each utterance; where the
        model has none, a unit begins with the step that it came out of."""
        result = self._recognizer.get_result_all(self._stream)
        self._units = result.tokens
        if not self._engine.tells_times:
            came_s = self._leg_s(self._steps - 1)
            self._starts_s += [came_s] * (len(self._units) - len(self._starts_s))
            del self._starts_s[len(self._units) :]
        elif len(self._units) != len(self._starts_s):
            start_s = result.start_time + self._begins * self._engine.step_s
            self._starts_s = [
                self._kept.of_leg(round(100 * (start_s + each))) / 100 for each in result.timestamps
            ]

    def _feed(self, samples: NDArray[np.float32]) -> None:
        """Feeds, leaves out or holds back what has come, step by step."""
        self._take_verdicts()
        self._held = np.concatenate((self._held, samples)) if len(self._held) else samples
        held_to = self._held_from + len(self._held)
        while self._plan:
            verdict = self._plan[0]
            if verdict is Verdict.SKIP:
                self._plan.popleft()
                self._planned += 1
                self._silent += 1
                continue
            if self._silent:
                self._come_back(afresh=verdict is Verdict.KEEP_AFRESH)
            begins = max(0, self._feeds_from - self._held_from)
            due = self._held[begins : self._next_ends - self._held_from]
            if len(due):
                self._fed.accept_waveform(self._rate_hz, due)
                self._feeds_from += len(due)
            if self._next_ends > held_to:
                break
            self._plan.popleft()
            self._planned += 1
            self._given += 1
        needed_from = self._planned * self._step if self._silent else self._feeds_from
        self._held = self._held[max(0, needed_from - self._held_from) :]
        self._held_from = held_to - len(self._held)

    def _take_verdicts(self) -> None:
        anchors = deque(self._gate.anchors())
        for verdict in self._gate.verdicts():
            self._plan.append(verdict)
            if verdict is Verdict.SKIP:
                self._kept.skip()
            else:
                self._kept.keep()
            if anchors and anchors[0].steps == self._kept.passed:
                self._anchors.append((self._kept.kept, anchors.popleft()))

    def _come_back(self, *, afresh: bool) -> None:
        """From silence: where it was long, to a stream that has heard nothing."""
        self._feeds_from = self._planned * self._step
        if self._given and not afresh:
            self._feeds_from += self._ahead
        elif self._given:
            self._fed = self._recognizer.create_stream()
            self._next.append((self._given, self._fed))
        self._silent = 0
