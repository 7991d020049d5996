"""A machine with a configuration file, for tests that use the commands."""

import sys
from pathlib import Path
from unittest.mock import patch

import click
from click.testing import CliRunner, Result

from callwarden.command import main


@click.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def _program(words: tuple[str, ...]) -> None:
    with patch.object(sys, "argv", ["callwarden", *words]):
        main()


class Box:
    """A machine with a configuration file whose state lies in a temporary folder."""

    def __init__(self, folder: Path, locale: str = "en") -> None:
        self.state = folder / "state"
        self.config = folder / "callwarden.yaml"
        self.config.write_text(f"state: {self.state}\nlocale: {locale}\n")

    @property
    def files(self) -> tuple[Path, Path]:
        return self.state / "ledger.sqlite3", self.state / "keys" / "ledger.key"

    def run(self, *words: str) -> Result:
        """As from a shell, with its exit code."""
        return CliRunner().invoke(_program, [*words, "--config", str(self.config)])
