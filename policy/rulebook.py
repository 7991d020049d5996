"""Owns loading rules from a folder: which files a pack is made of, every problem of all of them at
once, and the identity of what is in force.

Called by the gateway, the recognizer and the commands when they start or are told to load again.
A rulebook exists only when every file of it is free of problems. In a folder, `NAME.yaml` is a
dialling pack and `speech/NAME/` holds the files of a speech pack; `*_test.yaml` are their tests.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from callwarden import located_yaml
from callwarden.located_yaml import LocatedDocument
from callwarden.problems import Problem, ProblemsFound, did_you_mean
from policy import rulebook_text
from policy.dialling import pack as dialling_pack
from policy.dialling import public_holidays, site_pack
from policy.dialling.pack import DiallingPack
from policy.dialling.public_holidays import Calendar
from policy.dialling.rulebook import DiallingRulebook
from policy.identity import RulebookIdentity, RulebookText
from policy.speech import assembly
from policy.speech.pack import SpeechPack
from policy.speech.rulebook import SpeechRulebook

_SPEECH = "speech"
_TEST_ENDING = "_test.yaml"


@dataclass(frozen=True)
class Rulebook:
    """All rules in force, under one identity."""

    identity: RulebookIdentity
    dialling: DiallingRulebook
    speech: SpeechRulebook


@dataclass(frozen=True)
class Packs:
    """Packs as they are written, in the order they were asked for, free of problems."""

    dialling: tuple[DiallingPack, ...]
    speech: tuple[SpeechPack, ...]
    calendars: Mapping[str, Calendar]
    """The public holidays that dialling rules go by."""
    text: RulebookText

    @property
    def identity(self) -> RulebookIdentity:
        return self.text.identity


def load(folder: Path | None, packs: Sequence[str], speech: Sequence[str]) -> Rulebook:
    """The named dialling and speech packs of `folder` (None: the shipped rules), to be evaluated.

    Raises ProblemsFound as `read` does.
    """
    found = read(folder, packs, speech)
    return Rulebook(
        found.identity,
        DiallingRulebook.compile(found.dialling, found.identity, found.calendars),
        SpeechRulebook.compile(found.speech, found.identity),
    )


def read(folder: Path | None, packs: Sequence[str], speech: Sequence[str]) -> Packs:
    """The named packs as they are written.

    Raises ProblemsFound with all problems of all files: unknown packs, unreadable files, keys and
    values that are none, rules that contradict themselves.
    """
    folder = folder or shipped()
    problems: list[Problem] = []
    dialling = [
        (document, pack)
        for name in _known(packs, dialling_packs, folder, "rules.packs", problems)
        for document in _joined(folder, name, (), problems)
        if (pack := _dialling(document, problems))
    ]
    spoken = [
        (written, joined)
        for name in _known(speech, speech_packs, folder, "rules.speech", problems)
        if (written := list(documents(_files_of_speech(folder, name), problems)))
        if (joined := _speech(name, written, problems))
    ]
    if problems:
        raise ProblemsFound(problems)
    countries = {country for _, pack in dialling for country in pack.countries}
    calendars = {country: public_holidays.calendar(country) for country in countries}
    text = rulebook_text.write(
        "+".join(
            [f"{pack.pack}@{pack.version}" for _, pack in dialling]
            + [f"{joined.pack}@{joined.version}" for _, joined in spoken]
        ),
        [document.value for document, _ in dialling],
        [[document.value for document in written] for written, _ in spoken],
        calendars,
    )
    return Packs(
        tuple(pack for _, pack in dialling), tuple(joined for _, joined in spoken), calendars, text
    )


def shipped() -> Path:
    """The folder of the rules that come with Callwarden."""
    return Path(str(files("rules").joinpath("house.yaml"))).parent


def dialling_packs(folder: Path) -> list[str]:
    """Names of the dialling packs that lie in `folder`."""
    return sorted(path.stem for path in folder.glob("*.yaml") if not _is_test(path))


def speech_packs(folder: Path) -> list[str]:
    """Names of the speech packs that lie in `folder`: folders with a file of rules."""
    return sorted(
        {path.parent.name for path in (folder / _SPEECH).glob("*/*.yaml") if not _is_test(path)}
    )


def speech_files(folder: Path, pack: str) -> list[Path]:
    """The files of a speech pack, without its tests."""
    found = (folder / _SPEECH / pack).glob("*.yaml")
    return sorted(path for path in found if not _is_test(path))


def dialling_tests(folder: Path) -> list[Path]:
    """The tests that lie beside the dialling packs."""
    return sorted(folder.glob(f"*{_TEST_ENDING}"))


def speech_tests(folder: Path, pack: str) -> list[Path]:
    """The tests that lie beside the files of a speech pack."""
    return sorted((folder / _SPEECH / pack).glob(f"*{_TEST_ENDING}"))


def _is_test(path: Path) -> bool:
    return path.name.endswith(_TEST_ENDING)


def documents(paths: Iterable[Path], problems: list[Problem]) -> Iterator[LocatedDocument]:
    """What each file says; what cannot be read is added to `problems`."""
    for path in paths:
        try:
            yield located_yaml.read(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            problems.append(Problem(str(path), 1, 1, "(document)", f"cannot be read: {why}"))
        except ProblemsFound as error:
            problems.extend(error.problems)


def _known(
    asked: Sequence[str],
    lying_in: Callable[[Path], list[str]],
    folder: Path,
    key: str,
    problems: list[Problem],
) -> Iterator[str]:
    """Those asked for that lie in `folder` or are shipped."""
    known = sorted({*lying_in(folder), *lying_in(shipped())})
    for name in dict.fromkeys(asked):
        if name in known:
            yield name
        else:
            hint = did_you_mean(name, known) or f" (there are: {', '.join(known) or 'none'})"
            problems.append(Problem(str(folder), 1, 1, key, f"no pack {name} lies here{hint}"))


def _files_of_speech(folder: Path, pack: str) -> list[Path]:
    return speech_files(folder, pack) or speech_files(shipped(), pack)


def _joined(
    folder: Path, name: str, extending: tuple[str, ...], problems: list[Problem]
) -> Iterator[LocatedDocument]:
    """The document of a dialling pack that lies in `folder` or else is shipped, joined with what it
    extends. `extending`: the packs that asked for it, from the one in force on."""
    here = folder / f"{name}.yaml"
    for document in documents([here if here.exists() else shipped() / here.name], problems):
        base = site_pack.extends(document)
        if base is None:
            yield document
            continue
        known = sorted({*dialling_packs(folder), *dialling_packs(shipped())})
        if base not in known:
            message = f"no pack {base} lies here{did_you_mean(base, known)}"
            problems.append(document.problem(("extends",), message))
        elif base in (*extending, name):
            problems.append(document.problem(("extends",), "the packs extend each other"))
        else:
            for before in _joined(folder, base, (*extending, name), problems):
                try:
                    yield site_pack.joined(document, before)
                except ProblemsFound as error:
                    problems.extend(error.problems)


def _dialling(document: LocatedDocument, problems: list[Problem]) -> DiallingPack | None:
    problems.extend(dialling_pack.problems(document))
    try:
        pack = located_yaml.validate(document, DiallingPack)
    except ProblemsFound as error:
        problems.extend(error.problems)
        return None
    _agree(document, pack.pack, Path(document.file).stem, problems)
    return pack


def _speech(
    name: str, written: Sequence[LocatedDocument], problems: list[Problem]
) -> SpeechPack | None:
    try:
        pack = assembly.assemble(written)
    except ProblemsFound as error:
        problems.extend(error.problems)
        return None
    _agree(written[0], pack.pack, name, problems)
    return pack


def _agree(document: LocatedDocument, pack: str, name: str, problems: list[Problem]) -> None:
    if pack != name:
        message = f"{document.file} belongs to a pack named {name}: the two must agree"
        problems.append(document.problem(("pack",), message))
