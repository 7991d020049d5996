"""`callwarden review`: auditors judge findings, agents appeal, a second person settles it, and only
what was upheld counts."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from policy.ledger import Ledger, LedgerReader
from policy.ledger.acts import ActKind
from tests.ledger.box import Box
from tests.ledger.one_call import FINDING, record_one_call

FOUND = ("n1", FINDING.finding_id)
SINCE = ("--since", "2026-03-01")
PEOPLE = {"Li": "auditor", "Wang": "auditor", "Zhao": "supervisor", "Sun": "operator"}


@pytest.fixture
def box(tmp_path: Path) -> Box:
    made = Box(tmp_path)
    with Ledger.open(*made.files) as ledger:
        record_one_call(ledger)
    lines = ["people:"]
    for name, role in PEOPLE.items():
        (tmp_path / name).write_text(f"token of {name}\n")
        token = hashlib.sha256(f"token of {name}".encode()).hexdigest()
        teams = ", teams: [west]" if role in ("supervisor", "operator") else ""
        lines.append(f"  - {{name: {name}, role: {role}, token_sha256: '{token}'{teams}}}")
    people = tmp_path / "people.yaml"
    people.write_text("\n".join([*lines, "teams: {west: ['2*'], east: ['1*']}"]) + "\n")
    made.config.write_text(made.config.read_text() + f"oversight: {{people: {people}}}\n")
    return made


def _as(box: Box, name: str, *words: str) -> tuple[int, str]:
    token = ("--token-file", str(box.config.with_name(name)))
    done = box.run("review", *words, *token)
    return done.exit_code, done.output


def _listed(box: Box, name: str, *words: str) -> list[dict[str, Any]]:
    code, output = _as(box, name, "list", *SINCE, "--json", *words)
    assert code == 0, output
    return [json.loads(line) for line in output.splitlines()]


def _figures(box: Box) -> dict[str, Any]:
    code, output = _as(box, "Li", "figures", *SINCE, "--json")
    assert code == 0, output
    (rule,) = json.loads(output)["rule"]
    counted: dict[str, Any] = rule
    return counted


def test_from_a_finding_to_a_settled_appeal(box: Box) -> None:
    (waiting,) = _listed(box, "Li")
    assert (waiting["call"], waiting["finding"], waiting["standing"]) == (*FOUND, "open")
    assert (_figures(box)["open"], _figures(box)["precision"]) == (1, None)
    assert _as(box, "Li", "uphold", *FOUND, "--note", "heard it")[0] == 0
    assert _listed(box, "Li") == []
    assert (_figures(box)["upheld"], _figures(box)["precision"]) == (1, 1.0)
    assert _as(box, "Li", "appeal", *FOUND, "--note", "the customer asked")[0] == 0
    (appealed,) = _listed(box, "Wang")
    assert appealed["standing"] == "appealed"
    assert (_figures(box)["upheld"], _figures(box)["appealed"]) == (0, 1)
    code, told = _as(box, "Li", "settle", *FOUND, "dismissed")
    assert (code, "another person settles" in told) == (2, True)
    code, told = _as(box, "Wang", "uphold", *FOUND)
    assert (code, "review settle" in told) == (2, True)
    assert _as(box, "Wang", "settle", *FOUND, "dismissed", "--note", "a quotation")[0] == 0
    assert (_figures(box)["dismissed"], _figures(box)["precision"]) == (1, 0.0)
    for again in (
        ("settle", *FOUND, "upheld"),
        ("uphold", *FOUND),
        ("appeal", *FOUND, "--note", "x"),
    ):
        assert _as(box, "Wang", *again)[0] == 2
    with LedgerReader.open(*box.files) as reader:
        acts = [each for each in reader.acts.of_call("n1") if each.finding_id]
    assert [(each.act, each.who, each.note) for each in acts] == [
        (ActKind.REVIEW, "Li", "heard it"),
        (ActKind.REVIEW, "Li", "the customer asked"),
        (ActKind.SETTLE_APPEAL, "Wang", "a quotation"),
    ]


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        ("Li", ("uphold", "n1", "no-such"), "no such finding"),
        ("Li", ("uphold", "no-such", FINDING.finding_id), "no such call"),
        ("Li", ("settle", *FOUND, "upheld"), "nobody has appealed"),
        ("Li", ("appeal", *FOUND), "--note"),
        ("Li", ("appeal", *FOUND, "--note", "x"), "only what was upheld or dismissed"),
        ("Zhao", ("uphold", *FOUND), "no such call"),
        ("Sun", ("uphold", *FOUND), "not for operators"),
        ("people.yaml", ("uphold", *FOUND), "nobody's"),
    ],
)
def test_what_is_refused(box: Box, name: str, words: tuple[str, ...], told: str) -> None:
    code, output = _as(box, name, *words)
    assert code == 2
    assert told in output
    with LedgerReader.open(*box.files) as reader:
        assert not reader.acts.standings_of("n1")


def test_whose_findings_are_shown(box: Box) -> None:
    assert _listed(box, "Zhao") == []
    assert len(_listed(box, "Li", "--agent", "1001", "--rule", FINDING.rule)) == 1
    assert _listed(box, "Li", "--agent", "1002") == []
    assert _listed(box, "Li", "--standing", "upheld") == []


def test_a_table_of_figures(box: Box) -> None:
    assert _as(box, "Li", "uphold", *FOUND)[0] == 0
    code, output = _as(box, "Li", "figures", *SINCE)
    assert code == 0
    assert "Promises principal or return" in output
    assert "100%" in output
