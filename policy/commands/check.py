"""Owns `callwarden check NUMBER`: would this call be placed, and if not, why and when.

A dry run: it decides as the gate does, with the same rulebook and the facts of the ledger, and
reserves nothing.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy import rulebook
from policy.commands.iso_time import WallTime
from policy.dialling import number as numbers
from policy.dialling.decision import Decision, Reason
from policy.dialling.evaluate import evaluate
from policy.dialling.facts import Facts
from policy.dialling.request import DialRequest
from policy.ledger import LedgerReader, LedgerUnavailable

_WORDS = {
    "zh": {
        "ALLOW": "允许",
        "DENY": "拒绝",
        "earliest": "最早可拨",
        "never": "最早可拨：无（不会自行解除）",
        "rulebook": "规则",
        "no ledger": "未找到台账 {file}：按从未呼叫过的客户判定",
    },
    "en": {
        "ALLOW": "ALLOW",
        "DENY": "DENY",
        "earliest": "earliest",
        "never": "earliest: none (it does not lift by itself)",
        "rulebook": "rulebook",
        "no ledger": "no ledger at {file}: decided as for somebody who was never called",
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
@click.option("--scene", default="*", show_default="meets every rule", help="E.g. marketing.loan.")
@click.option("--customer", default="", metavar="ID", help="The site's own id of the person.")
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
    scene: str,
    customer: str,
    packs: tuple[str, ...],
    as_json: bool,
) -> int:
    """Would this call be placed? A dry run: nothing is reserved.

    Exit code 0: yes. 1: no. 2: the question or the configuration is wrong.
    """
    canonical = numbers.canonical(number, configured.gate.region)
    now = _instant(at, canonical) if at else datetime.now(UTC)
    rules = rulebook.load(
        configured.rules.folder, packs or configured.rules.packs, configured.rules.speech
    )
    request = DialRequest(
        nonce="",
        number=canonical,
        scene=scene,
        customer=customer,
        region=configured.gate.region,
    )
    facts = _facts(configured, request, now)
    decision = evaluate(request, facts, rules.dialling, now)
    click.echo(_json(decision) if as_json else _told(decision, request.number, configured.locale))
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


def _facts(configured: Settings, request: DialRequest, now: datetime) -> Facts:
    file: Path = configured.ledger_file
    try:
        if not file.exists():
            click.echo(_WORDS[configured.locale]["no ledger"].format(file=file), err=True)
            return Facts()
        with LedgerReader.open(file, configured.ledger_key_file) as reader:
            return reader.facts(request.number, request.customer, now)
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
