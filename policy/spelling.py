"""Owns the check of speech packs against a model: phrases that the model has no units for.

Called by `rules check --model` and by the recognizer when it starts with a model. Such a phrase
would never be heard, and listening for it a second time would end the engine's process. Of a model
that writes characters any phrase may be heard, by its sound; only second looks need its units.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from callwarden import located_yaml
from callwarden.located_yaml import LocatedDocument
from callwarden.located_yaml import Path as Place
from callwarden.problems import Problem, ProblemsFound
from policy import rulebook
from policy.speech import phrase
from policy.speech.assembly import GUARDS
from policy.speech.pack import PatternText, SpeechPack
from policy.speech.units import Units, UnknownUnit, Writing


def problems(folder: Path | None, speech: Sequence[str], units: Units) -> list[Problem]:
    """Every phrase of the packs that the model cannot spell, at its place. The packs are free of
    other problems."""
    folder = folder or rulebook.shipped()
    unread: list[Problem] = []
    files = [file for name in speech for file in rulebook.speech_files(folder, name)]
    found = [
        problem
        for document in rulebook.documents(files, unread)
        for problem in _of_file(document, units)
    ]
    return [*unread, *found]


def units_in(model: Path) -> Units:
    """The units of the model in a folder, or of its tokens.txt. Raises ProblemsFound."""
    file = model / "tokens.txt" if model.is_dir() else model
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        problem = Problem(str(file), 1, 1, "model", f"no list of units can be read here: {why}")
        raise ProblemsFound([problem]) from None
    return Units.read(file.parent.name, lines)


def _of_file(document: LocatedDocument, units: Units) -> Iterator[Problem]:
    for name, pattern in located_yaml.validate(document, SpeechPack).patterns.items():
        for path, written in _phrases(name, pattern, units.writing):
            for text in _texts(phrase.parse(written)):
                try:
                    units.spell(text)
                except UnknownUnit as error:
                    yield document.problem(path, str(error))


def _phrases(name: str, pattern: PatternText, writing: Writing) -> Iterator[tuple[Place, str]]:
    lists: list[tuple[Place, Sequence[str]]] = []
    if writing is Writing.PINYIN_PARTS:
        lists.append((("phrases",), pattern.phrases))
        lists += [(("dialects", dialect), said) for dialect, said in pattern.dialects.items()]
        lists += [((key,), getattr(pattern, key)) for key in GUARDS]
    if pattern.second_look and writing is not Writing.OTHER:
        lists += [
            (("second_look", side), getattr(pattern.second_look, side))
            for side in ("heard", "instead")
        ]
    for key, written in lists:
        for index, each in enumerate(written):
            yield ("patterns", name, *key, index), each


def _texts(sequence: phrase.Sequence) -> Iterator[str]:
    """What a phrase says in characters; what it refers to is checked where it stands."""
    for part in sequence:
        if isinstance(part, phrase.Text):
            yield part.marks
        elif isinstance(part, phrase.Choice):
            for way in part.ways:
                yield from _texts(way)
