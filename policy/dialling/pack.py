"""Owns the language of dialling rules: the shape of a pack's YAML file.

Read by `policy.rulebook`, compiled by `policy.dialling.rulebook`. A pack that fits this shape can
be compiled; what cannot be evaluated cannot be written. A new kind of rule is a model here with
its `kind`, and a condition that answers for it.
"""

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from callwarden.located_yaml import LocatedDocument
from callwarden.problems import Problem

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

Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2999, 12, 31))]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
RuleId = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$")
]
ScenePattern = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z0-9-]+(\.[a-z0-9-]+)*(\.\*)?)$")]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TitleText(Part):
    zh: Text
    en: Text


class Rule(Part):
    """What every rule has, whatever its kind."""

    id: RuleId
    title: TitleText
    severity: Literal["info", "minor", "major", "critical"]
    scenes: tuple[ScenePattern, ...] = Field(("*",), min_length=1)
    effective_from: Day | None = Field(None, description="first local day; none: always was")
    effective_to: Day | None = Field(None, description="last local day; none: open end")
    citation: Text = Field(description='law and article, or "house rule"')
    cause: int = Field(21, ge=1, le=127, description="Q.850 cause the PBX hangs up with")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.effective_from, self.effective_to
        if first is not None and last is not None and first > last:
            raise ValueError("effective_from is later than effective_to: the rule never holds")
        return self


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


class TimeRule(Rule):
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


class LimitRule(Rule):
    """At most so many calls to one customer: those to his number and those under his id."""

    kind: Literal["limit"]
    unit: Literal["attempt", "connected"]
    key: Literal["customer"] = "customer"
    at_most: int = Field(ge=1, le=10_000)
    within: Within


class SuppressionRule(Rule):
    """No call to somebody with a do-not-call entry for voice and the call's scene."""

    kind: Literal["suppression"]


DiallingRule = Annotated[TimeRule | LimitRule | SuppressionRule, Field(discriminator="kind")]


class DiallingPack(Part):
    """One file of dialling rules."""

    pack: RuleId
    version: Text
    title: TitleText
    dialling: tuple[DiallingRule, ...] = Field(min_length=1)


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
