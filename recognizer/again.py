"""Owns hearing a finished utterance once more with the model of the second pass.

Called in a worker. A streaming model is searched more widely and decodes a step at a time; a
non-streaming one hears the whole at once.
"""

from collections.abc import Generator, Sequence

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray

from recognizer import syllables
from recognizer.models.model import Model
from recognizer.offline import HeardWhole, WholeRecognizer
from recognizer.waveform import waveform

_TAIL_S = 0.8
"""Silence after the audio, so that the last word leaves a streaming model."""
_PATHS = 8
"""Readings that the wider search keeps; the engine's own default is 4."""


class SecondPass:
    """Raises RuntimeError, or ends the process, on files of another kind than the model's."""

    def __init__(self, model: Model) -> None:
        self._online: sherpa_onnx.OnlineRecognizer | None = None
        self._offline: WholeRecognizer | None = None
        if not model.streaming:
            self._offline = WholeRecognizer(model, 1)
            return
        self._online = sherpa_onnx.OnlineRecognizer.from_transducer(
            tokens=model.tokens,
            encoder=model.encoder,
            decoder=model.decoder,
            joiner=model.joiner,
            num_threads=1,
            sample_rate=model.feature_rate_hz,
            decoding_method="modified_beam_search",
            max_active_paths=_PATHS,
            provider=model.provider,
        )
        with open(model.tokens, encoding="utf-8") as lines:
            self._join = syllables.joining(syllables.units_of(lines))

    def hear(self, rate_hz: int, pcm: bytes) -> Generator[None, None, HeardWhole]:
        """Yields after each step. `pcm` is signed 16-bit little-endian mono."""
        samples = waveform(pcm)
        if self._online is not None:
            return (yield from self._search(self._online, rate_hz, samples))
        if self._offline is None:
            raise RuntimeError("no second pass was loaded")
        (heard,) = self._offline.hear([(rate_hz, samples)])
        yield
        return heard

    def hear_together(self, stretches: Sequence[tuple[int, bytes]]) -> list[HeardWhole]:
        """The same of several, each with its rate; a non-streaming model has them in one go."""
        if self._offline is not None:
            return self._offline.hear([(rate_hz, waveform(pcm)) for rate_hz, pcm in stretches])
        return [_to_its_end(self.hear(*each)) for each in stretches]

    def _search(
        self,
        recognizer: sherpa_onnx.OnlineRecognizer,
        rate_hz: int,
        samples: NDArray[np.float32],
    ) -> Generator[None, None, HeardWhole]:
        stream = recognizer.create_stream()
        stream.accept_waveform(rate_hz, samples)
        stream.accept_waveform(rate_hz, np.zeros(round(_TAIL_S * rate_hz), np.float32))
        stream.input_finished()
        while recognizer.is_ready(stream):
            recognizer.decode_stream(stream)
            yield
        return HeardWhole(self._join(recognizer.tokens(stream), recognizer.timestamps(stream)))


def _to_its_end(hearing: Generator[None, None, HeardWhole]) -> HeardWhole:
    while True:
        try:
            next(hearing)
        except StopIteration as done:
            heard: HeardWhole = done.value
            return heard
