"""Small ONNX files that the engine loads and runs, written here byte by byte: heads of every kind,
and a SenseVoice of a few hundred bytes that hears one character in each loud stretch.

The engine, its features and its decoding are real; only the weights are made up.
"""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

FLOAT, INT32, INT64 = 1, 6, 7
SENSE_VOICE_UNITS = (
    *("<unk>", "<s>", "</s>", "好"),
    *("<|zh|>", "<|yue|>", "<|NEUTRAL|>", "<|Speech|>", "<|woitn|>"),
)
_FEATURES = 560
_LOUD = 12.0
"""Mean log energy of a frame that counts as speech, in the engine's scale of samples: speech over
a telephone passes it once a phrase, a quiet line never."""


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(raw)) + raw


def _tensor_of(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(
        _bytes(1, _number(1, each) if isinstance(each, int) else _bytes(2, each)) for each in shape
    )
    type_ = _bytes(1, _number(1, kind) + _bytes(2, dims))
    return _bytes(1, name) + _bytes(2, type_)


def _constant(name: str, shape: Sequence[int], values: Sequence[float]) -> bytes:
    dims = b"".join(_number(1, each) for each in shape)
    raw = struct.pack(f"<{len(values)}f", *values)
    return dims + _number(2, FLOAT) + _bytes(8, name) + _bytes(9, raw)


def _node(operator: str, inputs: Sequence[str], output: str, attributes: bytes = b"") -> bytes:
    given = b"".join(_bytes(1, each) for each in inputs)
    return given + _bytes(2, output) + _bytes(4, operator) + attributes


def _whole(name: str, value: int) -> bytes:
    """An integer attribute."""
    return _bytes(5, _bytes(1, name) + _number(3, value) + _number(20, 2))


def _model(graph: bytes, metadata: Mapping[str, str]) -> bytes:
    told = b"".join(
        _bytes(14, _bytes(1, key) + _bytes(2, value)) for key, value in metadata.items()
    )
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 13)) + told


def head(
    metadata: Mapping[str, str],
    inputs: Sequence[str] = ("x",),
    outputs: Sequence[str] = ("y",),
    padding: int = 2000,
) -> bytes:
    """A file of the right form with nothing to compute in it."""
    graph = _bytes(2, "g" * padding)
    graph += b"".join(_bytes(11, _tensor_of(each, FLOAT, (1, "n"))) for each in inputs)
    graph += b"".join(_bytes(12, _tensor_of(each, FLOAT, (1, "n"))) for each in outputs)
    return _model(graph, metadata)


def sense_voice(language: str = "zh") -> bytes:
    """Hears `好` once in each loud stretch; says that it is in `language`, a unit of its list."""
    units = len(SENSE_VOICE_UNITS)
    said = [SENSE_VOICE_UNITS.index(f"<|{each}|>") for each in (language, "NEUTRAL", "Speech")]
    prefix = [0.0] * (4 * units)
    for frame, unit in enumerate([*said, SENSE_VOICE_UNITS.index("<|woitn|>")]):
        prefix[frame * units + unit] = 100.0
    weights = [0.0] * (_FEATURES * units)
    for feature in range(_FEATURES):
        weights[feature * units + SENSE_VOICE_UNITS.index("好")] = 1 / _FEATURES
    bias = [_LOUD] + [-100.0] * (units - 1)
    bias[SENSE_VOICE_UNITS.index("好")] = 0.0
    nodes = (
        _node("MatMul", ("x", "weights"), "seen"),
        _node("Add", ("seen", "bias"), "units"),
        _node("Concat", ("prefix", "units"), "logits", _whole("axis", 1)),
    )
    graph = b"".join(_bytes(1, each) for each in nodes) + _bytes(2, "sense-voice")
    graph += _bytes(5, _constant("weights", (_FEATURES, units), weights))
    graph += _bytes(5, _constant("bias", (units,), bias))
    graph += _bytes(5, _constant("prefix", (1, 4, units), prefix))
    inputs = (
        *(("x", FLOAT, (1, "t", _FEATURES)), ("x_length", INT32, (1,))),
        *(("language", INT32, (1,)), ("text_norm", INT32, (1,))),
    )
    graph += b"".join(_bytes(11, _tensor_of(*each)) for each in inputs)
    graph += _bytes(12, _tensor_of("logits", FLOAT, (1, "u", units)))
    return _model(
        graph,
        {
            "model_type": "sense_voice_ctc",
            "comment": "made by a test",
            "vocab_size": str(units),
            "lfr_window_size": "7",
            "lfr_window_shift": "6",
            "normalize_samples": "0",
            "with_itn": "14",
            "without_itn": "15",
            **{
                f"lang_{each}": str(at)
                for at, each in enumerate(("auto", "zh", "en", "ja", "ko", "yue"))
            },
            "neg_mean": ",".join(["0"] * _FEATURES),
            "inv_stddev": ",".join(["1"] * _FEATURES),
        },
    )


def sense_voice_folder(folder: Path, language: str = "zh") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.int8.onnx").write_bytes(sense_voice(language))
    units = "".join(f"{unit} {at}\n" for at, unit in enumerate(SENSE_VOICE_UNITS))
    (folder / "tokens.txt").write_text(units, encoding="utf-8")
    return folder
