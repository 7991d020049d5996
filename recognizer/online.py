"""Owns loading the engine's streaming recognizers, of each kind in the same settings.

Used in workers. Raises RuntimeError, or ends the process, on files of another kind than the
model's.
"""

from typing import TypedDict

import sherpa_onnx

from recognizer.models.model import Model

UTTERANCE_END_SILENCE_S = 0.7
"""Silence after a word that ends an utterance. Over 12 two-leg calls of 77 turns: 0.4 s gives 108
utterances, 0.6 s 85, 0.8 s 76; a final comes 0.3 s after it."""
EMPTY_SILENCE_S = 2.4
LONGEST_UTTERANCE_S = 20.0


class _Common(TypedDict):
    tokens: str
    num_threads: int
    sample_rate: float
    enable_endpoint_detection: bool
    rule1_min_trailing_silence: float
    rule2_min_trailing_silence: float
    rule3_min_utterance_length: float
    decoding_method: str
    provider: str


def load(model: Model, threads: int) -> sherpa_onnx.OnlineRecognizer:
    """One copy of a streaming model."""
    make = sherpa_onnx.OnlineRecognizer
    common = _Common(
        tokens=model.tokens,
        num_threads=threads,
        sample_rate=model.feature_rate_hz,
        enable_endpoint_detection=True,
        rule1_min_trailing_silence=EMPTY_SILENCE_S,
        rule2_min_trailing_silence=UTTERANCE_END_SILENCE_S,
        rule3_min_utterance_length=LONGEST_UTTERANCE_S,
        decoding_method="greedy_search",
        provider=model.provider,
    )
    match model.kind:
        case "transducer":
            return make.from_transducer(
                encoder=model.encoder, decoder=model.decoder, joiner=model.joiner, **common
            )
        case "zipformer2-ctc":
            return make.from_zipformer2_ctc(model=model.model, **common)
        case "paraformer":
            return make.from_paraformer(encoder=model.encoder, decoder=model.decoder, **common)
    raise RuntimeError(f"no streaming model is a {model.kind}")
