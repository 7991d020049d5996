"""Owns what a folder must hold to be a second pass: a stronger model that hears each finished
utterance once more.

Called when the recognizer starts. What a model is stands in its own file, not in its name: another
kind than the engine is told to load would end its process.
"""

import mmap
from pathlib import Path

from callwarden.problems import Problem, ProblemsFound
from callwarden.settings import Settings
from recognizer.models import folder as folders
from recognizer.models.model import SecondPassModel

_KINDS = {b"sense_voice": "sense-voice", b"paraformer": "paraformer"}
"""By the model_type that upstream's export writes into the file."""


def named(settings: Settings) -> SecondPassModel | None:
    """The one that the site has chosen, if any. Raises ProblemsFound as `load` does."""
    chosen = settings.recognizer.second_pass
    return None if chosen is None else load(chosen)


def load(folder: Path) -> SecondPassModel:
    """The model in `folder`: SenseVoice or Paraformer (one file), or a streaming transducer, which
    is then searched more widely. Raises ProblemsFound with everything that is wrong."""
    folder = folder.resolve()
    if any(folder.glob("joiner*.onnx")) or (folder / folders.DESCRIPTION).is_file():
        model = folders.load(folder)
        return SecondPassModel(
            name=model.name,
            kind="streaming-beam",
            tokens=model.tokens,
            encoder=model.encoder,
            decoder=model.decoder,
            joiner=model.joiner,
            feature_rate_hz=model.feature_rate_hz,
        )
    files = sorted(folder.glob("model*.onnx"), key=lambda file: ".int8." not in file.name)
    tokens = folder / "tokens.txt"
    if not files or not tokens.is_file():
        what = "no model*.onnx with a tokens.txt beside it, and no streaming transducer"
        raise ProblemsFound([_problem(folder, f"{what}: name the folder of a model")])
    problems = folders.flaws(tokens, files[0])
    if problems:
        raise ProblemsFound(problems)
    with files[0].open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as held:
        kind = next((kind for mark, kind in _KINDS.items() if held.find(mark) >= 0), None)
    if kind is None:
        what = "is neither SenseVoice nor Paraformer, by its model_type: choose one of those"
        raise ProblemsFound([_problem(files[0], what)])
    return SecondPassModel(folder.name, kind, str(tokens), model=str(files[0]))


def _problem(file: Path, message: str) -> Problem:
    return Problem(str(file), 1, 1, "recognizer.second_pass", message)
