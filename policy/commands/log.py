"""Owns `callwarden log export`: the ledger's rows as an auditor opens them.

Numbers are masked unless a role that may see them asks. A file appears whole or not at all, never
before the ledger tells of it, and with a signed manifest beside it.
"""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.problems import did_you_mean
from callwarden.settings import Settings
from policy.commands.entries import writing
from policy.commands.iso_time import Instant
from policy.commands.output import leave_quietly, output
from policy.commands.who import TOKEN_FILE, who_sees_numbers, whoever
from policy.exporting.file import FORMS, NEED_A_FILE, Written, write
from policy.exporting.pieces import Asked
from policy.ledger import LedgerReader, LedgerUnavailable
from policy.ledger.export import Chosen
from policy.ledger.export_kinds import KINDS
from policy.ledger.exported import Export, Manifest, manifest_of
from policy.people import Person
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
@click.option("--unmasked", is_flag=True, help="Numbers in full, for auditors and admins.")
@TOKEN_FILE
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write (default: stdout, for csv and jsonl). Beside it: FILE.manifest.json.",
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
    unmasked: bool,
    token_file: Path | None,
    file: Path | None,
    **by: tuple[str, ...],
) -> None:
    """Writes the log for an auditor: violations found, decisions, calls, suppressions, coverage,
    what a rulebook in shadow would have decided, or calls that went round the gate.

    Oldest first, numbers masked, times in UTC. Calls, suppressions and coverage are chosen by the
    rule or severity of what was found on them. Each export is in the log with who made it; a file
    comes with a manifest that the ledger's key has signed (`callwarden log verify-export`).
    """
    if since and until and until <= since:
        raise click.UsageError("--until is not later than --since: nothing lies between")
    if file is None and form in NEED_A_FILE:
        raise click.UsageError(f"{form} goes to a file: say which with -o")
    if unmasked:
        who = who_sees_numbers(configured, token_file, file)
    else:
        who = whoever(configured, token_file)
    order = _Order(configured, who, kind, form, Chosen(since, until, by), unmasked, headings, file)
    try:
        with LedgerReader.open(configured.ledger_file, configured.ledger_key_file) as reader:
            _carry_out(order, reader)
    except BrokenPipeError:
        leave_quietly()
    except (LedgerUnavailable, OSError) as error:
        raise click.ClickException(str(error)) from None


@dataclass(frozen=True)
class _Order:
    configured: Settings
    who: Person
    kind: str
    form: str
    chosen: Chosen
    unmasked: bool
    headings: str | None
    file: Path | None


def _carry_out(order: _Order, reader: LedgerReader) -> None:
    """Writes the file, has the ledger tell of it, and only then gives it its name. What is entered
    first is left last: the manifest gets its name after the file."""
    configured, file = order.configured, order.file
    try:
        selection = reader.select(order.kind, order.chosen)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    asked = Asked(configured.ledger_file, configured.ledger_key_file, selection, order.unmasked)
    with ExitStack() as entered:
        manifest = entered.enter_context(output(manifest_of(file))) if file else None
        sink = entered.enter_context(output(file))
        shown: tqdm[NoReturn] = entered.enter_context(
            tqdm(
                total=selection.places,
                unit=" rows",
                disable=True if file is None and sys.stdout.isatty() else None,
                file=sys.stderr,
            )
        )
        language = order.headings or configured.locale
        try:
            written = write(reader, asked, order.form, sink, language=language, told=shown.update)
            sink.flush()
        except BrokenPipeError:
            _recorded(order, None)
            raise
        signed = _recorded(order, written)
        if manifest is not None:
            manifest.write(signed.as_json().encode())


def _recorded(order: _Order, written: Written | None) -> Manifest:
    """The ledger tells of the export from here on; `written` None: its reader went away."""
    made = Export(
        datetime.now(UTC),
        order.who.name,
        order.who.role.value,
        order.kind,
        order.form,
        _narrowed(order.chosen),
        order.unmasked,
        written.rows if written else 0,
        written.sha256 if written else "",
        whole=written is not None,
    )
    named = order.file.name if order.file else ""
    with writing(order.configured) as ledger:
        rulebooks = written.rulebooks if written else ()
        return ledger.exports.record(made, file=named, rulebooks=rulebooks).result()


def _narrowed(chosen: Chosen) -> dict[str, Any]:
    times = {"since": chosen.since, "until": chosen.until}
    said = {name: at.isoformat() for name, at in times.items() if at}
    return said | {name: list(words) for name, words in chosen.by.items() if words}
