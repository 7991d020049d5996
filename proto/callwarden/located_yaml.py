"""Owns reading YAML with places: every value can be asked for its line and column, and a pydantic
model checked against it reports each failure there.

Called by the configuration and by the rulebook loader. It never opens a file: text comes in.
"""

import re
import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from callwarden.problems import Problem, ProblemsFound, did_you_mean

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class LocatedDocument:
    """One YAML document: its plain value and the place of each part of it."""

    file: str
    value: Any

    def place(self, path: Path) -> tuple[int, int]:
        """Line and column, from 1, of the value at `path`, or of the nearest part that exists."""
        node, place = self.value, (1, 1)
        for step in path:
            if isinstance(node, CommentedMap) and step in node:
                line, column = node.lc.key(step)
            elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
                line, column = node.lc.item(step)
            else:
                break
            place, node = (line + 1, column + 1), node[step]
        return place

    def problem(self, path: Path, message: str) -> Problem:
        line, column = self.place(path)
        return Problem(self.file, line, column, dotted(path), message)


def dotted(path: Path) -> str:
    """`("dialling", 0, "windows")` as a reader writes it: `dialling[0].windows`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "(document)"


def read(text: str, file: str) -> LocatedDocument:
    """Parses one YAML 1.2 document. An empty one is an empty mapping.

    Raises ProblemsFound on text that is not YAML or names a key twice.
    """
    try:
        value = YAML(typ="rt").load(text)
    except DuplicateKeyError as error:
        raise ProblemsFound([_syntax_problem(error, file, "the key stands here twice")]) from None
    except MarkedYAMLError as error:
        raise ProblemsFound([_syntax_problem(error, file, error.problem or "not YAML")]) from None
    except YAMLError as error:
        message = " ".join(str(error).split())
        raise ProblemsFound([Problem(file, 1, 1, "(document)", f"not YAML: {message}")]) from None
    return LocatedDocument(file, CommentedMap() if value is None else value)


def _syntax_problem(error: MarkedYAMLError, file: str, message: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Problem(file, line, column, "(document)", " ".join(message.split()))


def validate(document: LocatedDocument, model: type[Model]) -> Model:
    """The document as a `model`.

    Raises ProblemsFound with every failure at its line and column; an unknown key or value comes
    with the nearest known one.
    """
    try:
        return TypeAdapter(model).validate_python(document.value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise ProblemsFound(
            _problem(document, model, each) for each in details if not _follows(document, each)
        ) from None


def _follows(document: LocatedDocument, error: ErrorDetails) -> bool:
    """Whether pydantic found a list too short only after leaving out items it reports itself."""
    if error["type"] != "too_short":
        return False
    given = _at(document.value, _path_in(document.value, error["loc"]))
    return isinstance(given, list | dict) and len(given) >= error["ctx"]["min_length"]


def _problem(document: LocatedDocument, model: type[BaseModel], error: ErrorDetails) -> Problem:
    path = _path_in(document.value, error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        known = _keys_known_beside(model, error["loc"])
        return document.problem(path, "unknown key" + did_you_mean(str(path[-1]), known))
    if kind in ("missing", "union_tag_not_found"):
        missing = error["loc"][-1] if kind == "missing" else _discriminator(context)
        return document.problem(path, f"the key {missing} is missing")
    if kind in ("literal_error", "enum"):
        return document.problem(path, _one_of(context["expected"], _at(document.value, path)))
    if kind == "union_tag_invalid":
        message = _one_of(context["expected_tags"], context["tag"])
        return document.problem((*path, _discriminator(context)), message)
    message = _PLAIN.get(kind, error["msg"].removeprefix("Value error, "))
    return document.problem(path, message)


_PLAIN = {
    **dict.fromkeys(
        ("model_type", "dict_type", "model_attributes_type"), "must be keys and values"
    ),
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), "must be a list"),
    "string_type": "must be text; put it in quotes",
}


def _discriminator(context: dict[str, Any]) -> str:
    return str(context["discriminator"]).strip("'")


def _one_of(expected: str, given: object) -> str:
    """`expected` as pydantic lists it: `'a', 'b' or 'c'`."""
    known = re.findall(r"'([^']+)'", expected)
    return f"must be one of {', '.join(known)}" + did_you_mean(str(given), known)


def _path_in(value: Any, loc: Sequence[str | int]) -> Path:
    """pydantic's location without the steps that name a member of a union, not a key."""
    path: list[str | int] = []
    for step in loc:
        in_list = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if in_list or (isinstance(value, dict) and step in value):
            value = value[step]
            path.append(step)
    return tuple(path)


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _keys_known_beside(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Keys allowed where the unknown key `loc[-1]` stands."""
    kinds: list[Any] = [model]
    for step in loc[:-1]:
        kinds = [inner for kind in kinds for inner in _step_into(kind, step)] or kinds
    models = [kind for kind in kinds for kind in _models(kind)]
    return [field.alias or name for kind in models for name, field in kind.model_fields.items()]


def _step_into(kind: Any, step: str | int) -> Iterator[Any]:
    for member in _models(kind):
        if _is_tagged(member, step):
            yield member
        for name, field in member.model_fields.items():
            if step in (name, field.alias):
                yield field.annotation
    for member in _members(kind):
        origin, arguments = typing.get_origin(member), typing.get_args(member)
        if origin in (list, tuple, set, frozenset) and isinstance(step, int):
            yield arguments[0]
        elif origin is dict:
            yield arguments[1]


def _is_tagged(member: type[BaseModel], tag: str | int) -> bool:
    """Whether the model is the member of a tagged union that carries `tag`."""
    return any(
        typing.get_origin(field.annotation) is typing.Literal
        and typing.get_args(field.annotation) == (tag,)
        for field in member.model_fields.values()
    )


def _members(kind: Any) -> Iterator[Any]:
    if typing.get_origin(kind) is typing.Annotated:
        yield from _members(typing.get_args(kind)[0])
    elif typing.get_origin(kind) in (typing.Union, types.UnionType):
        for member in typing.get_args(kind):
            yield from _members(member)
    else:
        yield kind


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    for member in _members(kind):
        if isinstance(member, type) and issubclass(member, BaseModel):
            yield member
