"""Owns the speech half of `callwarden rules preview`: what other speech rules would have found on
the calls there were, by hearing their utterances again.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tqdm import tqdm

from policy.ledger import LedgerReader
from policy.past_calls import PastCalls
from policy.speech.finding import Finding, FindingStatus
from policy.speech.replay import replay
from policy.speech.rulebook import SpeechRulebook

_EXAMPLES = 10
_SAME_PLACE_S = 2.0
"""Findings of one rule and leg that begin this close are one."""
_MOST_FINDINGS = 1000

WORDS = {
    "zh": {
        "heading": "话术规则对 {calls} 通通话的重放",
        "more": "将多发现 {count} 项",
        "fewer": "将少发现 {count} 项",
        "same": "{count} 项发现不变",
        "by": "按规则",
        "examples": "示例",
    },
    "en": {
        "heading": "speech rules over the utterances of {calls} calls",
        "more": "{count} more findings",
        "fewer": "{count} findings fewer",
        "same": "{count} findings as they were",
        "by": "by rule",
        "examples": "examples",
    },
}


@dataclass
class Counted:
    """Findings that only one of the two rulebooks makes, and the first of them."""

    findings: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, call_id: str, finding: Finding) -> None:
        self.findings += 1
        self.rules[finding.rule] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(
                {
                    "call": call_id,
                    "rule": finding.rule,
                    "leg": finding.leg.value,
                    "start": round(finding.start_s, 2),
                    "heard": finding.heard_text,
                }
            )


@dataclass
class SpeechChanges:
    calls: int = 0
    same: int = 0
    more: Counted = field(default_factory=Counted)
    fewer: Counted = field(default_factory=Counted)


def preview(
    reader: LedgerReader, past: PastCalls, rules: SpeechRulebook, since: datetime
) -> SpeechChanges:
    """Holds what `rules` find on each call since then against what was found. Raises
    LedgerUnavailable."""
    changes = SpeechChanges()
    for call in tqdm(past.since(since), unit=" calls", disable=None, leave=False):
        if not call.utterances:
            continue
        changes.calls += 1
        then = [
            each.finding
            for each in reader.findings_of(call.call_id, _MOST_FINDINGS)
            if each.finding.status is not FindingStatus.WITHDRAWN
        ]
        now = replay(rules, call).findings()
        for finding in now:
            earlier = next((each for each in then if _same(each, finding)), None)
            if earlier is None:
                changes.more.add(call.call_id, finding)
            else:
                then.remove(earlier)
                changes.same += 1
        for finding in then:
            changes.fewer.add(call.call_id, finding)
    return changes


def _same(one: Finding, other: Finding) -> bool:
    return (one.rule, one.leg) == (other.rule, other.leg) and abs(
        one.start_s - other.start_s
    ) <= _SAME_PLACE_S


def fields(changes: SpeechChanges) -> dict[str, Any]:
    return {
        "calls": changes.calls,
        "same": changes.same,
        "more": vars(changes.more),
        "fewer": vars(changes.fewer),
    }


def told(changes: SpeechChanges, locale: str) -> Iterator[str]:
    words = WORDS[locale]
    yield words["heading"].format(calls=changes.calls)
    for key, some in (("more", changes.more), ("fewer", changes.fewer)):
        yield words[key].format(count=some.findings)
        if not some.findings:
            continue
        yield f"  {words['by']}: " + ", ".join(
            f"{rule} {n}" for rule, n in some.rules.most_common(8)
        )
        yield f"  {words['examples']}:"
        for each in some.examples:
            where = f"{each['call']}  {each['start']} s  {each['leg']}"
            yield f"    {where}  {each['rule']}: {each['heard']}"
    yield words["same"].format(count=changes.same)
