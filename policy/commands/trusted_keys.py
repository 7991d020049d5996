"""Owns how a command is told which signatures it trusts.

Used by the commands that check what was signed.
"""

from pathlib import Path

import click

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
PUBLIC_KEYS = click.option(
    "--public-key",
    "public_keys",
    type=FILE,
    multiple=True,
    help="Trust these keys alone (default: signing*.pub beside the ledger's key).",
)
