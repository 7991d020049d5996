"""What the shipped model mishears lies mostly within the classes of sounds that rules allow for."""

from itertools import islice
from pathlib import Path

from recognizer import recordings
from recognizer.models.model import Model
from recognizer.sherpa import Engine
from tests.recognizer.confusions import of_calls


def test_most_mistakes_still_count_for_what_was_meant(model: Model, calls_folder: Path) -> None:
    found = of_calls(Engine(model, 1), islice(recordings.find([calls_folder]), 4))
    wrong = found.wrong.total()
    assert found.meant > 200
    assert wrong / found.meant < 0.1
    assert found.by_how_it_counts()[0.0] <= 0.35 * wrong
    right = sum(count for (meant, heard), count in found.tones.items() if meant == heard)
    assert right / found.tones.total() > 0.95
