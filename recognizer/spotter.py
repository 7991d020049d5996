"""Owns listening for phrases in a stretch of audio: the second look, by the same model's keyword
spotter.

Called in a worker, a step at a time, so that live streams get their turns in between. Invariant:
the engine gets units of the model alone, since it ends the process on any other.
"""

import tempfile
from collections.abc import Generator, Sequence

import numpy as np
import sherpa_onnx

from recognizer.models.model import Model
from recognizer.waveform import waveform
from recognizer.wire import Look

BOOST = 1.5
"""Score that each unit of a phrase gets. Over the 77 turns of twelve calls, phrase by phrase, 1.0
to 3.0 find the same but one; without spurious ones at any."""
SURER = (0.8, 0.5)
"""What was heard is asked for again with these thresholds: the highest that it passes is the
confidence told. The spotter tells no probability."""
_NOBODY_SAYS = "-"
_TAIL_S = 0.66
"""Silence after the audio, so that the last unit leaves the model."""


class Spotter:
    """One copy of the model that listens for phrases. Raises RuntimeError on files it cannot
    use; takes half a second."""

    def __init__(self, model: Model) -> None:
        with open(model.tokens, encoding="utf-8") as lines:
            self._units = {line.split()[0] for line in lines if len(line.split()) == 2}
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as keywords:
            # The engine wants a phrase at its start: one that nobody says.
            keywords.write(" ".join(sorted(self._units)[:1] * 20) + f" @{_NOBODY_SAYS}\n")
            keywords.flush()
            self._spotter = sherpa_onnx.KeywordSpotter(
                tokens=model.tokens,
                encoder=model.encoder,
                decoder=model.decoder,
                joiner=model.joiner,
                keywords_file=keywords.name,
                num_threads=1,
                sample_rate=model.feature_rate_hz,
                keywords_score=BOOST,
                provider=model.provider,
            )

    def listen(self, look: Look) -> Generator[None, None, tuple[int, float]]:
        """Yields after each step; returns the phrase heard (-1: none) and the confidence.

        Raises ValueError for a unit that the model does not have.
        """
        known = self._units.issuperset
        if not all(known(each.split()) for spellings in look.phrases for each in spellings):
            raise ValueError("a unit that the model does not have")
        heard = yield from self._heard(look, look.thresholds)
        if not heard:
            return -1, 0.0
        # 方便 is heard within 不方便: who says more says it all.
        phrase = max(heard, key=lambda at: max(map(len, look.phrases[at])))
        confidence = look.thresholds[phrase]
        for threshold in (each for each in SURER if each > confidence):
            thresholds = [max(threshold, each) for each in look.thresholds]
            if phrase in (yield from self._heard(look, thresholds)):
                return phrase, threshold
        return phrase, confidence

    def _heard(self, look: Look, thresholds: Sequence[float]) -> Generator[None, None, set[int]]:
        keywords = "/".join(
            f"{spelling} #{threshold} @{at}"
            for at, (spellings, threshold) in enumerate(zip(look.phrases, thresholds, strict=True))
            for spelling in spellings
        )
        stream = self._spotter.create_stream(keywords)
        samples = waveform(look.pcm)
        stream.accept_waveform(look.rate_hz, samples)
        stream.accept_waveform(look.rate_hz, np.zeros(round(_TAIL_S * look.rate_hz), np.float32))
        stream.input_finished()
        heard: set[int] = set()
        while self._spotter.is_ready(stream):
            self._spotter.decode_stream(stream)
            label = self._spotter.get_result(stream)
            if label:
                self._spotter.reset_stream(stream)
                heard |= {int(label)} if label != _NOBODY_SAYS else set()
            yield
        return heard
