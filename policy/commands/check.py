"""Owns `callwarden check NUMBER`: would this call be placed, and if not, why and when.

A dry run: it decides as the gate does, with the same rulebook and the facts of the ledger, and
reserves nothing. A running gateway is asked; without one, or for other packs than the active ones,
it reads rules and ledger itself.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy import rulebook
from policy.commands import running_gateway
from policy.commands.about_the_call import AboutTheCall, about_the_call
from policy.commands.iso_time import WallTime
from policy.dialling import number as numbers
from policy.dialling.decision import Decision, Reason
from policy.dialling.request import DialRequest
from policy.dry_run import dry_run
from policy.ledger import LedgerReader, LedgerUnavailable

_WORDS = {
    "zh": {
        "ALLOW": "允许",
        "DENY": "拒绝",
        "earliest": "最早可拨",
        "never": "最早可拨：无（不会自行解除）",
        "rulebook": "规则",
        "no ledger": "未找到台账 {file}：按从未呼叫过的客户判定",
        "by gateway": "由运行中的网关判定：{address}",
        "by ledger": "由本命令依台账判定：{file}",
    },
    "en": {
        "ALLOW": "ALLOW",
        "DENY": "DENY",
        "earliest": "earliest",
        "never": "earliest: none (it does not lift by itself)",
        "rulebook": "rulebook",
        "no ledger": "no ledger at {file}: decided as for somebody who was never called",
        "by gateway": "decided by the gateway at {address}",
        "by ledger": "decided here, from the ledger {file}",
    },
}


@click.command(epilog="Example: callwarden check +8613800138000 --at 2026-03-02T07:59:00+08:00")
@click.argument("number")
@click.option(
    "--at",
    type=WallTime(),
    metavar="TIME",
    help="ISO 8601; without an offset, at the called party (default: now).",
)
@about_the_call
@click.option("--customer", default="", metavar="ID", help="The site's own id of the person.")
@click.option("--debt", default="", metavar="ID", help="The site's own id of the debt.")
@click.option(
    "--pack", "packs", multiple=True, help="Evaluate these packs in place of the active ones."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@with_settings
def check(
    configured: Settings,
    *,
    number: str,
    at: datetime | None,
    customer: str,
    debt: str,
    call: AboutTheCall,
    packs: tuple[str, ...],
    as_json: bool,
) -> int:
    """Would this call be placed? A dry run: nothing is reserved.

    A running gateway is asked (oversight.address); without one, and with --pack, rules and ledger
    are read directly. Which it was is said.

    Exit code 0: yes. 1: no. 2: the question or the configuration is wrong.
    """
    canonical = numbers.canonical(number, configured.gate.region)
    now = _instant(at, canonical) if at else datetime.now(UTC)
    region = configured.gate.region
    request = call.request(canonical, region, customer=customer, debt=debt)
    words = _WORDS[configured.locale]
    decision = None if packs else running_gateway.checked(configured, request, now)
    if decision:
        by = words["by gateway"].format(address=configured.oversight.address)
    else:
        decision = _alone(configured, request, packs, now)
        by = words["by ledger"].format(file=configured.ledger_file)
    if as_json:
        click.echo(_json(decision))
        click.echo(by, err=True)
    else:
        click.echo(_told(decision, request.number, configured.locale))
        click.echo(by)
    return 0 if decision.allowed else 1


def _instant(at: datetime, number: str) -> datetime:
    """A time without an offset is the called party's, who must have a single zone then."""
    if at.tzinfo is not None:
        return at
    zones = numbers.zones(number)
    if len(zones) > 1:
        raise click.BadParameter(
            f"the called party may be in {len(zones)} zones: add an offset, e.g. +08:00, or Z",
            param_hint="--at",
        )
    return at.replace(tzinfo=ZoneInfo(zones[0]) if zones else UTC).astimezone(UTC)


def _alone(
    configured: Settings, request: DialRequest, packs: tuple[str, ...], now: datetime
) -> Decision:
    rules = rulebook.load(
        configured.rules.folder, packs or configured.rules.packs, configured.rules.speech
    ).dialling
    file: Path = configured.ledger_file
    try:
        if not file.exists():
            click.echo(_WORDS[configured.locale]["no ledger"].format(file=file), err=True)
            return dry_run(request, rules, None, now)
        with LedgerReader.open(file, configured.ledger_key_file) as reader:
            return dry_run(request, rules, reader, now)
    except (LedgerUnavailable, OSError) as error:
        raise click.ClickException(str(error)) from None


def _json(decision: Decision) -> str:
    return json.dumps(
        {
            "verdict": decision.verdict.value,
            "reasons": [
                {
                    "rule": reason.rule,
                    "pack": reason.pack,
                    "title": {"zh": reason.title.zh, "en": reason.title.en},
                    "citation": reason.citation,
                }
                for reason in decision.reasons
            ],
            "earliest": decision.earliest.isoformat() if decision.earliest else None,
            "rulebook": {
                "version": decision.rulebook.version,
                "digest": decision.rulebook.digest,
            },
        },
        ensure_ascii=False,
    )


def _told(decision: Decision, number: str, locale: str) -> str:
    words = _WORDS[locale]
    lines = [f"{words[decision.verdict.value]}  {numbers.masked(number)}"]
    lines += [f"  {_reason(reason, locale)}" for reason in decision.reasons]
    if not decision.allowed:
        lines += _earliest(decision, number, words)
    identity = decision.rulebook
    lines.append(f"{words['rulebook']}: {identity.version} ({identity.digest[:12]})")
    return "\n".join(lines)


def _reason(reason: Reason, locale: str) -> str:
    title = reason.title.zh if locale == "zh" else reason.title.en
    return f"{reason.rule} [{reason.pack}] {title} ({reason.citation})"


def _earliest(decision: Decision, number: str, words: dict[str, str]) -> list[str]:
    """In the zone of the called party, or, where there are several, in UTC."""
    if decision.earliest is None:
        return [words["never"]]
    zones = numbers.zones(number)
    zone = zones[0] if len(zones) == 1 else "UTC"
    local = decision.earliest.astimezone(ZoneInfo(zone))
    return [f"{words['earliest']}: {local:%Y-%m-%d %H:%M:%S} {zone}"]
