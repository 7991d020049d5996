"""Owns what the commands about do-not-call entries and consents have in common: whom they name,
what a purpose is, who answers for it, how long they wait.

Used by `suppress` and `waiver`. A number never appears in a message.
"""

import getpass
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from callwarden.settings import Settings
from policy.dialling import number as numbers
from policy.ledger import Ledger, LedgerReader, LedgerUnavailable

_PATIENCE_MS = 10_000
"""How long a command waits for another process' lock; nobody's call waits for it."""

_PATTERN = re.compile(r"\*|[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*(\.\*)?")

WHO = click.option("--who", help="Who decides this, for the log (default: the login name).")


class Purpose(click.ParamType[str]):
    """A scene, or a branch of scenes."""

    name = "purpose"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not is_purpose(value):
            self.fail("is no scene: write e.g. marketing.loan, marketing.* or * (quoted)")
        return str(value)


def is_purpose(text: str) -> bool:
    return _PATTERN.fullmatch(text) is not None


def canonical(number: str, region: str) -> str:
    """E.164. Raises UsageError when it is no telephone number, or one that always passes."""
    if why := wrong_number(number, region):
        raise click.UsageError(f"NUMBER {why}")
    return numbers.canonical(number, region)


def wrong_number(number: str, region: str) -> str:
    """What is wrong with it as a number not to be called; empty when nothing is."""
    if not number.strip():
        return "is empty"
    if numbers.is_emergency(number.strip(), region):
        return "calls for help: it always passes, suppressed or not"
    if not numbers.is_canonical(numbers.canonical(number, region)):
        return (
            f"is no telephone number of region {region}: write it as it is dialled there, or with "
            "+ and its country code"
        )
    return ""


def login() -> str:
    return os.environ.get("SUDO_USER") or getpass.getuser()


@contextmanager
def writing(configured: Settings) -> Iterator[Ledger]:
    """The site's ledger, made where absent. Its troubles become what the user is told."""
    try:
        with Ledger.open(
            configured.ledger_file, configured.ledger_key_file, busy_ms=_PATIENCE_MS
        ) as ledger:
            yield ledger
    except LedgerUnavailable as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def reading(configured: Settings) -> Iterator[LedgerReader]:
    """The site's ledger. Its troubles become what the user is told."""
    try:
        with LedgerReader.open(configured.ledger_file, configured.ledger_key_file) as reader:
            yield reader
    except LedgerUnavailable as error:
        raise click.ClickException(str(error)) from None
