"""Small ONNX files that the engine loads and runs, written here byte by byte: heads of every kind,
a SenseVoice and a streaming transducer of a few hundred bytes that hear one character in each loud
stretch.

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
TRANSDUCER_UNITS = ("<blk>", "<unk>", "好")
_FEATURES = 560
_CHUNK = 16
"""Frames of 10 ms that the transducer takes a step."""
_LOUD_WITHIN_ONE = -9.0
"""Like `_LOUD`, of a step, for the transducer's features: of samples from -1 to 1."""
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


def _wholes(name: str, values: Sequence[int]) -> bytes:
    """An attribute of several integers."""
    raw = b"".join(_varint(each & (1 << 64) - 1) for each in values)
    return _bytes(5, _bytes(1, name) + _bytes(8, raw) + _number(20, 7))


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


def sense_voice(language: str = "zh", *, batches: bool = False) -> bytes:
    """Hears `好` once in each loud stretch; says that it is in `language`, a unit of its list.
    `batches`: it takes several stretches in one go."""
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
        _node("ReduceMean", ("units",), "mean", _wholes("axes", (1,))),
        _node("Mul", ("mean", "zero"), "none"),
        _node("Add", ("none", "prefix"), "head"),
        _node("Concat", ("head", "units"), "logits", _whole("axis", 1)),
    )
    graph = b"".join(_bytes(1, each) for each in nodes) + _bytes(2, "sense-voice")
    graph += _bytes(5, _constant("weights", (_FEATURES, units), weights))
    graph += _bytes(5, _constant("bias", (units,), bias))
    graph += _bytes(5, _constant("prefix", (1, 4, units), prefix))
    graph += _bytes(5, _constant("zero", (1,), [0.0]))
    several: int | str = "n" if batches else 1
    inputs = (
        *(("x", FLOAT, (several, "t", _FEATURES)), ("x_length", INT32, (several,))),
        *(("language", INT32, (several,)), ("text_norm", INT32, (several,))),
    )
    graph += b"".join(_bytes(11, _tensor_of(*each)) for each in inputs)
    graph += _bytes(12, _tensor_of("logits", FLOAT, (several, "u", units)))
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


def sense_voice_folder(folder: Path, language: str = "zh", *, batches: bool = False) -> Path:
    files = {"model.int8.onnx": sense_voice(language, batches=batches)}
    return _folder(folder, files, SENSE_VOICE_UNITS)


def transducer_folder(folder: Path) -> Path:
    """A streaming transducer that takes several streams in one go and hears `好` in each loud
    step; its LSTM's states pass through it."""
    units = len(TRANSDUCER_UNITS)
    encoder = (
        _node("ReduceMean", ("x",), "mean", _wholes("axes", (1, 2))),
        _node("MatMul", ("mean", "widen"), "encoder_out"),
        _node("Identity", ("h",), "next_h"),
        _node("Identity", ("c",), "next_c"),
    )
    decoder = (
        _node("Cast", ("y",), "units", _whole("to", FLOAT)),
        _node("MatMul", ("units", "nothing"), "decoder_out"),
    )
    joiner = (
        _node("Add", ("encoder_out", "decoder_out"), "seen"),
        _node("MatMul", ("seen", "weights"), "units"),
        _node("Add", ("units", "bias"), "logit"),
    )
    weights = [0.0] * units + [0.0] * units
    weights[TRANSDUCER_UNITS.index("好")] = 1.0
    bias = [_LOUD_WITHIN_ONE, -100.0, 0.0]
    state = (1, "n", 2)
    files = {
        "encoder.onnx": _computing(
            encoder,
            [_constant("widen", (1, 2), [1.0, 0.0])],
            [("x", FLOAT, ("n", _CHUNK, 80)), ("h", FLOAT, state), ("c", FLOAT, state)],
            [
                ("encoder_out", FLOAT, ("n", 1, 2)),
                ("next_h", FLOAT, state),
                ("next_c", FLOAT, state),
            ],
            {"model_type": "lstm", "num_encoder_layers": "1", "T": str(_CHUNK)}
            | {"decode_chunk_len": str(_CHUNK), "rnn_hidden_size": "2", "d_model": "2"},
        ),
        "decoder.onnx": _computing(
            decoder,
            [_constant("nothing", (2, 2), [0.0] * 4)],
            [("y", INT64, ("n", 2))],
            [("decoder_out", FLOAT, ("n", 2))],
            {"vocab_size": str(units), "context_size": "2"},
        ),
        "joiner.onnx": _computing(
            joiner,
            [_constant("weights", (2, units), weights), _constant("bias", (units,), bias)],
            [("encoder_out", FLOAT, ("n", 2)), ("decoder_out", FLOAT, ("n", 2))],
            [("logit", FLOAT, ("n", units))],
            {"joiner_dim": "2"},
        ),
    }
    return _folder(folder, files, TRANSDUCER_UNITS)


_Tensor = tuple[str, int, Sequence[int | str]]


def _computing(
    nodes: Sequence[bytes],
    constants: Sequence[bytes],
    inputs: Sequence[_Tensor],
    outputs: Sequence[_Tensor],
    metadata: Mapping[str, str],
) -> bytes:
    graph = b"".join(_bytes(1, each) for each in nodes) + _bytes(2, "g" * 2000)
    graph += b"".join(_bytes(5, each) for each in constants)
    graph += b"".join(_bytes(11, _tensor_of(*each)) for each in inputs)
    graph += b"".join(_bytes(12, _tensor_of(*each)) for each in outputs)
    return _model(graph, metadata)


def _folder(folder: Path, files: Mapping[str, bytes], listed: Sequence[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    units = "".join(f"{unit} {at}\n" for at, unit in enumerate(listed))
    (folder / "tokens.txt").write_text(units, encoding="utf-8")
    return folder
