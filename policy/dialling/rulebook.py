"""Owns the dialling rulebook in the form that is evaluated: every rule of every active pack, in the
order of the packs. Compiled once when rules are loaded; never changed after that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Self

from policy import scene
from policy.dialling import pack
from policy.dialling.call_limit import CallLimit
from policy.dialling.called_party import CalledParty, Unreachable
from policy.dialling.circumstances import Circumstances, Condition, Moment
from policy.dialling.consent import Consent, next_waived, waived
from policy.dialling.cooling import AfterConversation, AfterRefusal
from policy.dialling.counting import CalendarDays, Rolling, Unit, Within
from policy.dialling.decision import Reason
from policy.dialling.do_not_call import VOICE, DoNotCall, Entries
from policy.dialling.list_age import ListAge
from policy.dialling.local_time import first_instant
from policy.dialling.public_holidays import Calendar
from policy.dialling.shown_number import ShownNumber
from policy.dialling.term import Term
from policy.dialling.time_window import TimeWindows, Window
from policy.identity import RulebookIdentity, Title

_SCENES_KEPT = 256
"""Scenes come from the dialplan: what is kept for each must have an end."""


@dataclass(frozen=True)
class DiallingRule:
    """One rule. It holds on the called party's local days from `effective_from` to `effective_to`,
    both included; in several zones, on any of their days."""

    reason: Reason
    scenes: tuple[str, ...]
    effective_from: date | None
    effective_to: date | None
    waivable: bool
    condition: Condition

    def denies(self, circumstances: Circumstances, at: Moment) -> bool:
        return (
            self._in_force(at)
            and self.condition.denies(circumstances, at)
            and not (self.waivable and waived(self.reason.rule, circumstances, at.instant))
        )

    def lifts(self, circumstances: Circumstances, after: Moment) -> datetime | None:
        """As `Condition.lifts`; at the latest when the rule's last day has ended everywhere, or a
        waiver begins."""
        lifts = [self.condition.lifts(circumstances, after)]
        if self.effective_to is not None and circumstances.zones:
            day_after = self.effective_to + timedelta(days=1)
            lifts.append(max(first_instant(zone, day_after) for zone in circumstances.zones))
        if self.waivable:
            lifts.append(next_waived(self.reason.rule, circumstances, after.instant))
        return min((each for each in lifts if each is not None), default=None)

    def _in_force(self, at: Moment) -> bool:
        first, last = self.effective_from, self.effective_to
        if (first is None and last is None) or not at.days:
            return True
        for day in at.days:
            if (first is None or first <= day) and (last is None or day <= last):
                return True
        return False


@dataclass(frozen=True)
class DiallingRulebook:
    identity: RulebookIdentity
    rules: tuple[DiallingRule, ...]
    _of_scene: dict[str, tuple[DiallingRule, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def compile(
        cls,
        packs: Sequence[pack.DiallingPack],
        identity: RulebookIdentity,
        calendars: Mapping[str, Calendar],
    ) -> Self:
        """The rulebook of these packs; `identity` is that of all rules in force, speech too.
        Raises LookupError where a rule goes by public holidays that `calendars` lacks."""
        rules = [_rule(each, one.pack, calendars) for one in packs for each in one.dialling]
        return cls(identity, tuple(rules))

    @property
    def limits(self) -> tuple[Reason, ...]:
        """The rules that allow only so many calls, each as the reason that it gives."""
        return tuple(each.reason for each in self.rules if isinstance(each.condition, CallLimit))

    def speaking_of(self, scene_of_call: str) -> tuple[DiallingRule, ...]:
        """The rules that hold in that scene, in their order."""
        rules = self._of_scene.get(scene_of_call)
        if rules is None:
            rules = tuple(each for each in self.rules if scene.covers(each.scenes, scene_of_call))
            if len(self._of_scene) < _SCENES_KEPT:
                self._of_scene[scene_of_call] = rules
        return rules


def _rule(rule: pack.AnyRule, pack_name: str, calendars: Mapping[str, Calendar]) -> DiallingRule:
    title = Title(zh=rule.title.zh, en=rule.title.en)
    return DiallingRule(
        Reason(rule.id, pack_name, title, rule.citation, rule.cause),
        rule.scenes,
        rule.effective_from,
        rule.effective_to,
        rule.waivable,
        _condition(rule, calendars),
    )


def _condition(rule: pack.AnyRule, calendars: Mapping[str, Calendar]) -> Condition:
    match rule:
        case pack.TimeRule():
            calendar = calendars[rule.holidays] if rule.holidays else None
            return TimeWindows(tuple(map(_window, rule.windows)), calendar)
        case pack.LimitRule():
            unit = _unit(rule.unit, rule.talk_s, rule.unsettled_after_h)
            return CallLimit(rule.at_most, _within(rule.within), unit, rule.key)
        case pack.CoolingRule(after="refusal"):
            return AfterRefusal(_term(rule.term), Entries(VOICE, _any_of(rule.sources)))
        case pack.CoolingRule():
            unit = _unit("conversation", rule.talk_s, rule.unsettled_after_h)
            return AfterConversation(_term(rule.term), unit, rule.key or "customer")
        case pack.SuppressionRule():
            entries = Entries(
                frozenset(rule.channels),
                _any_of(rule.sources),
                _any_of(rule.lists),
                frozenset(rule.except_lists),
            )
            return DoNotCall(entries, _term(rule.at_least) if rule.at_least else None)
        case pack.ListAgeRule():
            return ListAge(rule.list_name, rule.at_most_days)
        case pack.PartyRule():
            return CalledParty(frozenset(rule.may_be), _unreachable(rule.third_party_when))
        case pack.CallerIdRule():
            return ShownNumber(rule.may_show)
        case pack.ConsentRule():
            return Consent()


def _window(window: pack.WindowText) -> Window:
    return Window(
        frozenset(number for number, day in enumerate(pack.WEEKDAYS) if day in window.days),
        window.opens_s,
        window.closes_s,
        workdays="workday" in window.days,
        holidays="holiday" in window.days,
    )


def _unit(name: str, talk_s: float | None, unsettled_after_h: int | None) -> Unit:
    after = None if unsettled_after_h is None else timedelta(hours=unsettled_after_h)
    match name:
        case "attempt":
            return Unit("attempt")
        case "connected":
            return Unit("connected", 0, after)
        case _:
            return Unit("conversation", talk_s or 0, after)


def _within(within: pack.Within) -> Within:
    if within.calendar_days is not None:
        return CalendarDays(within.calendar_days)
    return Rolling(timedelta(hours=within.rolling_hours or 0))


def _term(term: pack.TermText) -> Term:
    return Term(term.days or 0, term.months or 0, term.hours or 0, term.first_day_counts)


def _any_of(names: Sequence[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _unreachable(text: pack.UnreachableText | None) -> Unreachable | None:
    if text is None:
        return None
    connected = _unit("connected", None, text.unsettled_after_h)
    return Unreachable(text.unsuccessful, _within(text.within), connected)
