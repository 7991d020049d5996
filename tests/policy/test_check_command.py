"""`callwarden check`: a dry run that answers as the gate would."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from callwarden import settings
from policy import rulebook
from policy.dialling.decision import Decision
from policy.dialling.evaluate import evaluate
from policy.dialling.facts import Facts
from policy.dialling.request import DialRequest
from policy.ledger import Ledger
from tests.policy.conftest import Said

NUMBER = "+8613800138000"
NIGHT, NOON = "2026-03-02T07:59:00+08:00", "2026-03-02T12:00:00+08:00"
Callwarden = Callable[..., Said]


def test_the_json_of_a_denial(callwarden: Callwarden) -> None:
    said = callwarden("check", NUMBER, "--at", NIGHT, "--json")
    identity = rulebook.load(None, ("house",), ()).identity
    assert said.code == 1
    assert json.loads(said.out) == {
        "verdict": "DENY",
        "reasons": [
            {
                "rule": "house.hours",
                "pack": "house",
                "title": {
                    "zh": "仅限被叫方当地 08:00–20:00 外呼",
                    "en": "Calls only from 08:00 to 20:00 at the called party",
                },
                "citation": "house rule",
            }
        ],
        "earliest": "2026-03-02T00:00:00+00:00",
        "rulebook": {"version": identity.version, "digest": identity.digest},
    }


def test_the_json_of_an_allowance(callwarden: Callwarden) -> None:
    said = callwarden("check", NUMBER, "--at", NOON, "--json")
    answer = json.loads(said.out)
    assert (said.code, answer["verdict"], answer["reasons"]) == (0, "ALLOW", [])
    assert list(answer) == ["verdict", "reasons", "earliest", "rulebook"]


def test_it_names_the_rulebook_the_gate_names(callwarden: Callwarden) -> None:
    in_force = rulebook.load(None, ("house",), ("base",)).identity
    said = callwarden("check", NUMBER, "--at", NOON, "--json", rules="{}")
    assert json.loads(said.out)["rulebook"]["digest"] == in_force.digest


def test_a_person_reads_it_in_his_language(callwarden: Callwarden) -> None:
    english = callwarden("check", NUMBER, "--at", NIGHT)
    assert "DENY  +86138****8000" in english.out
    assert "earliest: 2026-03-02 08:00:00 Asia/Shanghai" in english.out
    chinese = callwarden("check", NUMBER, "--at", NIGHT, locale="zh")
    assert "拒绝  +86138****8000" in chinese.out
    assert "仅限被叫方当地" in chinese.out


def test_it_says_that_it_decided_alone(callwarden: Callwarden, tmp_path: Path) -> None:
    said = callwarden("check", NUMBER, "--at", NIGHT)
    assert f"decided here, from the ledger {tmp_path}/state" in said.out
    said = callwarden("check", NUMBER, "--at", NIGHT, "--json")
    assert f"decided here, from the ledger {tmp_path}/state" in said.err


def test_without_a_ledger_it_says_so(callwarden: Callwarden) -> None:
    said = callwarden("check", NUMBER, "--at", NOON)
    assert "decided as for somebody who was never called" in said.err


def test_it_knows_what_the_ledger_knows_and_reserves_nothing(
    callwarden: Callwarden, tmp_path: Path
) -> None:
    configured = settings.Settings(state=tmp_path / "state")
    rules = rulebook.load(None, ("house",), ()).dialling
    now = datetime.fromisoformat(NOON).astimezone(UTC)
    with Ledger.open(configured.ledger_file, configured.ledger_key_file) as ledger:
        for nonce in ("1", "2"):
            request = DialRequest(nonce, NUMBER, customer="C-7")

            def decide(facts: Facts, request: DialRequest = request) -> Decision:
                return evaluate(request, facts, rules, now)

            ledger.decide(request, decide, now).result(10)
        for _ in range(3):
            assert callwarden("check", NUMBER, "--at", NOON).code == 0
        ledger.decide(DialRequest("3", NUMBER, customer="C-7"), decide, now).result(10)
        said = callwarden("check", "13900139000", "--customer", "C-7", "--at", NOON, "--json")
    assert [reason["rule"] for reason in json.loads(said.out)["reasons"]] == [
        "house.daily-attempts"
    ]


def test_a_ledger_that_cannot_be_read_is_no_empty_one(
    callwarden: Callwarden, tmp_path: Path
) -> None:
    configured = settings.Settings(state=tmp_path / "state")
    configured.state.mkdir()
    configured.ledger_file.write_bytes(b"no database, " * 100)
    said = callwarden("check", NUMBER, "--at", NOON)
    assert (said.code, said.out) == (2, "")
    assert str(configured.state) in said.err


def test_other_packs_in_place_of_the_active_ones(
    callwarden: Callwarden, rules_folder: Path
) -> None:
    nights = (rules_folder / "house.yaml").read_text(encoding="utf-8")
    nights = nights.replace("pack: house", "pack: nights").replace("{from: 08:00", "{from: 06:00")
    (rules_folder / "nights.yaml").write_text(nights, encoding="utf-8")
    rules = f"{{folder: {rules_folder}, speech: []}}"
    assert callwarden("check", NUMBER, "--at", NIGHT, rules=rules).code == 1
    assert callwarden("check", NUMBER, "--at", NIGHT, "--pack", "nights", rules=rules).code == 0


def test_usage_mistakes_say_what_to_do(callwarden: Callwarden) -> None:
    for arguments, hint in (
        (("+18002345678", "--at", "2026-03-02T07:59:00"), "zones: add an offset"),
        (("--at", "monday"), "is no ISO 8601 time"),
        (("--pack", "hous"), "did you mean house?"),
    ):
        number = () if arguments[0].startswith("+") else (NUMBER,)
        said = callwarden("check", *number, *arguments)
        assert (said.code, said.out) == (2, "")
        assert hint in said.err


def test_a_time_without_an_offset_is_the_called_partys(callwarden: Callwarden) -> None:
    for number in (NUMBER, "+33612345678", "+18082345678"):
        assert callwarden("check", number, "--at", "2026-03-02T07:59:59").code == 1
        assert callwarden("check", number, "--at", "2026-03-02T08:00").code == 0
