"""Owns what every rule has, of whatever room: the words of a rule's YAML that mean the same in a
dialling and in a speech pack. The packs' own shapes build on it.
"""

import re
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)


def matching(pattern: str, meant: str) -> AfterValidator:
    """Text of that pattern; `meant` tells who wrote another what to write."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {meant}")
        return text

    return AfterValidator(check)


_NAME = r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*"

Name = Annotated[
    str, matching(_NAME, "lower-case letters, digits and dashes, words joined by dots")
]
"""Of a rule or a pack: `house.daily-attempts`."""

ScenePattern = Annotated[
    str,
    matching(rf"\*|{_NAME}(\.\*)?", "a scene (marketing.loan), a branch (marketing.*) or *"),
]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2999, 12, 31))]


class Part(BaseModel):
    """A part of a pack's file: keys it does not know are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TitleText(Part):
    zh: Text
    en: Text


class Rule(Part):
    """What every rule has, whatever its kind."""

    id: Name
    title: TitleText
    severity: Literal["info", "minor", "major", "critical"]
    scenes: tuple[ScenePattern, ...] = Field(("*",), min_length=1)
    effective_from: Day | None = Field(None, description="first local day; none: always was")
    effective_to: Day | None = Field(None, description="last local day; none: open end")
    citation: Text = Field(description='law and article, or "house rule"')

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.effective_from, self.effective_to
        if first is not None and last is not None and first > last:
            raise ValueError("effective_from is later than effective_to: the rule never holds")
        return self
