"""Owns the dialling rulebook in the form that is evaluated: every rule of every active pack, in the
order of the packs. Compiled once when rules are loaded; never changed after that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

from policy import scene
from policy.dialling import pack
from policy.dialling.call_limit import CalendarDays, CallLimit, Rolling
from policy.dialling.circumstances import Circumstances, Condition
from policy.dialling.decision import Reason
from policy.dialling.do_not_call import DoNotCall
from policy.dialling.local_time import first_instant
from policy.dialling.time_window import TimeWindows, Window
from policy.identity import RulebookIdentity, Title


@dataclass(frozen=True)
class DiallingRule:
    """One rule. It holds on the called party's local days from `effective_from` to `effective_to`,
    both included; in several zones, on any of their days."""

    reason: Reason
    scenes: tuple[str, ...]
    effective_from: date | None
    effective_to: date | None
    condition: Condition

    def speaks_of(self, scene_of_call: str) -> bool:
        return scene.covers(self.scenes, scene_of_call)

    def denies(self, circumstances: Circumstances, at: datetime) -> bool:
        return self._in_force(circumstances, at) and self.condition.denies(circumstances, at)

    def lifts(self, circumstances: Circumstances, after: datetime) -> datetime | None:
        """As `Condition.lifts`; at the latest when the rule's last day has ended everywhere."""
        lifts = self.condition.lifts(circumstances, after)
        if self.effective_to is None or not circumstances.zones:
            return lifts
        day_after = self.effective_to + timedelta(days=1)
        ends = max(first_instant(zone, day_after) for zone in circumstances.zones)
        return ends if lifts is None else min(lifts, ends)

    def _in_force(self, circumstances: Circumstances, at: datetime) -> bool:
        first, last = self.effective_from, self.effective_to
        if (first is None and last is None) or not circumstances.zones:
            return True
        days = [at.astimezone(zone).date() for zone in circumstances.zones]
        return any(
            (first is None or first <= day) and (last is None or day <= last) for day in days
        )


@dataclass(frozen=True)
class DiallingRulebook:
    identity: RulebookIdentity
    rules: tuple[DiallingRule, ...]

    @classmethod
    def compile(cls, packs: Sequence[pack.DiallingPack], identity: RulebookIdentity) -> Self:
        """The rulebook of these packs; `identity` is that of all rules in force, speech too."""
        rules = [_rule(each, one.pack) for one in packs for each in one.dialling]
        return cls(identity, tuple(rules))


def _rule(rule: pack.AnyRule, pack_name: str) -> DiallingRule:
    title = Title(zh=rule.title.zh, en=rule.title.en)
    return DiallingRule(
        Reason(rule.id, pack_name, title, rule.citation, rule.cause),
        rule.scenes,
        rule.effective_from,
        rule.effective_to,
        _condition(rule),
    )


def _condition(rule: pack.AnyRule) -> Condition:
    match rule:
        case pack.TimeRule():
            return TimeWindows(
                tuple(
                    Window(
                        frozenset(pack.WEEKDAYS.index(day) for day in window.days),
                        window.opens_s,
                        window.closes_s,
                    )
                    for window in rule.windows
                )
            )
        case pack.LimitRule():
            return CallLimit(rule.at_most, _within(rule.within), rule.unit == "connected")
        case pack.SuppressionRule():
            return DoNotCall()


def _within(within: pack.Within) -> CalendarDays | Rolling:
    if within.calendar_days is not None:
        return CalendarDays(within.calendar_days)
    return Rolling(timedelta(hours=within.rolling_hours or 0))
