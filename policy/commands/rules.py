"""Owns `callwarden rules check`, `rules show` and `rules test`: what a compliance officer runs
after changing a rule, before anybody is called by it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import click

from callwarden import located_yaml
from callwarden.command import with_settings
from callwarden.located_yaml import LocatedDocument, Model
from callwarden.problems import Problem, ProblemsFound, did_you_mean
from callwarden.settings import Settings
from policy import rulebook, spelling
from policy.dialling import rule_tests
from policy.dialling.pack import CallRule, DiallingPack
from policy.dialling.rule_tests import RuleTests
from policy.rule import Rule, TitleText
from policy.rulebook import Packs, Rulebook
from policy.speech import dialogue_test
from policy.speech.dialogue_test import DialogueTests
from policy.speech.pack import SpeechPack

_WORDS = {
    "zh": {"changed": "本机构修改", "keep": "须保存", "days": "{} 天", "waivable": "经同意可豁免"},
    "en": {"changed": "changed here", "keep": "keep", "days": "{} days", "waivable": "waivable"},
}

_FOLDER = click.argument(
    "folder",
    required=False,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)


@click.command(epilog="Example: callwarden rules check rules --model /srv/models/my-model")
@_FOLDER
@click.option(
    "--model",
    type=click.Path(exists=True, path_type=Path),
    help="Folder of a speech model: also tell phrases that it has no units for.",
)
@with_settings
def check(configured: Settings, folder: Path | None, model: Path | None) -> None:
    """Read every pack and every test of a folder (default: the one in force).

    Exit code 2 with all that is wrong, each with its file, line and column.
    """
    packs, tests = _everything(configured, folder)
    if model:
        place = folder or configured.rules.folder
        units = spelling.units_in(model)
        unspelled = spelling.problems(place, [each.pack for each in packs.speech], units)
        if unspelled:
            raise ProblemsFound(unspelled)
    click.echo(
        f"no problems: {_count(packs.dialling, 'dialling pack')}, "
        f"{_count(packs.speech, 'speech pack')}, {_count(tests, 'file')} of tests"
    )


@click.command(epilog="Example: callwarden rules show --config /etc/callwarden/callwarden.yaml")
@with_settings
def show(configured: Settings) -> None:
    """Show what is in force: packs with their versions, the digest, every rule."""
    chosen = configured.rules
    packs = rulebook.read(chosen.folder, chosen.packs, chosen.speech)
    click.echo(f"folder  {chosen.folder or rulebook.shipped()}")
    click.echo(f"version {packs.identity.version}")
    click.echo(f"digest  {packs.identity.digest}")
    for pack in packs.dialling:
        _show(pack, pack.dialling, configured.locale)
        _show_besides(pack, configured.locale)
    for spoken in packs.speech:
        _show(spoken, spoken.rules, configured.locale)


@click.command(epilog="Example: callwarden rules test rules")
@_FOLDER
@with_settings
def test(configured: Settings, folder: Path | None) -> int:
    """Run the tests that lie beside the packs. Exit code 1 when one of them fails."""
    _, tests = _everything(configured, folder)
    return 1 if _failures(tests) else 0


def failures(folder: Path | None, packs: Sequence[str], speech: Sequence[str]) -> Sequence[Problem]:
    """Runs the tests that lie beside these packs, saying how many passed; gives those that failed.

    Raises ProblemsFound with what is wrong in a file of tests.
    """
    place = folder or rulebook.shipped()
    problems: list[Problem] = []
    tests = [*_dialling_tests(place, problems), *_speech_tests(place, problems)]
    asked = {(name, False) for name in packs} | {(name, True) for name in speech}
    if problems:
        raise ProblemsFound(problems)
    return _failures([each for each in tests if (each.pack, each.spoken) in asked])


def _failures(tests: Sequence["TestFile"]) -> Sequence[Problem]:
    load = lru_cache(rulebook.load)  # many files of tests lie beside one pack
    found = [failure for each in tests for failure in _run(each, load)]
    for failure in found:
        click.echo(str(failure))
    return found


@dataclass(frozen=True)
class TestFile:
    """A file of tests, and the pack it is about; `folder` is where the packs lie."""

    document: LocatedDocument
    folder: Path
    pack: str
    spoken: bool


def _run(file: TestFile, load: Callable[..., Rulebook]) -> Sequence[Problem]:
    """Says how many tests of the file passed; gives those that failed."""
    if file.spoken:
        outcome = dialogue_test.run(file.document, load(file.folder, (), (file.pack,)).speech)
    else:
        outcome = rule_tests.run(file.document, load(file.folder, (file.pack,), ()).dialling)
    passed = outcome.tests - len(outcome.failures)
    click.echo(f"{file.document.file}: {passed} of {outcome.tests} passed")
    return outcome.failures


def _everything(configured: Settings, folder: Path | None) -> tuple[Packs, list[TestFile]]:
    """All packs of the folder, whether in force or not, and all tests.

    Raises ProblemsFound with what is wrong in any of them, and with packs the configuration names
    that are not there.
    """
    chosen = configured.rules
    place = folder or chosen.folder or rulebook.shipped()
    packs, speech = (chosen.packs, chosen.speech) if folder is None else ((), ())
    problems: list[Problem] = []
    found = None
    try:
        found = rulebook.read(
            place,
            (*rulebook.dialling_packs(place), *packs),
            (*rulebook.speech_packs(place), *speech),
        )
    except ProblemsFound as error:
        problems.extend(error.problems)
    tests = [*_dialling_tests(place, problems), *_speech_tests(place, problems)]
    if found is None or problems:
        raise ProblemsFound(problems)
    return found, tests


def _dialling_tests(folder: Path, problems: list[Problem]) -> Iterator[TestFile]:
    known = rulebook.dialling_packs(folder)
    for document in rulebook.documents(rulebook.dialling_tests(folder), problems):
        tests = _checked(document, RuleTests, problems)
        if tests is None:
            continue
        if tests.pack not in known:
            message = f"no pack {tests.pack} lies beside it{did_you_mean(tests.pack, known)}"
            problems.append(document.problem(("pack",), message))
        yield TestFile(document, folder, tests.pack, spoken=False)


def _speech_tests(folder: Path, problems: list[Problem]) -> Iterator[TestFile]:
    for pack in rulebook.speech_packs(folder):
        for document in rulebook.documents(rulebook.speech_tests(folder, pack), problems):
            if _checked(document, DialogueTests, problems) is not None:
                yield TestFile(document, folder, pack, spoken=True)


def _checked(
    document: LocatedDocument, model: type[Model], problems: list[Problem]
) -> Model | None:
    try:
        return located_yaml.validate(document, model)
    except ProblemsFound as error:
        problems.extend(error.problems)
        return None


def _show(
    pack: DiallingPack | SpeechPack, rules: Sequence[Rule], locale: Literal["zh", "en"]
) -> None:
    words = _WORDS[locale]
    click.echo(f"\n{pack.pack} {pack.version}  {_in(pack.title, locale)}")
    for rule in rules:
        days = " ".join(
            f"{word} {day}"
            for word, day in (("from", rule.effective_from), ("to", rule.effective_to))
            if day
        )
        waivable = words["waivable"] if isinstance(rule, CallRule) and rule.waivable else ""
        notes = ", ".join(filter(None, (rule.severity, " ".join(rule.scenes), days, waivable)))
        click.echo(f"  {rule.id}  {_in(rule.title, locale)}")
        click.echo(f"      {rule.citation} ({notes})")


def _show_besides(pack: DiallingPack, locale: Literal["zh", "en"]) -> None:
    """What the site changed of the pack it extends, and why; what must be kept."""
    words = _WORDS[locale]
    for rule, changes in pack.override.items():
        parts = [
            f"{key}: {json.dumps(value, default=str, ensure_ascii=False)}"
            for key, value in changes.items()
        ]
        click.echo(f"  {words['changed']} {rule}  {', '.join(parts)}")
    for each in pack.keep:
        days = words["days"].format(each.at_least_days)
        click.echo(f"  {words['keep']} {each.what}  {days}  {_in(each.title, locale)}")
        click.echo(f"      {each.citation}")


def _in(title: TitleText | None, locale: Literal["zh", "en"]) -> str:
    return getattr(title, locale, "")


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"
