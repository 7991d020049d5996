"""Owns `callwarden models list|pull|verify`."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.problems import Problem, ProblemsFound, did_you_mean
from callwarden.settings import Settings
from recognizer import preflight
from recognizer.models import catalogue, folder, found
from recognizer.models import pull as pulling


@click.command("list", epilog="Example: callwarden models list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a model.")
@with_settings
def list_models(settings: Settings, as_json: bool) -> int:
    """Show the models that are installed, and those that can be pulled."""
    shipped = catalogue.shipped()
    installed = {path.name: path for path in reversed(list(found.folders(settings)))}
    others = [path for name, path in installed.items() if shipped.named(name) is None]
    rows = [(each.name, installed.get(each.name), each) for each in shipped.models]
    for name, path, entry in [*rows, *((path.name, path, None) for path in others)]:
        problems = folder.verify(path) if path else []
        state = ("broken" if problems else "installed") if path else "not installed"
        if as_json:
            known = entry.model_dump(exclude={"files"}) if entry else {"name": name}
            click.echo(json.dumps({**known, "state": state, "path": str(path or "")}))
            continue
        click.echo(f"{name}\n  {state}{f' in {path}' if path else ''}")
        if entry:
            click.echo(f"  {_described(entry)}")
            click.echo(f"  {entry.licence}: {entry.note}")
    if not as_json:
        click.echo("looked in: " + ", ".join(map(str, found.places(settings))))
    return 0


def _checked_hash(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch("[0-9a-fA-F]{64}", value):
        raise click.BadParameter("must be 64 hexadecimal digits", context, option)
    return value and value.lower()


def _described(entry: catalogue.Entry) -> str:
    size = f", {entry.bytes / 1e6:.0f} MB" if entry.bytes else ""
    speech = " ".join(entry.languages)
    if entry.dialects:
        speech += f" ({' '.join(entry.dialects)})"
    when = "streaming" if entry.streaming else "non-streaming"
    pinned = "" if entry.sha256 or not entry.archive else ", sha256 not known"
    batch = {True: ", batches", False: ", one stream at a time", None: ""}[entry.batch]
    return f"{when} {entry.kind}, {speech}, writes {entry.writes}{batch}{size}{pinned}"


@click.command(
    epilog="Example: callwarden models pull sherpa-onnx-kws-zipformer-wenetspeech-3.3M-2024-01-01"
)
@click.argument("name")
@click.option(
    "--mirror",
    metavar="URL",
    help="Fetch NAME.tar.bz2 from below this address alone.",
)
@click.option(
    "--sha256",
    callback=_checked_hash,
    metavar="HEX",
    help="What the archive must be, for a model whose hash the catalogue does not know.",
)
@click.option(
    "--unverified", is_flag=True, help="Take an archive whose hash nobody knows as it comes."
)
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of models to put it in (default: models/ of the state folder).",
)
@click.option(
    "--catalogue",
    "catalogue_file",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Another catalogue in place of the shipped one.",
)
@with_settings
def pull(settings: Settings, name: str, **options: Any) -> int:
    """Fetch a model of the catalogue. A transfer that broke off is taken up where it ended."""
    catalogue_file: Path | None = options["catalogue_file"]
    mirror: str | None = options["mirror"]
    models = catalogue.load(catalogue_file) if catalogue_file else catalogue.shipped()
    entry = models.named(name)
    if entry is None:
        hint = did_you_mean(name, [each.name for each in models.models])
        raise click.UsageError(f"no model {name} in the catalogue{hint}")
    click.echo(f"{entry.name}: licence {entry.licence}. {entry.note}", err=True)
    with tqdm(
        desc=entry.name, unit="B", unit_scale=True, disable=not sys.stderr.isatty(), leave=False
    ) as bar:

        def show(have: int, total: int | None) -> None:
            bar.total = total
            bar.update(have - bar.n)

        try:
            model = pulling.wanted(
                entry,
                [mirror] if mirror else settings.models.mirrors,
                options["sha256"],
                unverified=options["unverified"],
                upstream=mirror is None,
            )
            path, actual = pulling.pull(model, options["to"] or settings.models_folder, show)
        except pulling.PullFailed as error:
            raise click.ClickException(str(error)) from None
    if actual and model.sha256 is None:
        click.echo(f"not verified; its sha256 is {actual}", err=True)
    if problems := _tried(path):
        raise ProblemsFound(problems)
    click.echo(str(path))
    return 0


def _tried(path: Path) -> list[Problem]:
    """Whether the engine can use a folder whose files are in order."""
    return preflight.check(folder.load(path)) if found.hears(path) else []


@click.command(epilog="Example: callwarden models verify /var/lib/callwarden/models/my-model")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@with_settings
def verify(settings: Settings, path: Path | None) -> int:
    """Check model folders: files, form, hashes; then each model that hears decodes a second of
    silence in a process of its own. Exit code 2 if one cannot be used.

    Without PATH, every installed model.
    """
    chosen = [path] if path else list(found.folders(settings))
    if not chosen:
        hint = f"none installed: `callwarden models pull {catalogue.RECOMMENDED}`"
        raise ProblemsFound([Problem(str(settings.models_folder), 1, 1, "model", hint)])
    problems: list[Problem] = []
    for each in chosen:
        wrong = folder.verify(each) or _tried(each)
        problems += wrong
        if not wrong:
            known = len(folder.known_hashes(each.resolve()))
            click.echo(f"{each}: good ({known} files compared by hash)")
    if problems:
        raise ProblemsFound(problems)
    return 0
