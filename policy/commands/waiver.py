"""Owns `callwarden waiver add|list|revoke`: consents, by which rules do not speak against a call.

A consent names its proof; it holds from the moment the command ends until it expires or is revoked.
Numbers are shown masked.
"""

import json
from datetime import UTC, datetime
from typing import Final

import click

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy.commands.entries import WHO, Purpose, canonical, login, reading, writing
from policy.commands.iso_time import Instant
from policy.dialling import number as numbers
from policy.dialling.facts import Waiver
from policy.ledger import RecordedWaiver

_WORDS: Final = {
    "zh": {
        "added": "已登记同意（{id}）",
        "revoked": "已撤销同意（{id}）",
        "none": "没有同意记录",
        "open": "长期",
        "in force": "有效",
        "not yet": "未生效",
        "expired": "已到期",
        "withdrawn": "已撤销",
        "heading": ("编号", "号码", "规则", "用途", "自", "至", "凭证", "状态"),
    },
    "en": {
        "added": "consent recorded ({id})",
        "revoked": "consent revoked ({id})",
        "none": "there is no consent",
        "open": "open end",
        "in force": "in force",
        "not yet": "not yet",
        "expired": "expired",
        "withdrawn": "revoked",
        "heading": ("id", "number", "rules", "purpose", "since", "until", "proof", "status"),
    },
}


@click.command(
    epilog="Example: callwarden waiver add +8613800138000 --rule cn-collection.hours "
    '--proof "recording 2026-03-02/17, 01:12" --until 2026-06-30T00:00:00+08:00'
)
@click.argument("number", required=False, default="")
@click.option("--customer", default="", metavar="ID", help="The site's own id of the person.")
@click.option(
    "--rule",
    "rules",
    multiple=True,
    required=True,
    help="What he consents to: a rule's id, PACK.* or * (quoted). Again for more.",
)
@click.option("--proof", required=True, help="Where the consent can be shown; kept encrypted.")
@click.option(
    "--purpose",
    type=Purpose(),
    default="*",
    show_default="every purpose",
    help="A scene such as marketing.loan, or a branch of scenes such as marketing.*",
)
@click.option("--since", type=Instant(), metavar="TIME", help="ISO 8601 (default: now).")
@click.option("--until", type=Instant(), metavar="TIME", help="ISO 8601 (default: open end).")
@WHO
@with_settings
def add(
    configured: Settings,
    *,
    number: str,
    customer: str,
    rules: tuple[str, ...],
    proof: str,
    purpose: str,
    since: datetime | None,
    until: datetime | None,
    who: str | None,
) -> None:
    """Records that NUMBER, or with --customer that person on any of his numbers, consented.

    Given both, it holds for calls of that person to that number. Rules that a pack does not let be
    waived speak against the call all the same.
    """
    now = datetime.now(UTC)
    if any(" " in each or not each for each in rules):
        raise click.UsageError("--rule is no rule's id: `callwarden rules show` lists them")
    if until is not None and until <= now:
        raise click.UsageError("--until has passed already: such a consent would allow nothing")
    number = canonical(number, configured.gate.region) if number else ""
    consent = Waiver("", rules, proof, since or now, until, purpose)
    with writing(configured) as ledger:
        try:
            added = ledger.consent(
                consent, number=number, customer=customer, who=who or login()
            ).result()
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    click.echo(str(_WORDS[configured.locale]["added"]).format(id=added))


@click.command("list", epilog="Example: callwarden waiver list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout.")
@with_settings
def list_waivers(configured: Settings, *, as_json: bool) -> None:
    """All consents, oldest first, expired and revoked ones among them. Times in UTC."""
    words, now, found = _WORDS[configured.locale], datetime.now(UTC), False
    with reading(configured) as reader:
        for each in reader.waivers():
            if as_json:
                click.echo(json.dumps(_fields(each, now), ensure_ascii=False))
            else:
                if not found:
                    click.echo("\t".join(words["heading"]))
                click.echo("\t".join(_told(each, now, configured.locale)))
            found = True
    if not found and not as_json:
        click.echo(words["none"], err=True)


@click.command(
    epilog="Example: callwarden waiver revoke 019d1c9e8a4b7c0d9e8f7a6b5c4d3e2f "
    '--why "withdrawn by letter of 2026-04-01"'
)
@click.argument("waiver_id", metavar="ID")
@click.option("--why", required=True, help="Kept encrypted, and shown to an auditor.")
@WHO
@with_settings
def revoke(configured: Settings, *, waiver_id: str, why: str, who: str | None) -> None:
    """Ends a consent at once; the gate's next decision knows."""
    with writing(configured) as ledger:
        try:
            ledger.revoke(waiver_id, who=who or login(), why=why, now=datetime.now(UTC)).result()
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    click.echo(str(_WORDS[configured.locale]["revoked"]).format(id=waiver_id))


def _status(each: RecordedWaiver, now: datetime) -> str:
    if each.revoked_at is not None:
        return "withdrawn"
    if each.waiver.until is not None and each.waiver.until <= now:
        return "expired"
    return "in force" if each.waiver.since <= now else "not yet"


def _fields(each: RecordedWaiver, now: datetime) -> dict[str, object]:
    made = each.waiver
    return {
        "id": made.waiver_id,
        "number": numbers.masked(each.number) if each.number else None,
        "for_customer": bool(each.customer),
        "rules": made.rules,
        "purpose": made.purpose,
        "since": made.since.isoformat(),
        "until": made.until.isoformat() if made.until else None,
        "proof": made.proof,
        "recorded_by": each.who,
        "status": _status(each, now),
        "revoked_at": each.revoked_at.isoformat() if each.revoked_at else None,
        "revoked_by": each.revoked_by or None,
    }


def _told(each: RecordedWaiver, now: datetime, locale: str) -> list[str]:
    words, made = _WORDS[locale], each.waiver
    return [
        made.waiver_id,
        numbers.masked(each.number) if each.number else "-",
        " ".join(made.rules),
        made.purpose,
        f"{made.since:%Y-%m-%dT%H:%M:%SZ}",
        f"{made.until:%Y-%m-%dT%H:%M:%SZ}" if made.until else str(words["open"]),
        made.proof,
        str(words[_status(each, now)]),
    ]
