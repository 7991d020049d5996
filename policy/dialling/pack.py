"""Owns the language of dialling rules: the shape of a pack's YAML file.

Read by `policy.rulebook`, compiled by `policy.dialling.rulebook`. A pack that fits this shape can
be compiled; what cannot be evaluated cannot be written. A new kind of rule is a model here with
its `kind`, and a condition that answers for it.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from callwarden.located_yaml import LocatedDocument
from callwarden.problems import Problem, did_you_mean
from policy.dialling import public_holidays, shown_number
from policy.dialling.request import Party
from policy.rule import Name, Part, Rule, Text, TitleText, matching

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DayKind = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "workday", "holiday"]

Source = Literal["refusal", "complaint", "manual", "import"]
"""Where a do-not-call entry comes from: a refusal heard on a call, a complaint, a person who wrote
it down, a list that was imported."""

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_YEAR_H = 366 * 24


def _seconds_of_day(clock: Any) -> int:
    if not isinstance(clock, str) or not _CLOCK.fullmatch(clock):
        raise ValueError("must be a time of day as HH:MM, from 00:00 to 24:00")
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60


Clock = Annotated[int, BeforeValidator(_seconds_of_day)]
"""A time of day, written HH:MM, kept as seconds since midnight on the clock."""


Country = Annotated[str, matching("[A-Z]{2}(-[A-Z0-9]{1,3})?", "a country's two capital letters")]
"""Whose public holidays: two letters (`FR`), or with a part of the country (`FR-57`)."""

ListName = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True, max_length=64)]


class CallRule(Rule):
    """What every dialling rule has besides."""

    cause: int = Field(21, ge=1, le=127, description="Q.850 cause the PBX hangs up with")
    waivable: bool = Field(False, description="a waiver (consent with proof) lifts it")


class WindowText(Part):
    """From `from` until before `to`, at the called party."""

    days: tuple[DayKind, ...] = Field(WEEKDAYS, min_length=1)
    opens_s: Clock = Field(alias="from")
    closes_s: Clock = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.opens_s >= self.closes_s:
            raise ValueError(
                "from must be earlier than to; past midnight, write two windows "
                "(one to 24:00, one from 00:00)"
            )
        return self


class TimeRule(CallRule):
    """Calls only within one of the windows. With `holidays`, a weekday in `days` is one that is no
    public holiday of that country."""

    kind: Literal["time"]
    windows: tuple[WindowText, ...] = Field(min_length=1)
    holidays: Country | None = None

    @model_validator(mode="after")
    def _has_calendar(self) -> Self:
        kinds = {kind for window in self.windows for kind in window.days}
        if self.holidays is None and not kinds <= set(WEEKDAYS):
            raise ValueError("the days workday and holiday need the key holidays: whose?")
        return self


class Within(Part):
    """How far back calls count: exactly one of the two."""

    calendar_days: int | None = Field(
        None, ge=1, le=366, description="today and the days before, in the called party's zone"
    )
    rolling_hours: int | None = Field(None, ge=1, le=_YEAR_H)

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.calendar_days is None) == (self.rolling_hours is None):
            raise ValueError("give either calendar_days or rolling_hours")
        return self


class TermText(Part):
    """How long after it happened: exactly one of days, months, hours."""

    days: int | None = Field(None, ge=1, le=3660, description="whole days after the day itself")
    months: int | None = Field(None, ge=1, le=120)
    hours: int | None = Field(None, ge=1, le=_YEAR_H)
    first_day_counts: bool = Field(False, description="the day it happened is the first of `days`")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if [self.days, self.months, self.hours].count(None) != 2:
            raise ValueError("give exactly one of days, months and hours")
        if self.first_day_counts and self.days is None:
            raise ValueError("first_day_counts goes with days")
        return self


UnsettledAfter = Annotated[int, Field(ge=1, le=_YEAR_H)]
"""Hours after which an attempt that was never settled no longer counts as connected."""

TalkSeconds = Annotated[float, Field(ge=0, le=3600)]


class LimitRule(CallRule):
    """At most so many calls that have `key` in common, over all agencies and campaigns."""

    kind: Literal["limit"]
    unit: Literal["attempt", "connected", "conversation"]
    key: Literal["number", "customer", "debt", "product"] = "customer"
    at_most: int = Field(ge=1, le=10_000)
    within: Within
    talk_s: TalkSeconds | None = Field(None, description="a conversation is talk of at least this")
    unsettled_after_h: UnsettledAfter | None = None

    @model_validator(mode="after")
    def _of_unit(self) -> Self:
        if (self.unit == "conversation") != (self.talk_s is not None):
            raise ValueError("talk_s goes with unit conversation, and is needed there")
        if self.unit == "attempt" and self.unsettled_after_h is not None:
            raise ValueError(
                "unsettled_after_h: an attempt counts as one for as long as it is near"
            )
        return self


class CoolingRule(CallRule):
    """None for so long after a refusal, or after a conversation."""

    kind: Literal["cooling"]
    after: Literal["refusal", "conversation"]
    term: TermText = Field(alias="for")
    sources: tuple[Source, ...] | None = Field(None, min_length=1)
    key: Literal["number", "customer", "debt", "product"] | None = None
    talk_s: TalkSeconds | None = None
    unsettled_after_h: UnsettledAfter | None = None

    @model_validator(mode="after")
    def _of_event(self) -> Self:
        if self.after == "conversation":
            if self.sources is not None:
                raise ValueError("sources goes with after: refusal")
            if (self.term.days or 0) > 366 or (self.term.months or 0) > 12:
                raise ValueError("for: conversations are remembered for a year")
        elif {self.key, self.talk_s, self.unsettled_after_h} != {None}:
            raise ValueError("key, talk_s and unsettled_after_h go with after: conversation")
        return self


class SuppressionRule(CallRule):
    """No call to somebody with a do-not-call entry for one of the channels and the call's scene."""

    kind: Literal["suppression"]
    channels: tuple[Name, ...] = Field(("voice",), min_length=1)
    sources: tuple[Source, ...] | None = Field(None, min_length=1)
    lists: tuple[ListName, ...] | None = Field(None, min_length=1, description="of these alone")
    except_lists: tuple[ListName, ...] = ()
    at_least: TermText | None = Field(None, description="an entry that ends sooner stands so long")


class ListAgeRule(CallRule):
    """No call unless the list was imported not more than so many days ago."""

    kind: Literal["list_age"]
    list_name: ListName = Field(alias="list")
    at_most_days: int = Field(ge=0, le=3660)


class UnreachableText(Part):
    """The debtor cannot be reached."""

    unsuccessful: int = Field(ge=1, le=1000, description="calls to him that were not answered")
    within: Within
    unsettled_after_h: UnsettledAfter | None = None


class PartyRule(CallRule):
    """Who may be called."""

    kind: Literal["party"]
    may_be: tuple[Party, ...] = Field(min_length=1)
    third_party_when: UnreachableText | None = None

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        if self.third_party_when is not None and "third-party" in self.may_be:
            raise ValueError("third_party_when has no effect where may_be has third-party")
        return self


NumberClass = Annotated[
    str,
    matching(shown_number.CLASS, "digits, x for any digit, * at the end for any more, in quotes"),
]


class CallerIdRule(CallRule):
    """The number shown is of one of these classes."""

    kind: Literal["caller_id"]
    may_show: tuple[NumberClass, ...] = Field(min_length=1)


class ConsentRule(CallRule):
    """No call without a waiver of this rule."""

    kind: Literal["consent"]
    waivable: Literal[True] = True


AnyRule = Annotated[
    TimeRule
    | LimitRule
    | CoolingRule
    | SuppressionRule
    | ListAgeRule
    | PartyRule
    | CallerIdRule
    | ConsentRule,
    Field(discriminator="kind"),
]


class KeepText(Part):
    """A term for which something must be kept, which no decision depends on."""

    what: Name
    at_least_days: int = Field(ge=1, le=36_600)
    title: TitleText
    citation: Text


class DiallingPack(Part):
    """One file of dialling rules; or, joined by `site_pack`, one that extends another. Then its
    rules are changed already, and `override` tells what was changed and why."""

    pack: Name
    version: Text
    title: TitleText
    extends: Name | None = None
    override: dict[str, dict[str, Any]] = Field(default_factory=dict)
    keep: tuple[KeepText, ...] = ()
    dialling: tuple[AnyRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _of_another(self) -> Self:
        if self.override and self.extends is None:
            raise ValueError("override goes with extends: which pack?")
        return self

    @property
    def countries(self) -> frozenset[str]:
        """Whose public holidays its rules go by."""
        times = (rule for rule in self.dialling if isinstance(rule, TimeRule))
        return frozenset(rule.holidays for rule in times if rule.holidays is not None)


def problems(document: LocatedDocument) -> list[Problem]:
    """What the shape cannot tell: rules that share an id, countries whose public holidays nobody
    knows. `document` may be of any shape."""
    value = document.value if isinstance(document.value, dict) else {}
    rules = value.get("dialling")
    found, first_line = [], dict[str, int]()
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        if not isinstance(rule, dict):
            continue
        country = rule.get("holidays")
        if isinstance(country, str) and not public_holidays.is_known(country):
            message = f"no public holidays of {country} are known"
            hint = did_you_mean(country, public_holidays.known(country))
            found.append(document.problem(("dialling", index, "holidays"), message + hint))
        path = ("dialling", index, "id")
        name = rule.get("id")
        if isinstance(name, str):
            line, _ = document.place(path)
            if name in first_line:
                message = f"another rule has this id, on line {first_line[name]}"
                found.append(document.problem(path, message))
            first_line.setdefault(name, line)
    return found
