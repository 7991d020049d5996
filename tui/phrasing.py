"""Owns how the floor's values read: times, shares, states, severities, as spans.

Called by the widgets. Pure: the language and the zone come in. The one invariant: every colour has
a mark or a word beside it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from callwarden.v1.conversation_pb2 import (
    FINDING_STATUS_CERTAIN,
    FINDING_STATUS_PROVISIONAL,
    FINDING_STATUS_WITHDRAWN,
    LEG_AGENT,
    LEG_CUSTOMER,
    FindingStatus,
    Leg,
    NotAnalysed,
    Utterance,
)
from callwarden.v1.oversight_pb2 import (
    CALL_STATE_DIALLING,
    CALL_STATE_ENDED,
    CALL_STATE_LISTENED,
    CALL_STATE_UNHEARD,
    HEALTH_STATUS_DEGRADED,
    HEALTH_STATUS_DOWN,
    HEALTH_STATUS_OK,
    STANDING_APPEALED,
    STANDING_DISMISSED,
    STANDING_UPHELD,
    VERDICT_ALLOW,
    VERDICT_DENY,
    CallState,
    HealthStatus,
    Standing,
    Verdict,
)
from tui.call import Call, Heard, Raised, severity_of
from tui.language import Language
from tui.pinyin import toned
from tui.spans import Line, Span

MARKS = {"critical": "✖", "major": "▲", "minor": "◆", "info": "●"}
NOT_ANALYSED = "⊘"
PROVISIONAL = "?"
_SPANS_SHOWN = 3

LEG_ROLES: dict[Leg.ValueType, str] = {LEG_AGENT: "agent", LEG_CUSTOMER: "customer"}
_CALL_STATES: dict[CallState.ValueType, tuple[str, str, str]] = {
    CALL_STATE_DIALLING: ("◌", "dim", "state.dialling"),
    CALL_STATE_LISTENED: ("●", "good", "state.listened"),
    CALL_STATE_UNHEARD: (NOT_ANALYSED, "warn", "state.unheard"),
    CALL_STATE_ENDED: ("□", "dim", "state.ended"),
}
_HEALTH: dict[HealthStatus.ValueType, tuple[str, str, str]] = {
    HEALTH_STATUS_OK: ("●", "good", "health.ok"),
    HEALTH_STATUS_DEGRADED: ("▲", "warn", "health.degraded"),
    HEALTH_STATUS_DOWN: ("✖", "bad", "health.down"),
}
_VERDICTS: dict[Verdict.ValueType, tuple[str, str, str]] = {
    VERDICT_ALLOW: ("✔", "good", "decision.allow"),
    VERDICT_DENY: ("✖", "bad", "decision.deny"),
}
_STATUSES: dict[FindingStatus.ValueType, str] = {
    FINDING_STATUS_CERTAIN: "finding.certain",
    FINDING_STATUS_PROVISIONAL: "finding.provisional",
    FINDING_STATUS_WITHDRAWN: "finding.withdrawn",
}
_JUDGED: dict[Standing.ValueType, str] = {
    STANDING_UPHELD: "finding.upheld",
    STANDING_DISMISSED: "finding.dismissed",
    STANDING_APPEALED: "finding.appealed",
}
_STANDINGS: dict[Standing.ValueType, str] = {
    STANDING_UPHELD: "standing.upheld",
    STANDING_DISMISSED: "standing.dismissed",
    STANDING_APPEALED: "standing.appealed",
}


@dataclass(frozen=True)
class Times:
    """Times of day in one zone; None is the machine's own."""

    zone: tzinfo | None = None

    def local(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, UTC).astimezone(self.zone)

    def today(self, at: float, now: float) -> bool:
        """Whether both fall on the same day in this zone."""
        return self.local(at).date() == self.local(now).date()

    def name(self, at: float) -> str:
        """The zone as of `at`: `CST` or `UTC+08:00`."""
        local = self.local(at)
        named = local.tzname() or ""
        return named if named.isalpha() else f"UTC{local:%z}"

    def clock(self, at: float) -> str:
        return f"{self.local(at):%H:%M:%S}"

    def day_and_clock(self, at: float, now: float, language: Language) -> str:
        """`20:00`, `tomorrow 08:00` or `11-25 08:00`, as seen from `now`."""
        then, today = self.local(at), self.local(now).date()
        if then.date() == today:
            return f"{then:%H:%M}"
        if then.date() == today + timedelta(days=1):
            return language.say("earliest.tomorrow", time=f"{then:%H:%M}")
        form = "%m-%d %H:%M" if then.year == today.year else "%Y-%m-%d %H:%M"
        return then.strftime(form)


def duration(seconds: float) -> str:
    """`01:07`, from an hour on `1:02:07`."""
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def age(seconds: float, language: Language) -> str:
    """In its largest unit: `14 s`, `3 min`, `2 h`, `5 d`."""
    zh = language.locale == "zh"
    for unit_s, in_zh, in_en in ((86400, "天", "d"), (3600, "小时", "h"), (60, "分", "min")):
        if seconds >= unit_s:
            return f"{int(seconds // unit_s)} {in_zh if zh else in_en}"
    return f"{int(seconds)} {'秒' if zh else 's'}"


def percent(share: float) -> str:
    """Rounded down, so that a part is never called the whole."""
    return f"{int(share * 100)}%"


def size(taken: int) -> str:
    """Bytes in their largest unit of 1024: `512 B`, `3.4 MB`, `41 GB`."""
    amount, unit = float(taken), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.1f} {unit}" if unit != "B" and amount < 10 else f"{amount:.0f} {unit}"


def scene(name: str, language: Language) -> str:
    return language.say_or(f"scene.{name}", name)


def leg(which: Leg.ValueType, language: Language) -> str:
    if which == LEG_AGENT:
        return language.say("leg.agent")
    return language.say("leg.customer" if which == LEG_CUSTOMER else "leg.unknown")


def call_state(state: CallState.ValueType, language: Language) -> Line:
    mark, role, text = _CALL_STATES.get(state, ("?", "dim", "state.unknown"))
    return ((f"{mark} {language.say(text)}", role),)


def health(status: HealthStatus.ValueType, language: Language) -> Line:
    mark, role, text = _HEALTH.get(status, ("?", "dim", "health.unknown"))
    return ((f"{mark} {language.say(text)}", role),)


def health_mark(status: HealthStatus.ValueType) -> Span:
    mark, role, _ = _HEALTH.get(status, ("?", "dim", ""))
    return mark, role


def verdict(given: Verdict.ValueType, language: Language) -> Line:
    mark, role, text = _VERDICTS.get(given, ("?", "dim", "decision.unknown"))
    return ((f"{mark} {language.say(text)}", role),)


def talking(call: Call, language: Language) -> Line:
    """Both legs, the one that talks filled in."""
    spans: list[Span] = []
    for which, text in ((LEG_AGENT, "talk.agent"), (LEG_CUSTOMER, "talk.customer")):
        talks = which in call.change.talking
        role = LEG_ROLES[which] if talks else "faint" if call.live else "dim"
        spans.append((f"{language.say(text)}{'▮' if talks else '▯'}", role))
        spans.append((" ", ""))
    return tuple(spans[:-1]) if call.live and call.change.answered_at else (("", ""),)


def coverage(call: Call, now: float, language: Language) -> Line:
    """How much was analysed: never a whole that is not one."""
    heard, share = call.analysed(now)
    if heard is Heard.FULL:
        return (("100%", "dim"),)
    if heard is Heard.PARTIAL:
        return ((f"{NOT_ANALYSED} {percent(share)}", "warn"),)
    if heard is Heard.NONE:
        return ((f"{NOT_ANALYSED} 0%", "warn"),)
    return (("—", "faint"),)


def missing(spans: Sequence[NotAnalysed]) -> str:
    """`00:12–00:15 worker-lost`, the longest ones, in their order, and how many more there are."""
    longest = sorted(spans, key=lambda each: each.start_s - each.end_s)[:_SPANS_SHOWN]
    shown = "; ".join(
        f"{duration(each.start_s)}–{duration(math.ceil(each.end_s))} {each.cause}"
        for each in sorted(longest, key=lambda each: each.start_s)
    )
    more = len(spans) - len(longest)
    return f"{shown}; +{more}" if more else shown


def finding(found: Raised, language: Language) -> Line:
    """Mark and title; provisional ones with a question mark, withdrawn ones struck out."""
    severity = severity_of(found.finding)
    title = language.title(found.finding)
    if not found.stands:
        return ((f"{MARKS[severity]} {title}", "struck"),)
    doubt = PROVISIONAL if found.finding.status == FINDING_STATUS_PROVISIONAL else ""
    return ((f"{MARKS[severity]}{doubt} {title}", severity),)


def finding_status(found: Raised, language: Language) -> str:
    """As people judged it, else how sure it is."""
    judged = _JUDGED.get(found.raised.standing)
    return language.say(judged or _STATUSES.get(found.finding.status, "finding.provisional"))


def standing(of: Standing.ValueType, language: Language) -> str:
    return language.say(_STANDINGS.get(of, "standing.none"))


def worst(call: Call, now: float, language: Language) -> Line:
    """The worst finding; without one, whether that means anything."""
    standing = call.standing()
    if standing:
        return finding(standing[0], language)
    heard, share = call.analysed(now)
    if heard is Heard.NONE or (call.unheard and heard is not Heard.PARTIAL):
        return ((language.say("worst.unheard"), "warn"), *_cause(call))
    if heard is Heard.PARTIAL:
        return ((language.say("worst.partly", share=percent(1 - share)), "warn"), *_cause(call))
    if call.live or not call.change.answered_at:
        return (("—", "faint"),)
    return ((language.say("worst.none"), "dim"),)


def _cause(call: Call) -> Line:
    """Why nobody hears it at present."""
    cause = call.change.unheard_cause
    return ((f" · {cause}", "dim"),) if call.live and cause else ()


def counts(call: Call) -> Line:
    """How many findings stand, of which severities."""
    spans: list[Span] = []
    for severity, mark in MARKS.items():
        number = sum(severity_of(each.finding) == severity for each in call.standing())
        if number:
            spans.append((f"{mark}{number} ", severity))
    return tuple(spans) or (("", ""),)


def words(utterance: Utterance) -> list[str]:
    """What was said, in pieces: its characters, or toned syllables where the model writes none."""
    if any("一" <= letter <= "鿿" for letter in utterance.text) or not utterance.tokens:
        return [utterance.text]
    return [toned(token) for token in utterance.tokens]
