"""Owns hearing a finished utterance once more with the model of the second pass.

Called in a worker. A streaming model is searched more widely and decodes a step at a time; an
offline one hears the whole at once.
"""

from collections.abc import Generator
from typing import NamedTuple

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray

from recognizer import syllables
from recognizer.models.model import SecondPassModel
from recognizer.syllables import Heard

_TAIL_S = 0.8
"""Silence after the audio, so that the last word leaves a streaming model."""
_PATHS = 8
"""Readings that the wider search keeps; the engine's own default is 4."""


class HeardAgain(NamedTuple):
    """Times from the beginning of the audio. `emotion` as the model labels it, else empty."""

    words: list[Heard]
    emotion: str = ""


class SecondPass:
    """Raises RuntimeError, or ends the process, on files of another kind than the model's."""

    def __init__(self, model: SecondPassModel) -> None:
        self._online: sherpa_onnx.OnlineRecognizer | None = None
        self._offline: sherpa_onnx.OfflineRecognizer | None = None
        self._join = syllables.join_words
        if model.kind == "streaming-beam":
            self._online = sherpa_onnx.OnlineRecognizer.from_transducer(
                tokens=model.tokens,
                encoder=model.encoder,
                decoder=model.decoder,
                joiner=model.joiner,
                num_threads=1,
                sample_rate=model.feature_rate_hz,
                decoding_method="modified_beam_search",
                max_active_paths=_PATHS,
                provider="cpu",
            )
            with open(model.tokens, encoding="utf-8") as lines:
                units = [line.rsplit(maxsplit=1)[0] for line in lines if line.strip()]
            if syllables.are_initials_and_finals(units):
                self._join = syllables.join_pinyin
        elif model.kind == "sense-voice":
            self._offline = sherpa_onnx.OfflineRecognizer.from_sense_voice(
                model=model.model, tokens=model.tokens, num_threads=1, provider="cpu"
            )
        else:
            self._offline = sherpa_onnx.OfflineRecognizer.from_paraformer(
                paraformer=model.model, tokens=model.tokens, num_threads=1, provider="cpu"
            )

    def hear(self, rate_hz: int, pcm: bytes) -> Generator[None, None, HeardAgain]:
        """Yields after each step. `pcm` is signed 16-bit little-endian mono."""
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
        if self._online is not None:
            return (yield from self._search(self._online, rate_hz, samples))
        if self._offline is None:
            raise RuntimeError("no second pass was loaded")
        stream = self._offline.create_stream()
        stream.accept_waveform(rate_hz, samples)
        self._offline.decode_stream(stream)
        yield
        heard = stream.result
        starts_s = list(heard.timestamps)
        if len(starts_s) != len(heard.tokens):  # a model that tells no times
            seconds = len(samples) / rate_hz / max(1, len(heard.tokens))
            starts_s = [at * seconds for at in range(len(heard.tokens))]
        words = self._join(list(heard.tokens), starts_s)
        return HeardAgain(words, heard.emotion.strip("<|>").lower())

    def _search(
        self,
        recognizer: sherpa_onnx.OnlineRecognizer,
        rate_hz: int,
        samples: NDArray[np.float32],
    ) -> Generator[None, None, HeardAgain]:
        stream = recognizer.create_stream()
        stream.accept_waveform(rate_hz, samples)
        stream.accept_waveform(rate_hz, np.zeros(round(_TAIL_S * rate_hz), np.float32))
        stream.input_finished()
        while recognizer.is_ready(stream):
            recognizer.decode_stream(stream)
            yield
        return HeardAgain(self._join(recognizer.tokens(stream), recognizer.timestamps(stream)))
