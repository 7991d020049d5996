"""The one adapter to sherpa_onnx. Imported in worker processes alone: the engine can end its
process past any except.
"""

from collections.abc import Sequence
from itertools import compress
from pathlib import Path

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray

from recognizer import online, syllables
from recognizer.engine_stream import EngineStream
from recognizer.models.model import Model


class Engine:
    """One copy of the model. Raises RuntimeError or ends the process on files it cannot use."""

    def __init__(self, model: Model, threads: int) -> None:
        self._recognizer = online.load(model, threads)
        self.tells_times = model.kind != "paraformer"
        with open(model.tokens, encoding="utf-8") as lines:
            self.join = syllables.joining(syllables.units_of(lines))
        self.pinyin = self.join is syllables.join_pinyin
        self.step_hundredths, self.ahead_hundredths = self._measured_steps()

    @property
    def step_s(self) -> float:
        """How much audio one decoding step consumes, in seconds, to the nearest 10 ms."""
        return self.step_hundredths / 100

    def stream(self, rate_hz: int, *, skip_silence: bool, state: bytes = b"") -> EngineStream:
        """Of a leg that is heard from its beginning, or from the anchor of that state."""
        return EngineStream(self, self._recognizer, rate_hz, skip_silence=skip_silence, state=state)

    def step(self, streams: Sequence[EngineStream]) -> list[bool]:
        """Decodes one step of each that has audio for it, all in one go; which had. Raises
        RuntimeError or ends the process where the model decodes one at a time."""
        ready = [each.ready for each in streams]
        stepping = list(compress(streams, ready))
        if stepping:
            self._recognizer.decode_streams([each.decoded for each in stepping])
        for each in stepping:
            each.stepped()
        return ready

    def _measured_steps(self) -> tuple[int, int]:
        """How much audio one decoding step consumes, and how much more it waits for (the model's
        look-ahead), in hundredths of a second, the latter rounded up.

        Found by feeding silence, since the engine does not tell.
        """
        stream = self._recognizer.create_stream()
        silence = np.zeros(80, dtype=np.float32)
        ready_at: list[int] = []
        for hundredths in range(1000):
            stream.accept_waveform(8000, silence)
            while self._recognizer.is_ready(stream):
                self._recognizer.decode_stream(stream)
                ready_at.append(hundredths + 1)
            if len(ready_at) >= 4:
                break
        else:
            raise RuntimeError("the model decodes nothing in 10 s of audio: not a streaming model")
        step = round((ready_at[3] - ready_at[1]) / 2)
        return step, max(0, ready_at[0] - step)


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
