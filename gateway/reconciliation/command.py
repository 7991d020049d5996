"""Owns `callwarden log reconcile`: whether the PBX and the ledger tell of the same calls, and
whether all that was said on them was heard."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from callwarden.command import with_settings
from callwarden.settings import Settings
from gateway.asterisk.ami import AmiUnavailable
from gateway.reconciliation import cdr_file, over_ami
from gateway.reconciliation.told import Told
from policy.commands.entries import reading
from policy.commands.iso_time import Instant, Zone, day_in, this_zone
from policy.reconciling import PlacedCall, reconcile


@click.command(
    epilog="Example: callwarden log reconcile --cdr /var/log/asterisk/cdr-csv/Master.csv "
    "--day 2026-03-02"
)
@click.option(
    "--cdr",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="CDRs: Asterisk's Master.csv, or any CSV with headings.",
)
@click.option(
    "--ami",
    is_flag=True,
    help="Collect CDRs from Asterisk as calls end, for --minutes or until Ctrl-C.",
)
@click.option(
    "--minutes", type=click.FloatRange(0.01), default=60.0, show_default=True, help="With --ami."
)
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Calls of this day, in --zone.")
@click.option("--since", type=Instant(), metavar="TIME", help="Calls from then on: ISO 8601.")
@click.option("--until", type=Instant(), metavar="TIME", help="Calls before then: ISO 8601.")
@click.option(
    "--zone", type=Zone(), help="Of the CDRs' times (default: this machine's; UTC if usegmtime)."
)
@click.option("--columns", help="Order of the file's columns, e.g. src,dst,-,channel,…")
@click.option(
    "--trunk",
    "trunks",
    multiple=True,
    metavar="TECHNOLOGY/NAME",
    help="What leads to customers (default: asterisk.trunks).",
)
@click.option(
    "--within",
    type=click.IntRange(0, 3600),
    default=60,
    show_default=True,
    help="Seconds between decision and call, where nothing but the number names both.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0),
    default=2.0,
    show_default=True,
    help="Seconds of a leg that need not be analysed.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@with_settings
def log_reconcile(
    configured: Settings,
    *,
    cdr: Path | None,
    ami: bool,
    minutes: float,
    day: datetime | None,
    since: datetime | None,
    until: datetime | None,
    zone: ZoneInfo | None,
    columns: str | None,
    trunks: tuple[str, ...],
    within: int,
    tolerance: float,
    form: str,
    as_json: bool,
) -> int:
    """Compare the PBX's account of calls with the ledger's: calls without a decision, decisions
    without a call, seconds that were not analysed.

    A call's decision has its number and was asked for on its channel (uniqueid), or has its
    linkedid, or is named in its userfield, or fell within --within seconds of its beginning. Exit
    code 1 when it does not add up.
    """
    if (cdr is None) is not ami:
        raise click.UsageError("say where CDRs come from: --cdr FILE or --ami")
    if day and (since or until):
        raise click.UsageError("--day says which calls: leave out --since and --until")
    trunks = trunks or configured.asterisk.trunks
    if not trunks:
        raise click.UsageError(
            "which endpoints lead to customers? set asterisk.trunks, or name them with --trunk"
        )
    zone = zone or this_zone()
    if cdr is not None:
        placed, cdrs = _in_file(configured, cdr, columns, trunks, zone)
        collected = over_ami.Collected(placed, cdrs)
    else:
        collected = _over_ami(configured, trunks, zone, minutes)
    placed = collected.placed
    if day:
        since, until = day_in(day.date(), zone)
    since = since or min((each.at for each in placed), default=datetime.now(UTC))
    until = until or max((each.at for each in placed), default=since) + timedelta(microseconds=1)
    margin = timedelta(seconds=within)
    with reading(configured) as reader:
        reconciled = reconcile(
            placed,
            reader.books.calls(since - margin, until + margin),
            since=since,
            until=until,
            within=margin,
            tolerance_s=tolerance,
        )
    gaps = tuple(collected.gaps)
    told = Told(reconciled, collected.cdrs, since, until, collected.unreadable, gaps)
    if as_json or form == "json":
        click.echo(told.as_json())
    elif form == "csv":
        click.echo(told.as_csv(), nl=False)
    else:
        click.echo(told.as_table(configured.locale, zone))
    return 0 if told.adds_up else 1


def _in_file(
    configured: Settings,
    file: Path,
    columns: str | None,
    trunks: tuple[str, ...],
    zone: ZoneInfo,
) -> tuple[list[PlacedCall], int]:
    try:
        named = cdr_file.known(columns) if columns else ()
        return cdr_file.read(file, configured, columns=named, trunks=trunks, zone=zone)
    except ValueError as error:
        raise click.UsageError(f"--columns: {error}") from None
    except OSError as error:
        raise click.ClickException(str(error)) from None


def _over_ami(
    configured: Settings, trunks: tuple[str, ...], zone: ZoneInfo, minutes: float
) -> over_ami.Collected:
    try:
        return asyncio.run(over_ami.collect(configured, trunks, zone, timedelta(minutes=minutes)))
    except AmiUnavailable as error:
        raise click.ClickException(str(error)) from None
