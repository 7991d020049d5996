"""Owns what a folder must hold to be a second pass: a stronger model that hears each finished
utterance once more.

Called when the recognizer starts.
"""

from pathlib import Path

from callwarden.problems import Problem, ProblemsFound
from recognizer.models import folder as folders
from recognizer.models.model import Model


def load(folder: Path) -> Model:
    """Any non-streaming model, or a streaming transducer, which is then searched more widely.

    Raises ProblemsFound with everything that is wrong.
    """
    model = folders.load(folder)
    if model.streaming and model.kind != "transducer":
        message = f"a streaming {model.kind} hears no better a second time: choose a transducer"
        raise ProblemsFound([Problem(str(folder), 1, 1, "recognizer.second_pass", message)])
    return model
