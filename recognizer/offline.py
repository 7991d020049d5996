"""Owns the engine's non-streaming recognizers: a stretch of speech goes in whole, its words come
out.

Used in workers, for the segments of live calls and for the second pass. Raises RuntimeError, or
ends the process, on files of another kind than the model's.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray

from recognizer import syllables
from recognizer.models.model import Model
from recognizer.syllables import Heard

Stretch = tuple[int, NDArray[np.float32]]
"""A sample rate, and samples from -1 to 1."""


class HeardWhole(NamedTuple):
    """Times from the beginning of the audio. `emotion` and `language` as the model labels them,
    else empty."""

    words: list[Heard]
    emotion: str = ""
    language: str = ""


class _Common(TypedDict):
    tokens: str
    num_threads: int
    provider: str


class WholeRecognizer:
    """One copy of a non-streaming model."""

    def __init__(self, model: Model, threads: int) -> None:
        self._recognizer = _load(model, threads)
        with open(model.tokens, encoding="utf-8") as lines:
            self._join = syllables.joining(syllables.units_of(lines))

    def hear(self, stretches: Sequence[Stretch]) -> list[HeardWhole]:
        """All words of each, all decoded in one go."""
        streams = [self._recognizer.create_stream() for _ in stretches]
        for stream, (rate_hz, samples) in zip(streams, stretches, strict=True):
            stream.accept_waveform(rate_hz, samples)
        self._recognizer.decode_streams(streams)
        return [
            self._read(stream.result, len(samples) / rate_hz)
            for stream, (rate_hz, samples) in zip(streams, stretches, strict=True)
        ]

    def _read(self, heard: "sherpa_onnx.OfflineRecognitionResult", seconds: float) -> HeardWhole:
        starts_s = list(heard.timestamps)
        if len(starts_s) != len(heard.tokens):  # a model that tells no times
            each_s = seconds / max(1, len(heard.tokens))
            starts_s = [at * each_s for at in range(len(heard.tokens))]
        words = self._join(list(heard.tokens), starts_s)
        return HeardWhole(words, _label(heard.emotion), _label(heard.lang))


def _load(model: Model, threads: int) -> sherpa_onnx.OfflineRecognizer:
    make = sherpa_onnx.OfflineRecognizer
    common = _Common(tokens=model.tokens, num_threads=threads, provider=model.provider)
    match model.kind:
        case "sense-voice":
            return make.from_sense_voice(model=model.model, language=model.language, **common)
        case "paraformer":
            return make.from_paraformer(paraformer=model.model, **common)
        case "telespeech-ctc":
            return make.from_telespeech_ctc(model=model.model, **common)
        case "dolphin-ctc":
            return make.from_dolphin_ctc(model=model.model, **common)
        case "whisper":
            return make.from_whisper(
                encoder=model.encoder, decoder=model.decoder, language=model.language, **common
            )
    raise RuntimeError(f"no non-streaming model is a {model.kind}")


def _label(text: str) -> str:
    """`<|NEUTRAL|>` as `neutral`."""
    return text.strip("<|>").lower()
