"""Owns where a model is looked for: what was named, then `$CALLWARDEN_MODELS`, the state folder,
and `../shared/models` beside a source tree.

A model that was named must be usable; of those found by searching, broken ones are passed over and
told.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from callwarden.problems import Problem, ProblemsFound
from callwarden.settings import Settings
from recognizer.models import catalogue, description, folder
from recognizer.models.model import Model


@dataclass
class Search:
    """`missing` says what to do when there is no model."""

    model: Model | None = None
    missing: str = ""
    broken: list[Problem] = field(default_factory=list)


def places(settings: Settings) -> list[Path]:
    """Folders that hold model folders, those asked first at the front."""
    named = os.environ.get("CALLWARDEN_MODELS")
    tree = Path(__file__).resolve().parents[2]
    candidates = [
        *([Path(named)] if named else []),
        settings.models_folder,
        tree.parent / "shared" / "models",
        Path.cwd().parent / "shared" / "models",
    ]
    return list(dict.fromkeys(each.absolute() for each in candidates if each.is_dir()))


def folders(settings: Settings) -> Iterator[Path]:
    """Every folder that looks like a model, in the order of the search."""
    for place in places(settings):
        if _looks_like_model(place):
            yield place
        else:
            yield from sorted(filter(_looks_like_model, place.iterdir()), key=_rank)


def search(named: str | Path | None, settings: Settings) -> Search:
    """The model to listen with. Raises ProblemsFound when the one that was named is unusable."""
    if named is not None:
        return Search(model=folder.load(_named(named, settings)))
    result = Search()
    for path in folders(settings):
        if not hears(path):
            continue
        try:
            result.model = folder.load(path)
            return result
        except ProblemsFound as error:
            result.broken += error.problems
    result.missing = (
        f"no speech model: run `callwarden models pull {catalogue.RECOMMENDED}`, "
        "or set CALLWARDEN_MODELS to a folder of models"
    )
    if result.broken:
        result.missing += f" (passed over: {result.broken[0].file}: {result.broken[0].message})"
    return result


def _named(named: str | Path, settings: Settings) -> Path:
    path = Path(named)
    if not path.is_dir() and len(path.parts) == 1:
        path = next((each for each in folders(settings) if each.name == str(named)), path)
    return path


def _looks_like_model(path: Path) -> bool:
    described = any(path.glob("*tokens.txt")) or (path / description.FILE).is_file()
    return path.is_dir() and any(path.glob("*.onnx")) and described


def hears(path: Path) -> bool:
    """Whether the model in the folder turns speech into words."""
    entry = catalogue.shipped().named(path.resolve().name)
    return entry is None or entry.kind not in catalogue.DEAF


def _rank(path: Path) -> tuple[int, str]:
    """The catalogue's order, then by name."""
    names = [each.name for each in catalogue.shipped().models]
    return (names.index(path.name) if path.name in names else len(names), path.name)
