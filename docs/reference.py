"""Writes docs/commands.md and docs/configuration.md from the commands and settings themselves.

`python -m docs.reference` writes; with `--check` it compares and names what is out of date, so a
command or a key without its documentation does not pass `make check`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from callwarden.command import root
from callwarden.settings import DEFAULT_FILE, Settings

_FOLDER = Path(__file__).parent
_WRITTEN = "<!-- Written by `make generate` from the program itself; edit it there. -->\n"


def commands() -> str:
    """Every subcommand with its own --help. Raises SystemExit for one without an example."""
    pages = [
        _WRITTEN,
        "# Commands\n",
        "Exit codes: 0 done, 1 a finding or a denial where that is"
        " the question, 2 usage or configuration.\n",
    ]
    for words, command, context in _leaves(root, click.Context(root, info_name="callwarden")):
        text = command.get_help(context)
        if "xample" not in text and "示例" not in text:
            sys.exit(f"{words}: --help has no example")
        pages.append(f"## {words}\n\n```text\n{text}\n```\n")
    return "\n".join(pages)


def _leaves(
    command: click.Command, context: click.Context
) -> Iterator[tuple[str, click.Command, click.Context]]:
    if not isinstance(command, click.Group):
        yield context.command_path, command, context
        return
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        if inner is not None:
            inner_context = click.Context(
                inner, parent=context, info_name=name, terminal_width=100, max_content_width=100
            )
            yield from _leaves(inner, inner_context)


def configuration() -> str:
    """Every key of the configuration file with its default and meaning."""
    pages = [
        _WRITTEN,
        "# Configuration\n",
        f"`{DEFAULT_FILE}`, or `--config FILE`, or `$CALLWARDEN_CONFIG`. Every key has a"
        " default; the file needs only what differs. Errors are reported all at once, with"
        " line and column.\n",
        "| key | default | meaning |\n| --- | --- | --- |",
    ]
    rows = [
        f"| `{key}` | {_default(field)} | {_meaning(field)} |" for key, field in _keys(Settings)
    ]
    return "\n".join([*pages, *rows]) + "\n"


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None or value == "":
        return ""
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def _meaning(field: FieldInfo) -> str:
    choices = get_args(field.annotation)
    literal = "" if "Literal" not in str(get_origin(field.annotation)) else " or ".join(choices)
    return "; ".join(part for part in (field.description, literal) if part)


def main() -> None:
    stale = []
    for name, text in (("commands.md", commands()), ("configuration.md", configuration())):
        file = _FOLDER / name
        if "--check" not in sys.argv:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(f"docs/{name}")
    if stale:
        sys.exit(f"{', '.join(stale)} out of date: make generate")


if __name__ == "__main__":
    main()
