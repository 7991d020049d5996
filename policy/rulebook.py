"""Owns loading rules from a folder: which files a pack is made of, every problem of all of them at
once, and the identity of what is in force.

Called by the gateway, the recognizer and the commands when they start or are told to load again.
A rulebook exists only when every file of it is free of problems.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from callwarden import located_yaml
from callwarden.located_yaml import LocatedDocument
from callwarden.problems import Problem, ProblemsFound, did_you_mean
from policy.dialling import pack as dialling_pack
from policy.dialling.pack import DiallingPack
from policy.dialling.rulebook import DiallingRulebook
from policy.identity import RulebookIdentity

_TEST_ENDING = "_test.yaml"


@dataclass(frozen=True)
class Rulebook:
    """All rules in force, under one identity."""

    identity: RulebookIdentity
    dialling: DiallingRulebook


def load(folder: Path | None, packs: Sequence[str], speech: Sequence[str]) -> Rulebook:
    """The named dialling and speech packs of `folder` (None: the shipped rules).

    Raises ProblemsFound with all problems of all files: unknown packs, unreadable files, keys and
    values that are none, rules that contradict themselves.
    """
    folder = folder or shipped()
    problems: list[Problem] = []
    documents = list(_documents(_dialling_files(folder, packs, problems), problems))
    dialling = [each for each in (_dialling(one, problems) for one in documents) if each]
    if problems:
        raise ProblemsFound(problems)
    identity = RulebookIdentity(
        version="+".join(f"{each.pack}@{each.version}" for each in dialling),
        digest=_digest({"dialling": [each.value for each in documents]}),
    )
    return Rulebook(identity, DiallingRulebook.compile(dialling, identity))


def shipped() -> Path:
    """The folder of the rules that come with Callwarden."""
    return Path(str(files("rules").joinpath("house.yaml"))).parent


def dialling_packs(folder: Path) -> list[str]:
    """Names of the dialling packs that lie in `folder`."""
    found = folder.glob("*.yaml")
    return sorted(each.stem for each in found if not each.name.endswith(_TEST_ENDING))


def _dialling_files(folder: Path, packs: Sequence[str], problems: list[Problem]) -> Iterator[Path]:
    known = dialling_packs(folder)
    for name in dict.fromkeys(packs):
        if name in known:
            yield folder / f"{name}.yaml"
        else:
            nearest = did_you_mean(name, known) or f" (there are: {', '.join(known) or 'none'})"
            message = f"no dialling pack is named {name} here{nearest}"
            problems.append(Problem(str(folder), 1, 1, "rules.packs", message))


def _documents(paths: Iterable[Path], problems: list[Problem]) -> Iterator[LocatedDocument]:
    for path in paths:
        try:
            yield located_yaml.read(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            problems.append(Problem(str(path), 1, 1, "(document)", f"cannot be read: {why}"))
        except ProblemsFound as error:
            problems.extend(error.problems)


def _dialling(document: LocatedDocument, problems: list[Problem]) -> DiallingPack | None:
    problems.extend(dialling_pack.problems(document))
    try:
        pack = located_yaml.validate(document, DiallingPack)
    except ProblemsFound as error:
        problems.extend(error.problems)
        return None
    if pack.pack != Path(document.file).stem:
        message = f"the file is named {Path(document.file).name}: they must agree"
        problems.append(document.problem(("pack",), message))
    return pack


def _digest(content: dict[str, Any]) -> str:
    """SHA-256 of what the files say, whatever their comments, layout and order of keys."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
