"""Owns how a reconciliation is told: as a table in two languages, JSON, or CSV with a row for each
thing that does not add up.

Called by the command. Numbers are masked.
"""

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from policy.dialling.number import masked
from policy.exporting.text_rows import harmless
from policy.ledger.accounts import CallAccount
from policy.reconciling import Class, Met, Reconciled, Unheard

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "cdrs": ("话单", "CDRs read"),
    "unreadable": ("无法读取的话单", "CDRs that cannot be read"),
    "calls_placed": ("其中拨往客户", "of them calls to customers"),
    "decided": ("有放行决定", "with a decision that allowed it"),
    "for-help": ("紧急号码", "emergency numbers"),
    "after-a-denial": ("拒绝后仍拨出", "placed after a denial"),
    "without-a-decision": ("没有决定", "without a decision"),
    "undialled": ("有决定无通话", "decisions without a call"),
    "given_up": ("拨号前放弃", "given up before dialling"),
    "talk_s": ("通话秒数（双方）", "seconds of talk, both legs"),
    "analysed_s": ("已分析秒数", "seconds analysed"),
    "missing_s": ("未分析秒数", "seconds not analysed"),
    "unheard": ("未充分分析的通话方", "legs not fully analysed"),
    "adds_up": ("账实相符", "it adds up"),
    "does_not": ("账实不符", "it does not add up"),
    "no-account": ("无记录", "no account"),
    "gap": ("AMI 中断", "AMI was away"),
}
_COLUMNS: Final = (
    "class",
    "at",
    "call_id",
    "decision_id",
    "agent",
    "number",
    "trunk",
    "linkedid",
    "leg",
    "seconds",
    "causes",
)


@dataclass(frozen=True)
class Told:
    """What was compared: `cdrs` of any kind, `unreadable` ones among them, the period, and when AMI
    could not be asked."""

    reconciled: Reconciled
    cdrs: int
    since: datetime
    until: datetime
    unreadable: int = 0
    gaps: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def adds_up(self) -> bool:
        return self.reconciled.adds_up and not (self.gaps or self.unreadable)

    def summary(self) -> dict[str, Any]:
        """The sums; each class of calls is a part of `calls_placed`."""
        made = self.reconciled
        counts = {each.value: len(made.of(each)) for each in Class}
        found_by = Counter(each.by for each in made.met if each.by)
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "cdrs": self.cdrs,
            "unreadable": self.unreadable,
            "calls_placed": len(made.met),
            **counts,
            "found_by": dict(sorted(found_by.items())),
            "undialled": len(made.undialled),
            "given_up": len(made.given_up),
            "talk_s": round(made.talk_s, 3),
            "analysed_s": round(made.analysed_s, 3),
            "missing_s": round(made.missing_s, 3),
            "missing_s_by_cause": _by_cause(made),
            "unheard": len(made.unheard),
            "gaps": [[each.isoformat() for each in gap] for gap in self.gaps],
            "adds_up": self.adds_up,
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """One for each thing that does not add up."""
        made = self.reconciled
        for standing in (Class.WITHOUT_A_DECISION, Class.AFTER_A_DENIAL):
            yield from (_of_call(standing.value, each) for each in made.of(standing))
        for decision in made.undialled:
            yield _of_decision("decision-without-a-call", decision, decision.at)
        yield from map(_of_leg, made.unheard)

    def as_json(self) -> str:
        said = {**self.summary(), "found": list(self.rows())}
        return json.dumps(said, ensure_ascii=False, indent=2)

    def as_csv(self) -> str:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, _COLUMNS, restval="")
        writer.writeheader()
        for row in self.rows():
            writer.writerow({name: harmless(cell) for name, cell in row.items()})
        return text.getvalue()

    def as_table(self, language: str, zone: ZoneInfo) -> str:
        summary = self.summary()
        shown = [self.since.astimezone(zone), self.until.astimezone(zone)]
        lines = [" – ".join(each.isoformat(" ", "seconds") for each in shown)]
        sums = [each for each in _WORDS if each in summary and each != "adds_up"]
        lines += [f"{_padded(_word(each, language))} {summary[each]:>12}" for each in sums]
        for causes, seconds in summary["missing_s_by_cause"].items():
            words = _word(causes, language) if causes in _WORDS else causes
            lines.append(f"{_padded('  ' + words)} {seconds:>12}")
        for first, last in self.gaps:
            away = [each.astimezone(zone).isoformat(" ", "seconds") for each in (first, last)]
            lines.append(f"! {_word('gap', language)}: {' – '.join(away)}")
        for row in self.rows():
            told = [str(row[each]) for each in _COLUMNS[1:] if row.get(each) not in ("", None)]
            lines.append(f"! {_class(row['class'], language)}: {'  '.join(told)}")
        verdict = "adds_up" if self.adds_up else "does_not"
        lines.append(_word(verdict, language))
        return "\n".join(lines)


def _word(name: str, language: str) -> str:
    return _WORDS[name][language != "zh"]


def _class(name: str, language: str) -> str:
    known = {"decision-without-a-call": "undialled", "not-analysed": "missing_s"}
    return _word(known.get(name, name), language)


def _padded(text: str) -> str:
    """To 36 places of a terminal, on which a Chinese character takes two."""
    wide = sum(1 + (ord(each) > 0x2E80) for each in text)
    return text + " " * max(1, 36 - wide)


def _by_cause(made: Reconciled) -> dict[str, float]:
    """Seconds of the legs that were not fully analysed, by all causes that the ledger names."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for each in made.unheard:
        seconds[" + ".join(each.causes) or "no-account"] += each.missing_s
    return {cause: round(found, 3) for cause, found in sorted(seconds.items())}


def _of_call(name: str, met: Met) -> dict[str, Any]:
    call = met.call
    row = {
        "class": name,
        "at": call.at.isoformat(),
        "number": masked(call.number),
        "trunk": call.trunk,
        "linkedid": call.linkedid or call.asked_on,
        "seconds": call.talk_s,
    }
    return (_of_decision(name, met.decision, call.at) if met.decision else {}) | row


def _of_decision(name: str, decision: CallAccount, at: datetime) -> dict[str, Any]:
    return {
        "class": name,
        "at": at.isoformat(),
        "call_id": decision.call_id,
        "decision_id": decision.decision_id,
        "agent": decision.agent,
        "number": masked(decision.number),
        "linkedid": decision.linkedid,
    }


def _of_leg(unheard: Unheard) -> dict[str, Any]:
    return _of_call("not-analysed", unheard.met) | {
        "leg": unheard.leg.value,
        "seconds": round(unheard.missing_s, 3),
        "causes": " ".join(unheard.causes) or "no-account",
    }
