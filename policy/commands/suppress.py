"""Owns `callwarden suppress add|list`: do-not-call entries made by a person, and all there are.

An entry holds from the moment the command ends: the gate's next decision reads it. Numbers are
shown masked.
"""

import json
import re
from datetime import UTC, datetime

import click

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy.commands.iso_time import Instant
from policy.dialling import number as numbers
from policy.ledger import Ledger, LedgerReader, LedgerUnavailable, RecordedSuppression

_PATIENCE_MS = 10_000
"""How long a command waits for another process' lock; nobody's call waits for it."""

_PATTERN = r"\*|[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*(\.\*)?"

_WORDS = {
    "zh": {
        "added": "已加入禁呼名单：{number}（{id}）",
        "none": "禁呼名单为空",
        "for good": "长期",
        "provisional": "待复核",
        "certain": "已确认",
        "heading": ("号码", "自", "至", "来源", "渠道", "用途", "状态", "通话"),
    },
    "en": {
        "added": "suppressed {number} ({id})",
        "none": "there is no do-not-call entry",
        "for good": "for good",
        "provisional": "provisional",
        "certain": "certain",
        "heading": ("number", "since", "until", "source", "channel", "purpose", "status", "call"),
    },
}


@click.command(
    epilog="Example: callwarden suppress add +8613800138000 --source complaint "
    '--purpose "marketing.*" --until 2030-01-01T00:00:00+08:00'
)
@click.argument("number")
@click.option("--customer", default="", metavar="ID", help="The site's own id of the person.")
@click.option("--until", type=Instant(), metavar="TIME", help="ISO 8601 (default: for good).")
@click.option(
    "--source",
    type=click.Choice(["manual", "complaint"]),
    default="manual",
    show_default=True,
    help="Where the wish comes from.",
)
@click.option("--note", default="", help="For whoever reviews the entry; kept encrypted.")
@click.option(
    "--channel",
    type=click.Choice(["voice", "*"]),
    default="voice",
    show_default=True,
    help="What the person does not want.",
)
@click.option(
    "--purpose",
    default="*",
    show_default="every purpose",
    help="A scene such as marketing.loan, or a branch of scenes such as marketing.*",
)
@with_settings
def add(
    configured: Settings,
    *,
    number: str,
    customer: str,
    until: datetime | None,
    source: str,
    note: str,
    channel: str,
    purpose: str,
) -> None:
    """No more calls to NUMBER (nor, with --customer, to any number of that person).

    The gateway need not be told: its next decision knows. Entries add up; none weakens another.
    """
    now = datetime.now(UTC)
    canonical = _canonical(number, configured.gate.region)
    if until is not None and until <= now:
        raise click.UsageError("--until has passed already: such an entry would suppress nothing")
    if not _is_pattern(purpose):
        raise click.UsageError(
            "--purpose is no scene: write e.g. marketing.loan, marketing.* or * (quoted)"
        )
    try:
        with Ledger.open(
            configured.ledger_file, configured.ledger_key_file, busy_ms=_PATIENCE_MS
        ) as ledger:
            added = ledger.suppress(
                canonical,
                source=source,
                now=now,
                until=until,
                channel=channel,
                purpose=purpose,
                customer=customer,
                note=note,
            ).result()
    except LedgerUnavailable as error:
        raise click.ClickException(str(error)) from None
    words = _WORDS[configured.locale]
    click.echo(str(words["added"]).format(number=numbers.masked(canonical), id=added))


@click.command("list", epilog="Example: callwarden suppress list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout.")
@with_settings
def list_suppressions(configured: Settings, *, as_json: bool) -> None:
    """All do-not-call entries, oldest first, those that have ended among them.

    Numbers are masked, times in UTC.
    """
    try:
        with LedgerReader.open(configured.ledger_file, configured.ledger_key_file) as reader:
            found = False
            for entry in reader.suppressions():
                if as_json:
                    click.echo(json.dumps(_fields(entry), ensure_ascii=False))
                else:
                    if not found:
                        click.echo("\t".join(_WORDS[configured.locale]["heading"]))
                    click.echo("\t".join(_told(entry, configured.locale)))
                found = True
    except LedgerUnavailable as error:
        raise click.ClickException(str(error)) from None
    if not found and not as_json:
        click.echo(_WORDS[configured.locale]["none"], err=True)


def _canonical(number: str, region: str) -> str:
    if numbers.is_emergency(number.strip(), region):
        raise click.UsageError("this number calls for help: it always passes, suppressed or not")
    canonical = numbers.canonical(number, region)
    if not numbers.is_canonical(canonical):
        raise click.UsageError(
            f"NUMBER is no telephone number of region {region}: write it as it is dialled there, "
            "or with + and its country code"
        )
    return canonical


def _is_pattern(purpose: str) -> bool:
    return re.fullmatch(_PATTERN, purpose) is not None


def _fields(entry: RecordedSuppression) -> dict[str, str | bool | None]:
    made = entry.suppression
    return {
        "id": made.suppression_id,
        "number": numbers.masked(entry.number),
        "since": made.since.isoformat(),
        "until": made.until.isoformat() if made.until else None,
        "source": made.source,
        "channel": made.channel,
        "purpose": made.purpose,
        "provisional": made.provisional,
        "call": entry.call_id,
        "finding": entry.finding_id,
    }


def _told(entry: RecordedSuppression, locale: str) -> list[str]:
    words, made = _WORDS[locale], entry.suppression
    return [
        numbers.masked(entry.number),
        f"{made.since:%Y-%m-%dT%H:%M:%SZ}",
        f"{made.until:%Y-%m-%dT%H:%M:%SZ}" if made.until else str(words["for good"]),
        made.source,
        made.channel,
        made.purpose,
        str(words["provisional" if made.provisional else "certain"]),
        entry.call_id or "-",
    ]
