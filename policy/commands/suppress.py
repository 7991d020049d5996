"""Owns `callwarden suppress add|list`: do-not-call entries made by a person, and all there are.

An entry holds from the moment the command ends: the gate's next decision reads it. Numbers are
shown masked.
"""

import json
from datetime import UTC, datetime

import click

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy.commands.entries import Purpose, canonical, reading, writing
from policy.commands.iso_time import Instant
from policy.dialling import number as numbers
from policy.ledger import RecordedSuppression

_WORDS = {
    "zh": {
        "added": "已加入禁呼名单：{number}（{id}）",
        "none": "禁呼名单为空",
        "for good": "长期",
        "provisional": "待复核",
        "certain": "已确认",
        "released": "已解除",
        "heading": ("号码", "自", "至", "来源", "渠道", "用途", "名单", "状态", "通话"),
    },
    "en": {
        "added": "suppressed {number} ({id})",
        "none": "there is no do-not-call entry",
        "for good": "for good",
        "provisional": "provisional",
        "certain": "certain",
        "released": "released",
        "heading": (
            "number",
            "since",
            "until",
            "source",
            "channel",
            "purpose",
            "list",
            "status",
            "call",
        ),
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
    type=Purpose(),
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
    number = canonical(number, configured.gate.region)
    if until is not None and until <= now:
        raise click.UsageError("--until has passed already: such an entry would suppress nothing")
    with writing(configured) as ledger:
        added = ledger.suppress(
            number,
            source=source,
            now=now,
            until=until,
            channel=channel,
            purpose=purpose,
            customer=customer,
            note=note,
        ).result()
    words = _WORDS[configured.locale]
    click.echo(str(words["added"]).format(number=numbers.masked(number), id=added))


@click.command("list", epilog="Example: callwarden suppress list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout.")
@with_settings
def list_suppressions(configured: Settings, *, as_json: bool) -> None:
    """All do-not-call entries, oldest first, those that have ended among them.

    Numbers are masked, times in UTC.
    """
    found = False
    with reading(configured) as reader:
        for entry in reader.suppressions():
            if as_json:
                click.echo(json.dumps(fields(entry), ensure_ascii=False))
            else:
                if not found:
                    click.echo("\t".join(_WORDS[configured.locale]["heading"]))
                click.echo("\t".join(told(entry, configured.locale)))
            found = True
    if not found and not as_json:
        click.echo(_WORDS[configured.locale]["none"], err=True)


def fields(entry: RecordedSuppression) -> dict[str, str | bool | None]:
    """An entry as programs read it, its number masked."""
    made = entry.suppression
    return {
        "id": made.suppression_id,
        "number": numbers.masked(entry.number),
        "since": made.since.isoformat(),
        "until": made.until.isoformat() if made.until else None,
        "source": made.source,
        "list": made.list_name,
        "channel": made.channel,
        "purpose": made.purpose,
        "provisional": made.provisional,
        "call": entry.call_id,
        "finding": entry.finding_id,
        "released_at": entry.release.at.isoformat() if entry.release else None,
        "released_by": entry.release.who if entry.release else None,
    }


def told(entry: RecordedSuppression, locale: str) -> list[str]:
    """An entry as people read it, its number masked."""
    words, made = _WORDS[locale], entry.suppression
    state = "provisional" if made.provisional else "certain"
    return [
        numbers.masked(entry.number),
        f"{made.since:%Y-%m-%dT%H:%M:%SZ}",
        f"{made.until:%Y-%m-%dT%H:%M:%SZ}" if made.until else str(words["for good"]),
        made.source,
        made.channel,
        made.purpose,
        made.list_name or "-",
        str(words["released" if entry.release else state]),
        entry.call_id or "-",
    ]
