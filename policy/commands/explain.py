"""Owns `callwarden explain`: why a finding was raised, by hearing the call again with the same
rules.

It shows words that were spoken, and nothing else of the ledger.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from enum import Enum
from typing import Any

import click

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy import products, rulebook, rulebook_text
from policy.identity import RulebookIdentity
from policy.ledger import LedgerReader, LedgerUnavailable
from policy.past_calls import PastCalls
from policy.speech.explanation import Condition, Explanation, Match, explain
from policy.speech.rulebook import SpeechRulebook

_MOST_FINDINGS = 1000

_WORDS = {
    "zh": {
        "other rulebook": "注意：当时使用的规则 {digest} 已不可得，以下按现行配置的规则解释",
        "rule": "规则",
        "citation": "依据",
        "heard": "听到",
        "around": "前后句",
        "at": "音频位置",
        "states": "状态变化",
        "matched": "匹配",
        "alternatives": "相近但未采用",
        "conditions": "条件",
        "looks": "二次聆听",
        "guard refuses": "排除语",
        "guard doubts": "存疑语",
        "stands": "出现",
        "absent": "未出现",
        "holds": "成立",
        "fails": "不成立",
        "not looked": "未能聆听",
        "nothing heard": "未听到其中任何一个",
        "confidence": "置信度 {confidence:.2f}（确定门槛 {certain:.2f}）",
        "missed": "所依赖的音频可能有缺失",
    },
    "en": {
        "other rulebook": "note: rulebook {digest}, by which it was found, is not to be had; this "
        "is what the configured rules make of it",
        "rule": "rule",
        "citation": "citation",
        "heard": "heard",
        "around": "around it",
        "at": "in the audio",
        "states": "states",
        "matched": "matched",
        "alternatives": "near, and not taken",
        "conditions": "conditions",
        "looks": "second looks",
        "guard refuses": "guard",
        "guard doubts": "doubt",
        "stands": "stands there",
        "absent": "does not stand there",
        "holds": "holds",
        "fails": "does not hold",
        "not looked": "could not be listened to",
        "nothing heard": "none of them heard",
        "confidence": "confidence {confidence:.2f} (certain from {certain:.2f})",
        "missed": "words that it depends on may have been lost",
    },
}


@click.command(
    "explain",
    epilog="Example: callwarden explain 1772416800.17-123456 forbidden.pressure/agent/12340",
)
@click.argument("call")
@click.argument("finding")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@with_settings
def explain_finding(configured: Settings, *, call: str, finding: str, as_json: bool) -> int:
    """Explain FINDING of CALL: words, pinyin, phrase, guards, alternatives, seconds of audio.

    CALL is the call's id (`log export` has it), FINDING the finding's id, or a rule's for its first
    finding on the call. Exit code 1: these rules do not find it in what is recorded.
    """
    try:
        with LedgerReader.open(configured.ledger_file, configured.ledger_key_file) as reader:
            found = [each.finding for each in reader.findings_of(call, _MOST_FINDINGS)]
            known = products.load(configured.speech.products)
            heard = PastCalls(reader, known, configured.speech.dialect).of(call)
            if heard is None:
                raise click.ClickException(f"there is no call {call} in the ledger")
            chosen = [each for each in found if finding in (each.finding_id, each.rule)]
            if not chosen:
                ids = ", ".join(sorted(each.finding_id for each in found)) or "none"
                raise click.ClickException(f"{finding} is none of the call's findings: {ids}")
            wanted = min(chosen, key=lambda each: each.start_s)
            rules, same = _rules(configured, reader, wanted.rulebook)
    except LedgerUnavailable as error:
        raise click.ClickException(str(error)) from None
    words = _WORDS[configured.locale]
    if not same:
        digest = wanted.rulebook.digest[:12]
        click.echo(words["other rulebook"].format(digest=digest), err=True)
    explained = explain(rules, heard, wanted.finding_id)
    if explained is None:
        click.echo(f"{wanted.finding_id}: not found by these rules in what is recorded", err=True)
        return 1
    if as_json:
        click.echo(json.dumps(asdict(explained), ensure_ascii=False, default=_plain))
    else:
        click.echo("\n".join(_told(explained, words, configured.locale)))
    return 0


def _rules(
    configured: Settings, reader: LedgerReader, identity: RulebookIdentity
) -> tuple[SpeechRulebook, bool]:
    """The rules the finding was found by, from the ledger or the configured folder; the configured
    ones where those are not to be had, and whether they are the same."""
    try:
        text = reader.rulebook(identity.digest)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if text is not None:
        return rulebook_text.speech(text), True
    chosen = configured.rules
    loaded = rulebook.load(chosen.folder, chosen.packs, chosen.speech).speech
    return loaded, loaded.identity.digest == identity.digest


def _plain(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)


def _told(explained: Explanation, words: dict[str, str], locale: str) -> Iterator[str]:
    finding = explained.finding
    yield f"{words['rule']}: {finding.rule}  {getattr(finding.title, locale)}"
    yield f"{words['citation']}: {explained.rule.citation}"
    yield f"{words['heard']}: {finding.heard_text}  [{finding.heard_pinyin}]"
    yield f"{words['around']}: {finding.before} … {finding.after}"
    yield f"{words['at']}: {finding.start_s:.2f}–{finding.end_s:.2f} s ({finding.leg.value})"
    states = " → ".join(
        f"{each.status.value} @ {each.raised_s:.2f} s" for each in explained.history
    )
    yield f"{words['states']}: {states}"
    for key, matches in (
        ("matched", explained.matches),
        ("alternatives", explained.alternatives),
    ):
        if matches:
            yield f"{words[key]}:"
        for match in matches:
            yield from _match(match, words)
    if explained.conditions:
        yield f"{words['conditions']}:"
    for condition in explained.conditions:
        yield _condition(condition, words)
    if explained.second_looks:
        yield f"{words['looks']}:"
    for doubt, look in explained.second_looks:
        heard = words["not looked"]
        if look is not None and look.looked:
            heard = look.heard or words["nothing heard"]
        phrases = " / ".join(doubt.phrases)
        yield f"  {doubt.start_s:.2f}–{doubt.end_s:.2f} s  {phrases}: {heard}"


def _match(match: Match, words: dict[str, str]) -> Iterator[str]:
    confidence = words["confidence"].format(confidence=match.confidence, certain=match.certain_from)
    yield (
        f"  {match.start_s:.2f}–{match.end_s:.2f} s  {match.pattern}: {match.spelled} ← "
        f"{match.heard_text} [{match.heard_pinyin}]  {confidence}"
    )
    for guard in match.guards:
        kind = words["guard refuses" if guard.refuses else "guard doubts"]
        outcome = words["stands" if guard.stands else "absent"]
        yield f"      {kind} ({guard.side}): {guard.written}  – {outcome}"


def _condition(condition: Condition, words: dict[str, str]) -> str:
    outcome = words["holds" if condition.holds else "fails"]
    names = " ".join(condition.names)
    found = ", ".join(f"{each.spelled} @ {each.start_s:.2f} s" for each in condition.found) or "–"
    missed = f"  ({words['missed']})" if condition.missed else ""
    what = f"{condition.what} {condition.key} {names}"
    return f"  {condition.at_s:.2f} s  {what}: {found}  – {outcome}{missed}"
