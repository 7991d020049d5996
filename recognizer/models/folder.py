"""Owns what a usable model folder is. Everything that would end the engine's process, or let it
hear nonsense, is found here first.

Called by the search, by `models verify` and after a pull. A problem names the file and what to do.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from callwarden import located_yaml
from callwarden.problems import Problem, ProblemsFound
from recognizer.models import catalogue
from recognizer.models.model import Model

DESCRIPTION = "callwarden-model.yaml"
"""Beside the files of a model whose names do not say what they are."""
HASHES = "SHA256SUMS"
"""Written by a pull: the hashes of the files that came out of the verified archive."""
_SMALLEST_ONNX = 1024
_PULL_AGAIN = "get it again with `callwarden models pull`, or copy the folder anew"
_VOICE_FILES = ("model.onnx", "voices.bin", "tokens.txt")


class Description(BaseModel):
    """A folder's own word on its files; names without a path."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["transducer"] = "transducer"
    tokens: str = "tokens.txt"
    encoder: str
    decoder: str
    joiner: str
    feature_rate_hz: Literal[8000, 16000] = 16000


def load(folder: Path) -> Model:
    """The model in `folder`, its hashes compared where they are known.

    Raises ProblemsFound with everything that is wrong.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise ProblemsFound([_problem(folder, "model", "no such folder")])
    description = _description(folder)
    named = {
        part: folder / getattr(description, part)
        for part in ("tokens", "encoder", "decoder", "joiner")
    }
    problems = list(_missing(named))
    if not problems:
        problems += _bad_tokens(named["tokens"])
        for part in ("encoder", "decoder", "joiner"):
            problems += _not_onnx(named[part])
        problems += _wrong_hashes(folder, {each.name for each in named.values()})
    if problems:
        raise ProblemsFound(problems)
    return Model(
        name=folder.name,
        kind=description.kind,
        feature_rate_hz=description.feature_rate_hz,
        **{part: str(path) for part, path in named.items()},
    )


def flaws(tokens: Path, model: Path) -> list[Problem]:
    """What is wrong with a model of one file and its list of units."""
    used = {tokens.name, model.name}
    return [*_bad_tokens(tokens), *_not_onnx(model), *_wrong_hashes(model.parent, used)]


def verify(folder: Path) -> list[Problem]:
    """Everything that is wrong with a folder, every file of known hash compared."""
    entry = catalogue.shipped().named(folder.resolve().name)
    problems: list[Problem] = []
    if entry and entry.kind == "voice":
        problems += _missing({name: folder / name for name in _VOICE_FILES})
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


def _description(folder: Path) -> Description:
    written = folder / DESCRIPTION
    if written.is_file():
        document = located_yaml.read(written.read_text(encoding="utf-8"), str(written))
        return located_yaml.validate(document, Description)
    encoders = _by_training(folder, "encoder", prefer_int8=True)
    decoders = _by_training(folder, "decoder", prefer_int8=False)
    joiners = _by_training(folder, "joiner", prefer_int8=True)
    trainings = sorted(encoders.keys() | decoders.keys() | joiners.keys())
    whole = [each for each in trainings if each in encoders and each in decoders]
    training = next((each for each in whole if each in joiners), None) or next(iter(trainings), "")
    names = {
        "encoder": encoders.get(training, f"encoder{training}.onnx"),
        "decoder": decoders.get(training, f"decoder{training}.onnx"),
        "joiner": joiners.get(training, f"joiner{training}.onnx"),
    }
    return Description(**names)


def _by_training(folder: Path, part: str, *, prefer_int8: bool) -> dict[str, str]:
    """File names of one part by what stands between its name and its ending.

    Upstream documents int8 encoder, fp32 decoder and int8 joiner as the pairing for the CPU.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.glob(f"{part}*.onnx")):
        training = path.name.removeprefix(part).removesuffix(".onnx").removesuffix(".int8")
        is_int8 = path.name.endswith(".int8.onnx")
        if training not in found or is_int8 == prefer_int8:
            found[training] = path.name
    return found


def _missing(named: Mapping[str, Path]) -> Iterator[Problem]:
    for part, path in named.items():
        if not path.is_file():
            yield _problem(path, part, f"the file is missing: {_PULL_AGAIN}")


def _bad_tokens(file: Path) -> Iterator[Problem]:
    """A unit and its number a line, numbers without a hole: the engine indexes by them."""
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
        if match is None or int(match[2]) in numbers:
            yield _problem(file, "tokens", f"not a unit and its number: {_PULL_AGAIN}", at)
            return
        numbers.add(int(match[2]))
    if len(numbers) < 2 or numbers != set(range(len(numbers))):
        yield _problem(file, "tokens", f"units are missing: {_PULL_AGAIN}")


def _not_onnx(file: Path) -> Iterator[Problem]:
    with file.open("rb") as opened:
        head = opened.read(64)
    if head.startswith(b"version https://git-lfs"):
        yield _problem(file, "onnx", "a Git LFS pointer, not the model: run `git lfs pull`")
    # An ONNX file is a protobuf message that begins with its IR version.
    elif not head.startswith(b"\x08") or file.stat().st_size < _SMALLEST_ONNX:
        yield _problem(file, "onnx", f"not an ONNX file: {_PULL_AGAIN}")


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
