"""Owns who gives a command whose answer or effect depends on it: a person of the file of people,
known by his token.

Used by exports and reviews. Where the site names no people, whoever may read the ledger's key on
this box is its administrator, under his login name.
"""

import os
from pathlib import Path
from typing import Final

import click

from callwarden.settings import Settings
from policy.commands.entries import login
from policy.people import People, Person, Role

TOKEN: Final = "CALLWARDEN_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE = click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=f"File with your token (default: ${TOKEN}, then oversight.token_file).",
)


def whoever(configured: Settings, token_file: Path | None) -> Person:
    """The person whose token is given; without a file of people, the login name as admin. Raises
    UsageError where a site with people is given nobody's token."""
    people = people_of(configured)
    if people is None:
        return Person(login(), Role.ADMIN)
    token = _token(configured, token_file)
    person = people.with_token(token) if token else None
    if person is None:
        said = "this token is nobody's" if token else "say who you are"
        raise click.UsageError(
            f"{said}: give --token-file, set ${TOKEN}, or set oversight.token_file"
        )
    return person


def who_sees_numbers(configured: Settings, token_file: Path | None, file: Path | None) -> Person:
    """Who may have numbers in full, in a file. Raises UsageError."""
    if file is None:
        raise click.UsageError("numbers in full go to a file: say which with -o")
    who = whoever(configured, token_file)
    if not who.sees_numbers:
        raise click.UsageError(
            f"numbers in full are for auditors and admins, not {who.role.value}s"
        )
    return who


def people_of(configured: Settings) -> People | None:
    """The people and teams of the site; None where it names none. Raises ProblemsFound."""
    return People.read(configured.oversight.people) if configured.oversight.people else None


def _token(configured: Settings, token_file: Path | None) -> str:
    if token_file is None and TOKEN in os.environ:
        return os.environ[TOKEN].strip()
    file = token_file or configured.oversight.token_file
    try:
        return file.read_text(encoding="utf-8").strip() if file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file}: {error}") from None
