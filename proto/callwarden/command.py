"""Owns the command `callwarden`: one root whose subcommands the rooms contribute.

A room registers a click command under the entry point group `callwarden.commands`, named by its
words, e.g. `"gateway run"`. It is imported only when it is called, so `callwarden check` does not
load sherpa-onnx. Exit codes: 0 done; 1 a finding or a denial where that is the question; 2 usage
or configuration.
"""

import sys
from collections.abc import Callable
from functools import lru_cache, wraps
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, NoReturn, cast

import click

from callwarden import __version__, settings
from callwarden.problems import ProblemsFound

GROUP = "callwarden.commands"


@lru_cache
def _contributed() -> dict[tuple[str, ...], EntryPoint]:
    return {tuple(each.name.split()): each for each in entry_points(group=GROUP)}


class RoomCommands(click.Group):
    """A group whose commands are found among the rooms' entry points, loaded when called."""

    def __init__(self, words: tuple[str, ...] = (), **attributes: Any) -> None:
        super().__init__(**{"name": words[-1] if words else "callwarden", **attributes})
        self.words = words

    def list_commands(self, ctx: click.Context) -> list[str]:
        depth = len(self.words)
        return sorted(
            {
                words[depth]
                for words in _contributed()
                if words[:depth] == self.words and len(words) > depth
            }
        )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        words = (*self.words, cmd_name)
        if words in _contributed():
            return cast(click.Command, _contributed()[words].load())
        if any(each[: len(words)] == words for each in _contributed()):
            return RoomCommands(words, help=_HELP.get(words))
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            rows.append((name, command.get_short_help_str(100) if command else ""))
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


_HELP: dict[tuple[str, ...], str] = {
    ("gateway",): "The gate, the fork of the audio, and the operator API.",
    ("recognizer",): "The service that turns audio into utterances and findings.",
    ("suppress",): "Do-not-call entries.",
    ("waiver",): "Consents, by which a rule does not speak against a call.",
    ("review",): "Findings that people judge: uphold, dismiss, appeal, settle.",
    ("rules",): "Rulebooks: check them, show what is in force.",
    ("log",): "The ledger's log: export it, verify it, keep it, compare it with the PBX's.",
    ("models",): "Speech models: list, pull, verify.",
    ("bench",): "Measure this box.",
}


@click.command(
    cls=RoomCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Callwarden decides outbound calls before Asterisk dials them, listens to those it "
    "allows, and proves both.",
    epilog="Example: callwarden check +8613800138000 --scene marketing.loan",
)
@click.version_option(__version__, prog_name="callwarden")
def root() -> None:
    """The root group; `main` runs it."""


def main() -> NoReturn:
    """Entry point of the script. Ends the process with the documented exit code."""
    try:
        code = root.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except ProblemsFound as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)


def with_settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--config FILE` and passes the Settings it names as the first argument, `configured`.

    What the command returns is the exit code (None: 0). ProblemsFound becomes exit code 2.
    """

    @click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="CALLWARDEN_CONFIG",
        help=f"Configuration file (default: {settings.DEFAULT_FILE}).",
    )
    @wraps(function)
    def command(*args: Any, config_file: Path | None, **options: Any) -> Any:
        return function(settings.load(config_file), *args, **options)

    return command


if __name__ == "__main__":
    main()
