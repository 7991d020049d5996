"""Owns `callwarden rules preview`: what another rulebook would have made of the calls there were.

The ledger's own decisions are judged anew, each with what was known when it was made. Nothing is
written, numbers are masked.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy import products, rulebook
from policy.commands import preview_speech
from policy.commands.iso_time import Ago
from policy.dialling import number as numbers
from policy.dialling.decision import Decision
from policy.dialling.evaluate import evaluate
from policy.dialling.past import as_of
from policy.dialling.refusals import PACK as BUILT_IN
from policy.dialling.rulebook import DiallingRulebook
from policy.ledger import LedgerReader, LedgerUnavailable, RecordedDecision
from policy.past_calls import PastCalls

_AT_ONCE = 500
_EXAMPLES = 10

_WORDS = {
    "zh": {
        "heading": "{version}（{digest}）对 {since} 以来 {judged} 次决定的重放",
        "skipped": "{skipped} 次未重放：当时未经规则判断（超时、台账故障或紧急号码）",
        "refused": "将多拒绝 {count} 次",
        "allowed": "将多放行 {count} 次",
        "same": "其余 {count} 次结论不变",
        "by": "按{what}",
        "rule": "规则",
        "campaign": "活动",
        "scene": "场景",
        "examples": "示例",
        "none": "（未填）",
    },
    "en": {
        "heading": "{version} ({digest}) over the {judged} decisions since {since}",
        "skipped": "{skipped} not judged anew: no rule decided them (deadline, ledger, emergency)",
        "refused": "{count} more would be refused",
        "allowed": "{count} more would be allowed",
        "same": "{count} would be as they were",
        "by": "by {what}",
        "rule": "rule",
        "campaign": "campaign",
        "scene": "scene",
        "examples": "examples",
        "none": "(none)",
    },
}


@click.command(
    epilog="Example: callwarden rules preview --pack house --pack cn-collection --since 30d"
)
@click.argument(
    "folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--pack", "packs", multiple=True, help="Dialling pack (default: configured).")
@click.option("--speech", multiple=True, help="Speech pack: judge what was said on calls, too.")
@click.option(
    "--since",
    type=Ago(),
    default="30d",
    show_default=True,
    help="From then on: 30d, 12h, or an ISO 8601 time.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@with_settings
def preview(
    configured: Settings,
    *,
    folder: Path | None,
    packs: tuple[str, ...],
    speech: tuple[str, ...],
    since: datetime,
    as_json: bool,
) -> None:
    """Judge past calls by another rulebook: which would be refused or allowed, and examples.

    Each decision is judged with what was known when it was made; that a call refused by the new
    rulebook would not have counted later is left out. With --speech, what was said on calls is
    heard again, and what would be found is held against what was.
    """
    chosen = configured.rules
    loaded = rulebook.load(folder or chosen.folder, packs or chosen.packs, speech)
    heard: preview_speech.SpeechChanges | None = None
    try:
        with LedgerReader.open(configured.ledger_file, configured.ledger_key_file) as reader:
            changes = _replay(reader, loaded.dialling, since)
            if speech:
                known = products.load(configured.speech.products)
                past = PastCalls(reader, known, configured.speech.dialect)
                heard = preview_speech.preview(reader, past, loaded.speech, since)
    except LedgerUnavailable as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        found = _fields(changes, loaded.dialling, since)
        if heard is not None:
            found["speech"] = preview_speech.fields(heard)
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in _told(changes, loaded.dialling, since, configured.locale):
        click.echo(line)
    for line in preview_speech.told(heard, configured.locale) if heard is not None else ():
        click.echo(line)


@dataclass
class Changed:
    """Past decisions that would be another: how many, by what, and the first of them."""

    decisions: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    campaigns: Counter[str] = field(default_factory=Counter)
    scenes: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, past: RecordedDecision, new: Decision) -> None:
        """Counts the rules that speak against it now, or spoke against it then."""
        self.decisions += 1
        reasons = past.decision.reasons if new.allowed else new.reasons
        self.rules.update(each.rule for each in reasons)
        self.campaigns[past.request.campaign] += 1
        self.scenes[past.request.scene] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(_example(past, new))


@dataclass
class Changes:
    """What the replay came to. `skipped`: no rule decided them then."""

    judged: int = 0
    skipped: int = 0
    refused: Changed = field(default_factory=Changed)
    allowed: Changed = field(default_factory=Changed)

    def judge(self, past: RecordedDecision, new: Decision) -> None:
        self.judged += 1
        if new.allowed != past.decision.allowed:
            (self.allowed if new.allowed else self.refused).add(past, new)


def _replay(reader: LedgerReader, judged_by: DiallingRulebook, since: datetime) -> Changes:
    changes, now = Changes(), datetime.now(UTC)
    total = reader.decisions_since(since).decisions
    with tqdm(total=total, unit=" decisions", disable=None, leave=False) as bar:
        for some in _batches(reader.decisions_from(since), _AT_ONCE):
            known = reader.facts_of([each.request for each in some], now)
            for past, facts in zip(some, known, strict=True):
                if _of_no_rule(past.decision):
                    changes.skipped += 1
                else:
                    new = evaluate(past.request, as_of(facts, past.at), judged_by, past.at)
                    changes.judge(past, new)
            bar.update(len(some))
    return changes


def _of_no_rule(decision: Decision) -> bool:
    """The gate itself decided: nothing was known of the call, or it was one for help."""
    return bool(decision.reasons) and decision.reasons[0].pack == BUILT_IN


def _batches(
    decisions: Iterator[RecordedDecision], size: int
) -> Iterator[Sequence[RecordedDecision]]:
    while some := tuple(islice(decisions, size)):
        yield some


def _example(past: RecordedDecision, new: Decision) -> dict[str, Any]:
    request = past.request
    return {
        "at": past.at.isoformat(),
        "number": numbers.masked(request.number),
        "scene": request.scene,
        "campaign": request.campaign,
        "was": past.decision.verdict.value,
        "rules": [reason.rule for reason in past.decision.reasons],
        "would_be": new.verdict.value,
        "new_rules": [reason.rule for reason in new.reasons],
    }


def _fields(changes: Changes, judged_by: DiallingRulebook, since: datetime) -> dict[str, Any]:
    return {
        "rulebook": {"version": judged_by.identity.version, "digest": judged_by.identity.digest},
        "since": since.isoformat(),
        "judged": changes.judged,
        "skipped": changes.skipped,
        "more_refused": vars(changes.refused),
        "more_allowed": vars(changes.allowed),
    }


def _told(
    changes: Changes, judged_by: DiallingRulebook, since: datetime, locale: str
) -> Iterator[str]:
    words = _WORDS[locale]
    identity = judged_by.identity
    yield words["heading"].format(
        version=identity.version,
        digest=identity.digest[:12],
        judged=changes.judged,
        since=f"{since:%Y-%m-%dT%H:%M:%SZ}",
    )
    if changes.skipped:
        yield words["skipped"].format(skipped=changes.skipped)
    for key, some in (("refused", changes.refused), ("allowed", changes.allowed)):
        yield words[key].format(count=some.decisions)
        if some.decisions:
            yield from _counted(some, words)
    changed = changes.refused.decisions + changes.allowed.decisions
    yield words["same"].format(count=changes.judged - changed)


def _counted(some: Changed, words: dict[str, str]) -> Iterator[str]:
    counts = {"rule": some.rules, "campaign": some.campaigns, "scene": some.scenes}
    for what, found in counts.items():
        most = found.most_common(8)
        listed = ", ".join(f"{name or words['none']} {count}" for name, count in most)
        yield f"  {words['by'].format(what=words[what])}: {listed}"
    yield f"  {words['examples']}:"
    for each in some.examples:
        rules, new_rules = (" ".join(each[key]) or "-" for key in ("rules", "new_rules"))
        yield (
            f"    {each['at'][:19]}Z  {each['number']}  {each['scene']}  "
            f"{each['was']} ({rules}) → {each['would_be']} ({new_rules})"
        )
