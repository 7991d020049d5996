"""Owns the file of people, `oversight.people`: who may use the operator API, in which role, on
whose calls; and which agents make up a team.

Read by the gateway and by commands; asked what an identity may see and do. The one invariant: a
file that has a problem names nobody, and of a token only its SHA-256 is ever kept.
"""

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from callwarden import located_yaml
from callwarden.located_yaml import LocatedDocument
from callwarden.problems import Problem, ProblemsFound, did_you_mean
from callwarden.v1 import oversight_pb2 as oversight
from policy.ledger.acts import ActKind

EXTENSION: Final = "[0-9A-Za-z]{1,32}"
"""Of a supervisor's phone: nothing that could name another endpoint, a host or a dial string."""


class Role(Enum):
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMIN = "admin"

    @property
    def on_the_wire(self) -> "oversight.Role.ValueType":
        return oversight.Role.Value(f"ROLE_{self.name}")


_ON_LIVE_CALLS: Final = (ActKind.LISTEN, ActKind.WHISPER, ActKind.BARGE, ActKind.HANG_UP)
_REVIEWS: Final = (ActKind.REVIEW, ActKind.SETTLE_APPEAL)
MAY: Final[Mapping[Role, frozenset[ActKind]]] = {
    Role.OPERATOR: frozenset(),
    Role.SUPERVISOR: frozenset(
        {
            *_ON_LIVE_CALLS,
            *_REVIEWS,
            ActKind.SUPPRESS,
            ActKind.ASSIGN_RETRAINING,
            ActKind.ACKNOWLEDGE,
        }
    ),
    Role.AUDITOR: frozenset(_REVIEWS),
    Role.ADMIN: frozenset(ActKind),
}
"""Rules are everybody's: only an admin switches one to shadow."""
_SEES_NUMBERS: Final = (Role.AUDITOR, Role.ADMIN)
_OF_TEAMS: Final = (Role.OPERATOR, Role.SUPERVISOR)

_Text = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]


def _digest(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError("must be the SHA-256 of a token: 64 lower-case hexadecimal digits")
    return text


def _extension(text: str) -> str:
    if not re.fullmatch(EXTENSION, text):
        raise ValueError("must be letters and digits alone")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _PersonText(_Part):
    name: _Text
    role: Role
    teams: tuple[_Text, ...] = ()
    token_sha256: Annotated[str, AfterValidator(_digest)] | None = None
    certificate: _Text | None = None
    extension: Annotated[str, AfterValidator(_extension)] | None = None

    @model_validator(mode="after")
    def _can_be_known(self) -> Self:
        if not (self.token_sha256 or self.certificate):
            raise ValueError(
                "nobody can be known as this person: give token_sha256 (printf %s TOKEN | "
                "sha256sum) or certificate (its common name)"
            )
        return self


class _PeopleText(_Part):
    people: tuple[_PersonText, ...] = Field(min_length=1)
    teams: dict[_Text, tuple[_Text, ...]] = {}


@dataclass(frozen=True)
class Person:
    """Who asks. `teams` empty: no team's calls are withheld."""

    name: str
    role: Role
    teams: frozenset[str] = frozenset()
    extension: str = ""

    def may(self, act: ActKind) -> bool:
        return act in MAY[self.role]

    @property
    def sees_numbers(self) -> bool:
        """Whether exports show this person numbers in full."""
        return self.role in _SEES_NUMBERS

    def sees(self, team: str) -> bool:
        """Whether calls of this team's agents are shown; the empty team is that of agents whom the
        file puts in none."""
        return not self.teams or team in self.teams


class People:
    """All of them, as the file says. Never changed; the file is read anew into another."""

    def __init__(self, text: _PeopleText) -> None:
        self._of_token = {each.token_sha256: each for each in text.people if each.token_sha256}
        self._of_certificate = {each.certificate: each for each in text.people if each.certificate}
        self._teams = text.teams
        self._team_of: dict[str, str] = {}

    @classmethod
    def read(cls, file: Path) -> Self:
        """Raises ProblemsFound with every problem at its line and column."""
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise ProblemsFound(
                [Problem(str(file), 1, 1, "oversight.people", f"cannot be read: {why}")]
            ) from None
        document = located_yaml.read(text, str(file))
        people = located_yaml.validate(document, _PeopleText)
        if problems := list(_problems(document, people)):
            raise ProblemsFound(problems)
        return cls(people)

    def with_token(self, token: str) -> Person | None:
        """Whose token this is. Every one is compared, in the time that the longest takes."""
        given = sha256(token.encode()).hexdigest()
        found = None
        for known, person in self._of_token.items():
            if hmac.compare_digest(known, given):
                found = person
        return _person(found) if found else None

    def with_certificate(self, common_name: str) -> Person | None:
        found = self._of_certificate.get(common_name)
        return _person(found) if found else None

    def same_teams(self, other: "People | None") -> bool:
        return other is not None and list(self._teams.items()) == list(other._teams.items())

    def team_of(self, agent: str) -> str:
        """The first team of the file that names the agent; empty where none does."""
        if agent not in self._team_of:
            self._team_of[agent] = next(
                (
                    team
                    for team, agents in self._teams.items()
                    if any(fnmatchcase(agent, each) for each in agents)
                ),
                "",
            )
        return self._team_of[agent]


def _person(text: _PersonText) -> Person:
    return Person(text.name, text.role, frozenset(text.teams), text.extension or "")


def _problems(document: LocatedDocument, text: _PeopleText) -> Iterator[Problem]:
    """What is wrong between the people and the teams."""
    for key, what in (
        ("name", "has another person"),
        ("token_sha256", "is another person's"),
        ("certificate", "is another person's"),
    ):
        seen: set[str] = set()
        for at, person in enumerate(text.people):
            value = getattr(person, key)
            if value in seen:
                yield document.problem(("people", at, key), f"this {key} {what} already")
            elif value:
                seen.add(value)
    for at, person in enumerate(text.people):
        for place, team in enumerate(person.teams):
            if team not in text.teams:
                message = f"no team {team} stands under teams{did_you_mean(team, text.teams)}"
                yield document.problem(("people", at, "teams", place), message)
        if person.role is Role.OPERATOR and not person.teams:
            message = "an operator sees the calls of the own teams: name one under teams"
            yield document.problem(("people", at), message)
        if person.teams and person.role not in _OF_TEAMS:
            message = f"an {person.role.value} sees every team: leave out teams"
            yield document.problem(("people", at, "teams"), message)
