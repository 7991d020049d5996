"""The one adapter to sherpa_onnx. Imported in worker processes alone: the engine can end its
process past any except.

An `EngineStream` belongs to one thread at a time and keeps one sample rate for its life.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray

from recognizer import online, syllables
from recognizer.loudness import Loudness
from recognizer.models.model import Model
from recognizer.syllables import Heard

_FLUSH_S = 0.8
_WORD_S = 0.25
"""How long the last word is taken to last: the model tells beginnings only."""


class Engine:
    """One copy of the model. Raises RuntimeError or ends the process on files it cannot use."""

    def __init__(self, model: Model, threads: int) -> None:
        self._recognizer = online.load(model, threads)
        self.tells_times = model.kind != "paraformer"
        with open(model.tokens, encoding="utf-8") as lines:
            self.join = syllables.joining(syllables.units_of(lines))
        self.pinyin = self.join is syllables.join_pinyin
        self.step_s = self._measured_step_s()

    def stream(self, rate_hz: int) -> "EngineStream":
        return EngineStream(self, self._recognizer, rate_hz)

    def _measured_step_s(self) -> float:
        """How much audio one decoding step consumes, in seconds, to the nearest 10 ms.

        Found by feeding silence, since the engine does not tell; the first step also waits for
        the model's look-ahead, so the distance between the next ones counts.
        """
        stream = self._recognizer.create_stream()
        silence = np.zeros(80, dtype=np.float32)
        ready_at: list[int] = []
        for hundredths in range(1000):
            stream.accept_waveform(8000, silence)
            while self._recognizer.is_ready(stream):
                self._recognizer.decode_stream(stream)
                ready_at.append(hundredths)
            if len(ready_at) >= 4:
                break
        else:
            raise RuntimeError("the model decodes nothing in 10 s of audio: not a streaming model")
        return (ready_at[3] - ready_at[1]) / 200


class EngineStream:
    """The audio of one leg in the engine."""

    def __init__(
        self, engine: Engine, recognizer: sherpa_onnx.OnlineRecognizer, rate_hz: int
    ) -> None:
        self._engine, self._recognizer, self._rate_hz = engine, recognizer, rate_hz
        self._stream = recognizer.create_stream()
        self._loudness = Loudness(rate_hz)
        self.measured = True
        """Whether the loudness of what comes is wanted."""
        self._accepted = self._steps = self._units_told = 0
        self._came_s: list[float] = []
        self._finished = False

    def accept(self, pcm: bytes) -> None:
        """Signed 16-bit little-endian mono."""
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
        self._stream.accept_waveform(self._rate_hz, samples)
        if self.measured:
            self._loudness.accept(samples)
        else:
            self._loudness.skip(len(samples))
        self._accepted += len(samples)

    def finish(self) -> None:
        """No more audio comes: silence is added so that the last word leaves the model."""
        flush = np.zeros(int(_FLUSH_S * self._rate_hz), dtype=np.float32)
        self._stream.accept_waveform(self._rate_hz, flush)
        self._stream.input_finished()
        self._finished = True

    def step(self) -> bool:
        """Decodes one step if there is audio for it; whether it did."""
        if not self._recognizer.is_ready(self._stream):
            return False
        self._recognizer.decode_stream(self._stream)
        self._steps += 1
        return True

    @property
    def analysed_s(self) -> float:
        """Seconds since the stream's start before which no further token will begin."""
        accepted_s = self._accepted / self._rate_hz
        if self._finished and not self._recognizer.is_ready(self._stream):
            return accepted_s
        decoded_s = min(accepted_s, self._steps * self._engine.step_s)
        if not self._engine.pinyin:
            return decoded_s
        open_since_s = syllables.open_since(*self._units())
        return decoded_s if open_since_s is None else min(decoded_s, open_since_s)

    def heard(self, *, even_if_same: bool = False) -> list[Heard] | None:
        """The utterance so far, times from the stream's start; None when no unit was added."""
        units, starts_s = self._units()
        if len(units) == self._units_told and not even_if_same:
            return None
        self._units_told = len(units)
        return self._engine.join(units, starts_s)

    def _units(self) -> tuple[list[str], list[float]]:
        """The utterance's units. The engine's own times restart with each utterance; where the
        model has none, a unit begins with the step that it came out of."""
        if not self._engine.tells_times:
            units = self._recognizer.tokens(self._stream)
            came_s = max(0.0, (self._steps - 1) * self._engine.step_s)
            self._came_s += [came_s] * (len(units) - len(self._came_s))
            return units, self._came_s[: len(units)]
        start_s = self._recognizer.start_time(self._stream)
        starts_s = [start_s + each for each in self._recognizer.timestamps(self._stream)]
        return self._recognizer.tokens(self._stream), starts_s

    def utterance_ended(self) -> bool:
        return self._recognizer.is_endpoint(self._stream)

    def loudness_db(self, heard: Sequence[Heard]) -> float | None:
        """Of the words of this utterance, which ends now."""
        if not heard:
            return None
        end_s = heard[-1].start_s + _WORD_S
        return self._loudness.level_db(heard[0].start_s, end_s)

    def begin_utterance(self) -> None:
        self._loudness.forget(self.analysed_s)
        self._recognizer.reset(self._stream)
        self._units_told = 0
        self._came_s = []


class Voice:
    """A Kokoro multi-lang model that speaks Mandarin. `folder` as the catalogue's archive has it.

    Only for a program of its own: the engine ends its process on files it cannot use, so what it
    needs must be there. Raises FileNotFoundError.
    """

    def __init__(self, folder: Path) -> None:
        needed = ("model.onnx", "voices.bin", "tokens.txt", "lexicon-zh.txt", "espeak-ng-data")
        for name in needed:
            if not (folder / name).exists():
                raise FileNotFoundError(f"{folder / name} is missing: pull the voice again")
        kokoro = sherpa_onnx.OfflineTtsKokoroModelConfig(
            model=str(folder / "model.onnx"),
            voices=str(folder / "voices.bin"),
            tokens=str(folder / "tokens.txt"),
            lexicon=str(folder / "lexicon-zh.txt"),
            data_dir=str(folder / "espeak-ng-data"),
            dict_dir=str(folder / "dict") if (folder / "dict").is_dir() else "",
            lang="zh",
        )
        model = sherpa_onnx.OfflineTtsModelConfig(kokoro=kokoro, num_threads=2)
        grammars = sorted(str(each) for each in folder.glob("*-zh.fst"))
        self._tts = sherpa_onnx.OfflineTts(
            sherpa_onnx.OfflineTtsConfig(model=model, rule_fsts=",".join(grammars))
        )

    def speak(self, text: str, speaker: int) -> tuple[NDArray[np.float32], int]:
        """Samples from -1 to 1 and their rate in hertz."""
        spoken = self._tts.generate(text, sid=speaker)
        return np.asarray(spoken.samples, dtype=np.float32), spoken.sample_rate
