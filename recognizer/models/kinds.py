"""Owns the kinds of models that hear speech: which files each is made of, and what the engine reads
in them.

Asked by `models.folder`. The engine ends its process on a file that lacks one of these marks, so a
folder without them never reaches it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Name = Literal[
    "transducer",
    "zipformer2-ctc",
    "paraformer",
    "sense-voice",
    "telespeech-ctc",
    "dolphin-ctc",
    "whisper",
]

_ZIPFORMER = (
    *("encoder_dims", "query_head_dims", "value_head_dims", "num_heads", "num_encoder_layers"),
    *("cnn_module_kernels", "left_context_len", "T", "decode_chunk_len"),
)
_FUNASR = ("vocab_size", "lfr_window_size", "lfr_window_shift", "neg_mean", "inv_stddev")


@dataclass(frozen=True)
class Kind:
    """`parts` are its ONNX files beside the list of units; `marks` what must stand in each;
    `model_types` what the first part's model_type begins with, where upstream writes one;
    `vocabulary` where its number of units stands: part and mark, or, without a mark, the last size
    of what comes out."""

    name: Name
    streaming: bool
    parts: tuple[str, ...]
    marks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    model_types: tuple[str, ...] = ()
    vocabulary: tuple[str, str] | None = None

    @property
    def words(self) -> str:
        return f"{'streaming' if self.streaming else 'non-streaming'} {self.name}"


ALL: Final = (
    Kind(
        "transducer",
        streaming=True,
        parts=("encoder", "decoder", "joiner"),
        marks={"encoder": ("model_type",), "decoder": ("vocab_size", "context_size")},
        model_types=("zipformer", "conformer", "lstm", "ebranchformer"),
        vocabulary=("decoder", "vocab_size"),
    ),
    Kind(
        "zipformer2-ctc",
        streaming=True,
        parts=("model",),
        marks={"model": _ZIPFORMER},
        vocabulary=("model", ""),
    ),
    Kind(
        "paraformer",
        streaming=True,
        parts=("encoder", "decoder"),
        marks={
            "encoder": (
                *_FUNASR,
                *("encoder_output_size", "decoder_num_blocks", "decoder_kernel_size"),
            )
        },
        vocabulary=("encoder", "vocab_size"),
    ),
    Kind(
        "paraformer",
        streaming=False,
        parts=("model",),
        marks={"model": _FUNASR},
        model_types=("paraformer",),
        vocabulary=("model", "vocab_size"),
    ),
    Kind(
        "sense-voice",
        streaming=False,
        parts=("model",),
        marks={
            "model": (
                *_FUNASR,
                *("normalize_samples", "with_itn", "without_itn", "lang_auto", "lang_zh"),
                *("lang_en", "lang_ja", "lang_ko", "lang_yue"),
            )
        },
        model_types=("sense_voice",),
        vocabulary=("model", "vocab_size"),
    ),
    Kind(
        "telespeech-ctc",
        streaming=False,
        parts=("model",),
        model_types=("telespeech",),
        vocabulary=("model", ""),
    ),
    Kind(
        "dolphin-ctc",
        streaming=False,
        parts=("model",),
        marks={"model": ("vocab_size", "mean", "invstd")},
        vocabulary=("model", "vocab_size"),
    ),
    Kind(
        "whisper",
        streaming=False,
        parts=("encoder", "decoder"),
        marks={
            "encoder": (
                *("n_mels", "n_text_layer", "n_text_ctx", "n_text_state", "n_vocab", "sot", "eot"),
                *("blank_id", "translate", "transcribe", "is_multilingual", "no_timestamps"),
                *("no_speech", "sot_sequence"),
            )
        },
        model_types=("whisper",),
    ),
)


def named(name: str, *, streaming: bool) -> Kind | None:
    return next((each for each in ALL if (each.name, each.streaming) == (name, streaming)), None)
