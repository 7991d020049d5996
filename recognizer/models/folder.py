"""Owns what a usable model folder is. Everything that would end the engine's process, or let it
hear nonsense, is found here first.

Called by the search, by `models verify` and after a pull. A problem names the file and what to do.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from callwarden.problems import Problem, ProblemsFound
from recognizer.models import catalogue, description, onnx_header
from recognizer.models.description import Described
from recognizer.models.model import LARGEST_BATCH, Model
from recognizer.models.onnx_header import NotOnnx, OnnxHeader

HASHES = "SHA256SUMS"
"""Written by a pull: the hashes of the files that came out of the archive."""
_SMALLEST_ONNX = 1024
_PULL_AGAIN = "get it again with `callwarden models pull`, or copy the folder anew"
_FILES_OF = {
    "voice": ("model.onnx", "voices.bin", "tokens.txt"),
    "punctuation": (),
    "vad": (),
}
"""What is no recognizer of speech is known by its files alone."""
_VAD_SHAPES = ((4, 3), (3, 2))
"""Tensors that go in and come out of a Silero VAD that the engine knows."""


def load(folder: Path) -> Model:
    """The model in `folder`, its hashes compared where they are known.

    Raises ProblemsFound with everything that is wrong.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise ProblemsFound([_problem(folder, "model", "no such folder")])
    described = description.of(folder)
    kind, text = described.kind, described.text
    parts = ("tokens", *kind.parts, *(("vad",) if text.vad else ()))
    problems = [
        described.problem(part, f"the file {described.text.named(part)} is missing: {_PULL_AGAIN}")
        for part in parts
        if not described.file(part).is_file()
    ]
    if not problems:
        problems += _bad_tokens(described.file("tokens"), whole=kind.name != "whisper")
        problems += _bad_parts(described)
        problems += _wrong_hashes(folder, {text.named(part) for part in parts})
    if problems:
        raise ProblemsFound(problems)
    return Model(
        name=folder.name,
        kind=kind.name,
        streaming=kind.streaming,
        segments=text.segments,
        language=text.language,
        feature_rate_hz=text.feature_rate_hz,
        batch=_batch(described),
        **{part: str(described.file(part)) for part in parts},
    )


def _batch(described: Described) -> int:
    """How many streams the model may be given in one go."""
    entry = catalogue.shipped().named(described.folder.name)
    one_at_a_time = described.text.segments and described.kind.streaming
    if one_at_a_time or (entry and entry.batch is False):
        return 1
    return described.text.batch or LARGEST_BATCH


def verify(folder: Path) -> list[Problem]:
    """Everything that is wrong with a folder, every file of known hash compared."""
    entry = catalogue.shipped().named(folder.resolve().name)
    problems: list[Problem] = []
    if entry and entry.kind in _FILES_OF:
        problems += _missing({name: folder / name for name in _FILES_OF[entry.kind]})
    else:
        try:
            load(folder)
        except ProblemsFound as error:
            problems += error.problems
    if folder.is_dir():
        problems += _wrong_hashes(folder.resolve(), None)
    return sorted(set(problems))


def hash_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def known_hashes(folder: Path) -> Mapping[str, str]:
    """By the name of the file: those of the catalogue, else those written by the pull."""
    entry = catalogue.shipped().named(folder.name)
    if entry and entry.files:
        return entry.files
    sums = folder / HASHES
    if not sums.is_file():
        return {}
    lines = (line.split(maxsplit=1) for line in sums.read_text(encoding="utf-8").splitlines())
    return {parts[1].strip(): parts[0] for parts in lines if len(parts) == 2}


def _problem(file: Path, key: str, message: str, line: int = 1) -> Problem:
    return Problem(str(file), line, 1, key, message)


def _missing(named: Mapping[str, Path]) -> Iterator[Problem]:
    for part, path in named.items():
        if not path.is_file():
            yield _problem(path, part, f"the file is missing: {_PULL_AGAIN}")


def _bad_parts(described: Described) -> Iterator[Problem]:
    """ONNX files that are not what the kind's parts are, or whose units are not those listed."""
    kind = described.kind
    headers: dict[str, OnnxHeader] = {}
    for part in kind.parts:
        try:
            headers[part] = _read(described.file(part))
        except NotOnnx as error:
            yield _problem(described.file(part), part, f"{error}: {_PULL_AGAIN}")
    for part, header in headers.items():
        lacking = [each for each in kind.marks.get(part, ()) if each not in header.metadata]
        told = header.metadata.get("model_type", "")
        first = part == kind.parts[0] and kind.model_types
        if lacking or (first and not told.startswith(kind.model_types)):
            what = f"lacks {lacking[0]}" if lacking else f"says {told or 'nothing'}"
            message = (
                f"is no {part} of a {kind.words} model: its head {what}; name its real kind in "
                f"{description.FILE}, or choose another model"
            )
            yield described.problem(part, f"{described.file(part).name} {message}")
    if kind.vocabulary and kind.vocabulary[0] in headers:
        count = _units_written(headers[kind.vocabulary[0]], kind.vocabulary[1])
        if count is not None:
            yield from _other_units(described.file("tokens"), count)
    if described.text.vad:
        yield from _bad_vad(described.file("vad"))


def _units_written(header: OnnxHeader, mark: str) -> int | None:
    """How many units the model knows, where it says so."""
    if mark:
        told = header.metadata.get(mark, "")
        return int(told) if told.isdecimal() else None
    first = next(iter(header.outputs.values()), ())
    return first[-1] if first else None


def _read(file: Path) -> OnnxHeader:
    if file.stat().st_size < _SMALLEST_ONNX and not file.read_bytes().startswith(b"version "):
        raise NotOnnx("not an ONNX file: too small")
    return onnx_header.read(file)


def _bad_vad(file: Path) -> Iterator[Problem]:
    """The engine ends its process on a voice detector of another make than Silero's."""
    try:
        header = _read(file)
    except NotOnnx as error:
        yield _problem(file, "vad", f"{error}: {_PULL_AGAIN}")
        return
    of_upstream = set(header.inputs) == {"x", "h", "c"}
    if (len(header.inputs), len(header.outputs)) not in _VAD_SHAPES and not of_upstream:
        yield _problem(file, "vad", "is no Silero voice detector: use silero_vad.onnx")


def _bad_tokens(file: Path, *, whole: bool) -> Iterator[Problem]:
    """A unit and its number a line; `whole`: numbers without a hole, the engine indexes by them."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        yield _problem(file, "tokens", f"not UTF-8: {_PULL_AGAIN}")
        return
    numbers: set[int] = set()
    for at, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = re.fullmatch(r"(\S+|\s*)\s+(\d+)\s*", line)
        if match is None or (whole and int(match[2]) in numbers):
            yield _problem(file, "tokens", f"not a unit and its number: {_PULL_AGAIN}", at)
            return
        numbers.add(int(match[2]))
    if len(numbers) < 2 or (whole and numbers != set(range(len(numbers)))):
        yield _problem(file, "tokens", f"units are missing: {_PULL_AGAIN}")


def _other_units(file: Path, count: int) -> Iterator[Problem]:
    """A list shorter than the model's own has the engine look beyond its end; what a longer one
    has more may only be the marks `#0`, `#1`… that upstream appends."""
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError:  # told already
        return
    more = [line for line in lines[count:] if not re.fullmatch(r"#\d+\s+\d+\s*", line)]
    if len(lines) < count or more:
        message = f"lists {len(lines)} units, the model writes {count}: another model's list"
        yield _problem(file, "tokens", f"{message}; {_PULL_AGAIN}")


def _wrong_hashes(folder: Path, used: set[str] | None) -> Iterator[Problem]:
    """Of the files in use, or of all whose hash is known."""
    for name, expected in known_hashes(folder).items():
        path = folder / name
        if used is not None and name not in used:
            continue
        if not path.is_file():
            yield _problem(path, "sha256", f"the file is missing: {_PULL_AGAIN}")
        elif (actual := hash_of(path)) != expected:
            message = f"is {actual[:12]}…, should be {expected[:12]}…: {_PULL_AGAIN}"
            yield _problem(path, "sha256", message)
