"""Owns `callwarden log export`: the ledger's rows as an auditor opens them.

Numbers are masked. A file appears whole or not at all.
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.problems import did_you_mean
from callwarden.settings import Settings
from policy.commands.iso_time import Instant
from policy.commands.output import leave_quietly, output
from policy.exporting.file import FORMS, NEED_A_FILE, write
from policy.exporting.pieces import Asked
from policy.ledger import LedgerReader, LedgerUnavailable
from policy.ledger.export import Chosen, Selection
from policy.ledger.export_kinds import KINDS
from policy.speech.finding import Severity


class _OneOf(click.Choice[str]):
    """A choice whose mistake is answered with the nearest word."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            known = ", ".join(self.choices)
            nearest = did_you_mean(str(value), self.choices)
            self.fail(f"{value!r} is none of {known}{nearest}", param, ctx)
        return str(value)


@click.command(
    epilog="Example: callwarden log export --format xlsx --since 2026-03-01T00:00:00+08:00 "
    "--rule 'forbidden.*' -o violations.xlsx"
)
@click.option("--format", "form", type=_OneOf(FORMS), required=True, help=f"{', '.join(FORMS)}.")
@click.option(
    "--kind",
    type=_OneOf(list(KINDS)),
    default="violations",
    show_default=True,
    help=", ".join(KINDS),
)
@click.option("--since", type=Instant(), metavar="TIME", help="From then on: ISO 8601.")
@click.option("--until", type=Instant(), metavar="TIME", help="Before then: ISO 8601.")
@click.option("--agent", multiple=True, metavar="ID", help="Of this agent; may be given again.")
@click.option("--scene", multiple=True, help="Of this scene, or branch of scenes (marketing.*).")
@click.option("--rule", multiple=True, help="Of this rule, or branch of rules (forbidden.*).")
@click.option(
    "--severity", multiple=True, type=_OneOf([each.value for each in Severity]), help="As bad."
)
@click.option("--call", multiple=True, metavar="ID", help="Of this call.")
@click.option(
    "--headings",
    type=_OneOf(["zh", "en"]),
    help="Language of the first row of CSV and XLSX (default: locale).",
)
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write (default: stdout, for csv and jsonl).",
)
@with_settings
def export(
    configured: Settings,
    *,
    form: str,
    kind: str,
    since: datetime | None,
    until: datetime | None,
    headings: str | None,
    file: Path | None,
    **by: tuple[str, ...],
) -> None:
    """Writes the log for an auditor: violations found, decisions, calls, suppressions, coverage,
    what a rulebook in shadow would have decided, or calls that went round the gate.

    Oldest first, numbers masked, times in UTC. Calls, suppressions and coverage are chosen by the
    rule or severity of what was found on them.
    """
    if since and until and until <= since:
        raise click.UsageError("--until is not later than --since: nothing lies between")
    if file is None and form in NEED_A_FILE:
        raise click.UsageError(f"{form} goes to a file: say which with -o")
    try:
        with LedgerReader.open(configured.ledger_file, configured.ledger_key_file) as reader:
            selection = _selected(reader, kind, Chosen(since, until, by))
            asked = Asked(configured.ledger_file, configured.ledger_key_file, selection, False)
            with (
                output(file) as sink,
                tqdm(
                    total=selection.places,
                    unit=" rows",
                    disable=True if file is None and sys.stdout.isatty() else None,
                    file=sys.stderr,
                ) as progress,
            ):
                language = headings or configured.locale
                write(reader, asked, form, sink, language=language, told=progress.update)
    except BrokenPipeError:
        leave_quietly()
    except (LedgerUnavailable, OSError) as error:
        raise click.ClickException(str(error)) from None


def _selected(reader: LedgerReader, kind: str, chosen: Chosen) -> Selection:
    try:
        return reader.select(kind, chosen)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
