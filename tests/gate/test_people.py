"""The file of people: what it may say, every problem at its place, and who is whom."""

from hashlib import sha256
from pathlib import Path

import pytest

from callwarden.problems import ProblemsFound
from policy.ledger.acts import ActKind
from policy.people import MAY, People, Person, Role
from tests.gate import people_file

TOKEN = sha256(b"t").hexdigest()


def problems(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "people.yaml"
    file.write_text(text)
    with pytest.raises(ProblemsFound) as found:
        People.read(file)
    return [str(each).removeprefix(f"{file}:") for each in found.value.problems]


def test_a_person_is_known_by_token_or_certificate(tmp_path: Path) -> None:
    file = people_file.write(tmp_path / "people.yaml")
    file.write_text(
        file.read_text().replace(
            "people:\n", "people:\n  - {name: Sun, role: admin, certificate: pc-7}\n"
        )
    )
    people = People.read(file)
    assert people.with_token("op-north-token") == Person(
        "op-north", Role.OPERATOR, frozenset({"north"})
    )
    assert people.with_token("op-north") is None
    assert people.with_token("") is None
    assert people.with_certificate("pc-7") == Person("Sun", Role.ADMIN)
    assert people.with_certificate("pc-8") is None


def test_an_agent_is_of_the_first_team_that_names_him(tmp_path: Path) -> None:
    people = People.read(people_file.write(tmp_path / "people.yaml"))
    assert [people.team_of(each) for each in ("1001", "2001", "3001", "")] == [
        "north",
        "south",
        "",
        "",
    ]


def test_roles_may_what_they_are_for() -> None:
    assert not any(Person("o", Role.OPERATOR).may(each) for each in ActKind)
    assert not Person("a", Role.AUDITOR).may(ActKind.HANG_UP)
    assert Person("a", Role.AUDITOR).may(ActKind.SETTLE_APPEAL)
    assert not Person("s", Role.SUPERVISOR).may(ActKind.SHADOW_RULE)
    assert all(Person("a", Role.ADMIN).may(each) for each in ActKind)


def test_what_is_documented_is_so(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "people.md").read_text(encoding="utf-8")
    file = tmp_path / "people.yaml"
    file.write_text(text.partition("```yaml\n")[2].partition("```")[0])
    people = People.read(file)
    assert people.with_token("s3cret-token") == Person(
        "陈丽", Role.SUPERVISOR, frozenset({"north"}), "8001"
    )
    assert people.with_certificate("pc-7") == Person("Sun", Role.ADMIN)
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    names = {
        "listen, whisper, barge, hang up": ("listen", "whisper", "barge", "hang-up"),
        "review, appeal, settle an appeal": ("review", "settle-appeal"),
        "suppress, assign retraining, acknowledge": (
            "suppress",
            "assign-retraining",
            "acknowledge",
        ),
        "switch a speech rule to shadow": ("shadow-rule",),
    }
    documented = {
        (Role(role.strip()), act)
        for what, *cells in rows
        for role, cell in zip(rows[0][1:], cells, strict=True)
        if cell.strip() == "yes"
        for act in names[what.strip()]
    }
    assert documented == {(role, act.value) for role in Role for act in MAY[role]}


def test_every_problem_stands_at_its_place(tmp_path: Path) -> None:
    text = f"""\
people:
  - {{name: Li, role: operater, token_sha256: {TOKEN}}}
  - {{name: Wang, role: admin}}
  - {{name: Zhao, role: admin, token_sha256: secret, colour: red}}
"""
    assert problems(tmp_path, text) == [
        "2:16: people[0].role: must be one of operator, supervisor, auditor, admin "
        "(did you mean operator?)",
        "3:5: people[1]: nobody can be known as this person: give token_sha256 (printf %s TOKEN | "
        "sha256sum) or certificate (its common name)",
        "4:31: people[2].token_sha256: must be the SHA-256 of a token: 64 lower-case hexadecimal "
        "digits",
        "4:53: people[2].colour: unknown key",
    ]


def test_what_people_and_teams_contradict_stands_at_its_place(tmp_path: Path) -> None:
    text = f"""\
people:
  - {{name: Li, role: operator, token_sha256: {TOKEN}}}
  - {{name: Li, role: supervisor, teams: [nort], token_sha256: {TOKEN}}}
  - {{name: Sun, role: auditor, teams: [north], certificate: pc-1}}
teams:
  north: ['1001']
"""
    assert sorted(problems(tmp_path, text)) == [
        "2:5: people[0]: an operator sees the calls of the own teams: name one under teams",
        "3:42: people[1].teams[0]: no team nort stands under teams (did you mean north?)",
        "3:49: people[1].token_sha256: this token_sha256 is another person's already",
        "3:6: people[1].name: this name has another person already",
        "4:32: people[2].teams: an auditor sees every team: leave out teams",
    ]


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProblemsFound, match="No such file"):
        People.read(tmp_path / "none.yaml")
