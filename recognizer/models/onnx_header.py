"""Owns reading the head of an ONNX file: what its exporter wrote into it, and the shapes of what
goes in and comes out.

Called before the engine sees the file, since the engine ends its process on one that is cut short
or of another kind than it was told. Reads the protobuf wire form itself: weights are passed over,
never loaded.
"""

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_IR_VERSION, _GRAPH, _METADATA = 1, 7, 14
_GRAPH_INPUT, _GRAPH_OUTPUT = 11, 12
_NEWEST_IR_VERSION = 99
Buffer = bytes | mmap.mmap
Span = tuple[int, int]


class NotOnnx(Exception):
    """The text says what is wrong with the file."""


@dataclass(frozen=True)
class OnnxHeader:
    """`inputs` and `outputs` give each tensor's shape; None stands for a size that varies."""

    metadata: Mapping[str, str]
    inputs: Mapping[str, tuple[int | None, ...]]
    outputs: Mapping[str, tuple[int | None, ...]]


def read(file: Path) -> OnnxHeader:
    """Raises NotOnnx for a file that is cut short or something else, OSError."""
    with file.open("rb") as opened:
        if opened.read(40).startswith(b"version https://git-lfs"):
            raise NotOnnx("a Git LFS pointer, not the model: run `git lfs pull`")
        try:
            held = mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ)
        except ValueError:
            raise NotOnnx("the file is empty") from None
    with held:
        return _model(held)


def _model(held: Buffer) -> OnnxHeader:
    metadata: dict[str, str] = {}
    inputs: dict[str, tuple[int | None, ...]] = {}
    outputs: dict[str, tuple[int | None, ...]] = {}
    seen = set[int]()
    try:
        for number, value in _fields(held, (0, len(held))):
            if not seen and (
                number != _IR_VERSION
                or not isinstance(value, int)
                or not 0 < value <= _NEWEST_IR_VERSION
            ):
                raise NotOnnx("not an ONNX file")
            seen.add(number)
            if isinstance(value, int):
                continue
            if number == _METADATA:
                entry = {at: _text(held, each) for at, each in _fields(held, value)}
                metadata[entry.get(1, "")] = entry.get(2, "")
            elif number == _GRAPH:
                for kind, span in _fields(held, value):
                    if kind in (_GRAPH_INPUT, _GRAPH_OUTPUT) and not isinstance(span, int):
                        name, shape = _tensor(held, span)
                        (inputs if kind == _GRAPH_INPUT else outputs)[name] = shape
    except (IndexError, UnicodeDecodeError):
        raise NotOnnx("not an ONNX file, or one that is cut short") from None
    if _GRAPH not in seen:
        raise NotOnnx("not an ONNX file, or one that is cut short")
    return OnnxHeader(metadata, inputs, outputs)


def _tensor(held: Buffer, span: Span) -> tuple[str, tuple[int | None, ...]]:
    """Of a ValueInfoProto: name = 1, type = 2; its tensor_type = 1, whose shape = 2, dim = 1."""
    value = dict(_fields(held, span))
    type_ = dict(_fields(held, _span(value.get(2))))
    tensor = dict(_fields(held, _span(type_.get(1))))
    shape: list[int | None] = []
    for _, each in _fields(held, _span(tensor.get(2))):
        size = dict(_fields(held, _span(each))).get(1)
        shape.append(size if isinstance(size, int) else None)
    return _text(held, value.get(1)), tuple(shape)


def _span(value: int | Span | None) -> Span:
    return value if isinstance(value, tuple) else (0, 0)


def _text(held: Buffer, value: int | Span | None) -> str:
    begin, end = _span(value)
    return held[begin:end].decode()


def _fields(held: Buffer, span: Span) -> Iterator[tuple[int, int | Span]]:
    """Number and value of each field of a message: a whole number, or where its bytes lie.

    Raises NotOnnx for a field that reaches beyond the message, IndexError at the file's end.
    """
    at, end = span
    while at < end:
        key, at = _varint(held, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(held, at)
            yield key >> 3, value
            continue
        if wire == 2:
            length, at = _varint(held, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise NotOnnx("not an ONNX file, or one that is cut short")
        if at + length > end:
            raise NotOnnx("the file is cut short")
        yield key >> 3, (at, at + length)
        at += length


def _varint(held: Buffer, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = held[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise NotOnnx("not an ONNX file, or one that is cut short")
