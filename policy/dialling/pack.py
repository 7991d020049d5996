"""Owns the language of dialling rules: the shape of a pack's YAML file.

Read by `policy.rulebook`, compiled by `policy.dialling.rulebook`. A pack that fits this shape can
be compiled; what cannot be evaluated cannot be written. A new kind of rule is a model here with
its `kind`, and a condition that answers for it.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from callwarden.located_yaml import LocatedDocument
from callwarden.problems import Problem
from policy.rule import Name, Part, Rule, Text, TitleText

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")


def _seconds_of_day(clock: Any) -> int:
    if not isinstance(clock, str) or not _CLOCK.fullmatch(clock):
        raise ValueError("must be a time of day as HH:MM, from 00:00 to 24:00")
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60


Clock = Annotated[int, BeforeValidator(_seconds_of_day)]
"""A time of day, written HH:MM, kept as seconds since midnight on the clock."""


class CallRule(Rule):
    """What every dialling rule has besides."""

    cause: int = Field(21, ge=1, le=127, description="Q.850 cause the PBX hangs up with")


class WindowText(Part):
    """From `from` until before `to`, at the called party."""

    days: tuple[Weekday, ...] = Field(WEEKDAYS, min_length=1)
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
    """Calls only within one of the windows."""

    kind: Literal["time"]
    windows: tuple[WindowText, ...] = Field(min_length=1)


class Within(Part):
    """How far back a limit counts: exactly one of the two."""

    calendar_days: int | None = Field(
        None, ge=1, le=366, description="today and the days before, in the called party's zone"
    )
    rolling_hours: int | None = Field(None, ge=1, le=366 * 24)

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.calendar_days is None) == (self.rolling_hours is None):
            raise ValueError("give either calendar_days or rolling_hours")
        return self


class LimitRule(CallRule):
    """At most so many calls to one customer: those to his number and those under his id."""

    kind: Literal["limit"]
    unit: Literal["attempt", "connected"]
    key: Literal["customer"] = "customer"
    at_most: int = Field(ge=1, le=10_000)
    within: Within


class SuppressionRule(CallRule):
    """No call to somebody with a do-not-call entry for voice and the call's scene."""

    kind: Literal["suppression"]


AnyRule = Annotated[TimeRule | LimitRule | SuppressionRule, Field(discriminator="kind")]


class DiallingPack(Part):
    """One file of dialling rules."""

    pack: Name
    version: Text
    title: TitleText
    dialling: tuple[AnyRule, ...] = Field(min_length=1)


def problems(document: LocatedDocument) -> list[Problem]:
    """What the shape cannot tell: rules that share an id. `document` may be of any shape."""
    value = document.value if isinstance(document.value, dict) else {}
    rules = value.get("dialling")
    found, first_line = [], dict[str, int]()
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        path = ("dialling", index, "id")
        name = rule.get("id") if isinstance(rule, dict) else None
        if isinstance(name, str):
            line, _ = document.place(path)
            if name in first_line:
                message = f"another rule has this id, on line {first_line[name]}"
                found.append(document.problem(path, message))
            first_line.setdefault(name, line)
    return found
