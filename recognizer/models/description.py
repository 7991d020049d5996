"""Owns a model folder's word on itself: `callwarden-model.yaml` beside its files, or, without one,
what the files' names and heads say.

Asked by `models.folder`. What is described need not be there: the caller checks it.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from callwarden import located_yaml
from callwarden.located_yaml import LocatedDocument
from callwarden.problems import Problem, ProblemsFound
from recognizer.models import kinds, onnx_header
from recognizer.models.onnx_header import NotOnnx, OnnxHeader

FILE = "callwarden-model.yaml"
_PARTS = ("encoder", "decoder", "joiner", "model")
_Name = Field("", pattern=r"^[^/\\]*$")


class Description(BaseModel):
    """`streaming` need not be said where a kind does only one; `segments` has a streaming
    transducer hear finished stretches of speech, searched more widely; names are without a path.
    `batch`: how many streams it is given in one go at most; whether it takes them is found out."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: kinds.Name = "transducer"
    streaming: bool | None = None
    segments: bool = False
    languages: tuple[str, ...] = ()
    language: str = Field("", pattern=r"^([a-z]{2,3})?$")
    tokens: str = Field("tokens.txt", pattern=r"^[^/\\]+$")
    encoder: str = _Name
    decoder: str = _Name
    joiner: str = _Name
    model: str = _Name
    vad: str = _Name
    feature_rate_hz: Literal[8000, 16000] = 16000
    batch: int | None = Field(None, ge=1, le=64)

    def named(self, part: str) -> str:
        return str(getattr(self, part))


class Described:
    """A description and the places of its keys, for who finds something wrong with one of them."""

    def __init__(self, folder: Path, text: Description, document: LocatedDocument | None) -> None:
        self.folder, self.text, self._document = folder, text, document
        self.kind = _kind_of(text, self.problem)

    def file(self, part: str) -> Path:
        return self.folder / self.text.named(part)

    def problem(self, part: str, message: str) -> Problem:
        """At the key of that part, or at the file itself where nobody wrote a key."""
        if self._document is not None:
            return self._document.problem((part,), message)
        name = self.text.named(part) if part in Description.model_fields else ""
        return Problem(str(self.folder / name), 1, 1, part, message)


def of(folder: Path) -> Described:
    """Raises ProblemsFound."""
    written = folder / FILE
    if not written.is_file():
        return Described(folder, _by_names(folder), None)
    document = located_yaml.read(written.read_text(encoding="utf-8"), str(written))
    described = Described(folder, located_yaml.validate(document, Description), document)
    problems = list(_parts_amiss(described))
    if problems:
        raise ProblemsFound(problems)
    return described


def _parts_amiss(described: Described) -> Iterator[Problem]:
    kind = described.kind
    if described.text.segments and kind.streaming and kind.name != "transducer":
        yield described.problem("segments", f"a {kind.words} hears none: leave it out")
    for part in _PARTS:
        named = bool(described.text.named(part))
        if part in kind.parts and not named:
            yield described.problem("kind", f"the key {part} is missing: a {kind.words} has one")
        elif named and part not in kind.parts:
            yield described.problem(part, f"a {kind.words} has none: leave it out")


def _kind_of(text: Description, problem: Callable[[str, str], Problem]) -> kinds.Kind:
    known = [each for each in kinds.ALL if each.name == text.kind]
    chosen = [each for each in known if text.streaming in (None, each.streaming)]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        message = f"{text.kind} is streaming or not: say `streaming: true` or `streaming: false`"
        raise ProblemsFound([problem("kind", message)])
    message = f"there is no {'' if text.streaming else 'non-'}streaming {text.kind}"
    raise ProblemsFound([problem("streaming", message)])


def _by_names(folder: Path) -> Description:
    """The kind whose marks its files bear; a transducer where none can be told, so that what is
    missing of one is named."""
    whole = _by_training(folder)
    tokens = sorted(each.name for each in folder.glob("*tokens.txt")) or ["tokens.txt"]
    vad = next((each.name for each in sorted(folder.glob("silero_vad*.onnx"))), "")
    names: dict[str, str] = {"tokens": tokens[0], "vad": vad}
    headers = {part: _header(folder / name) for part, name in whole.items()}
    for kind in kinds.ALL:
        if all(_bears_marks(kind, part, headers.get(part)) for part in kind.parts):
            parts = {part: whole[part] for part in kind.parts}
            return Description(kind=kind.name, streaming=kind.streaming, **names, **parts)
    if set(whole) == {"model"}:
        raise ProblemsFound([_unknown(folder / whole["model"], headers["model"])])
    parts = {part: whole.get(part, f"{part}.onnx") for part in ("encoder", "decoder", "joiner")}
    return Description(**names, **parts)


def _bears_marks(kind: kinds.Kind, part: str, header: OnnxHeader | None) -> bool:
    if header is None or not header.metadata.keys() >= set(kind.marks.get(part, ())):
        return False
    told = header.metadata.get("model_type", "")
    return part != kind.parts[0] or not kind.model_types or told.startswith(kind.model_types)


def _unknown(file: Path, header: OnnxHeader | None) -> Problem:
    if header is None:
        try:
            onnx_header.read(file)
        except NotOnnx as error:
            return Problem(str(file), 1, 1, "model", str(error))
    told = (header.metadata.get("model_type", "") if header else "") or "nothing"
    known = ", ".join(dict.fromkeys(each.name for each in kinds.ALL))
    message = f"is none of {known} (its model_type says {told}): choose a model of one of those"
    return Problem(str(file), 1, 1, "model", message)


def _header(file: Path) -> OnnxHeader | None:
    try:
        return onnx_header.read(file)
    except NotOnnx:
        return None


def _by_training(folder: Path) -> Mapping[str, str]:
    """File names of the parts of one training: by what stands beside the part's name, those that
    are whole first. Upstream documents int8 encoder, fp32 decoder and int8 joiner as the pairing
    for the CPU of a transducer, int8 for models of one or two parts."""
    trainings: dict[str, dict[str, str]] = {}
    files = sorted(each.name for each in folder.glob("*.onnx"))
    is_transducer = any("joiner" in name for name in files)
    for name in files:
        if name.startswith("silero_vad"):
            continue
        part = next((each for each in _PARTS[:3] if each in name), "model")
        is_int8 = name.endswith(".int8.onnx")
        training = name.replace(part, "", 1).removesuffix(".onnx").removesuffix(".int8")
        named = trainings.setdefault("model" if part == "model" else training, {})
        prefer_int8 = not (is_transducer and part == "decoder")
        if part not in named or is_int8 == prefer_int8:
            named[part] = name
    order = sorted(trainings, key=lambda each: (-len(trainings[each]), each))
    return trainings[order[0]] if order else {}
