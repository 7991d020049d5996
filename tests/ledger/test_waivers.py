"""A consent holds for whom it was given by, while it stands; withdrawn, it is gone at once."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from policy.dialling.facts import Waiver
from policy.dialling.request import DialRequest
from policy.ledger import Ledger, LedgerReader
from tests.ledger.box import Box
from tests.ledger.conftest import NOW, NUMBER, WAIT_S

OTHER = "+8613900139000"
CONSENT = Waiver("", ("cn-collection.hours", "house.*"), "recording 17, 01:12", NOW, None, "*")


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def waivers(box: Box, number: str, customer: str = "") -> list[str]:
    with LedgerReader.open(*box.files) as reader:
        return [each.proof for each in reader.facts(number, customer, NOW).waivers]


def consented(box: Box, **whom: Any) -> str:
    with Ledger.open(*box.files) as ledger:
        return ledger.consent(CONSENT, who="Li", **whom).result(WAIT_S)


def test_it_is_told_as_it_was_given(box: Box) -> None:
    waiver_id = consented(box, number=NUMBER)
    with LedgerReader.open(*box.files) as reader:
        (known,) = reader.facts(NUMBER, "", NOW).waivers
    assert known == Waiver(waiver_id, CONSENT.rules, CONSENT.proof, NOW, None, "*")


@pytest.mark.parametrize(
    ("given_by", "number", "customer", "holds"),
    [
        ({"number": NUMBER}, NUMBER, "", True),
        ({"number": NUMBER}, NUMBER, "anybody", True),
        ({"number": NUMBER}, OTHER, "W", False),
        ({"customer": "W"}, NUMBER, "W", True),
        ({"customer": "W"}, OTHER, "W", True),
        ({"customer": "W"}, NUMBER, "", True),
        ({"customer": "W"}, NUMBER, "his wife", False),
        ({"number": NUMBER, "customer": "W"}, NUMBER, "W", True),
        ({"number": NUMBER, "customer": "W"}, NUMBER, "his wife", False),
        ({"number": NUMBER, "customer": "W"}, OTHER, "W", False),
    ],
)
def test_nobody_consents_for_somebody_else(
    box: Box, given_by: dict[str, str], number: str, customer: str, holds: bool
) -> None:
    with Ledger.open(*box.files) as ledger:
        # The two numbers are known to be W's.
        for each in (NUMBER, OTHER):
            ledger.suppress(each, source="manual", now=NOW, customer="W").result(WAIT_S)
    consented(box, **given_by)
    assert bool(waivers(box, number, customer)) is holds


def test_a_number_of_two_people_needs_the_id(box: Box) -> None:
    with Ledger.open(*box.files) as ledger:
        for each in ("W", "his wife"):
            ledger.suppress(NUMBER, source="manual", now=NOW, customer=each).result(WAIT_S)
    consented(box, customer="W")
    assert waivers(box, NUMBER) == []
    assert waivers(box, NUMBER, "W") == [CONSENT.proof]


def test_revoked_it_is_gone_whatever_the_clock_says(box: Box) -> None:
    waiver_id = consented(box, number=NUMBER)
    with Ledger.open(*box.files) as ledger:
        later = NOW + timedelta(hours=1)
        ledger.revoke(waiver_id, who="Li", why="letter", now=later).result(WAIT_S)
        with pytest.raises(ValueError, match="no consent"):
            ledger.revoke("0" * 32, who="Li", why="letter", now=NOW).result(WAIT_S)
    assert waivers(box, NUMBER) == []


def test_the_commands(box: Box) -> None:
    words = [NUMBER, "--rule", "house.hours", "--proof", "form 12", "--until", "2099-01-01T00:00Z"]
    added = box.run("waiver", "add", *words, "--who", "Li Na")
    assert added.exit_code == 0, added.output
    (listed,) = map(json.loads, box.run("waiver", "list", "--json").output.splitlines())
    assert (listed["number"], listed["rules"]) == ("+86138****8000", ["house.hours"])
    assert (listed["proof"], listed["recorded_by"]) == ("form 12", "Li Na")
    assert listed["status"] == "in force"
    assert NUMBER[3:] not in box.run("waiver", "list").output
    revoked = box.run("waiver", "revoke", listed["id"], "--why", "letter of 1 April")
    assert revoked.exit_code == 0, revoked.output
    assert box.run("waiver", "list").output.splitlines()[1].endswith("revoked")
    with LedgerReader.open(*box.files) as reader:
        (kept,) = reader.waivers()
    assert (kept.number, kept.revoked_why) == (NUMBER, "letter of 1 April")
    known = DialRequest("", NUMBER)
    with LedgerReader.open(*box.files) as reader:
        assert reader.facts_of([known], NOW)[0].waivers == ()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--rule", "house.hours", "--proof", "form 12"], "name a number"),
        ([NUMBER, "--proof", "form 12"], "--rule"),
        ([NUMBER, "--rule", "house.hours"], "--proof"),
        ([NUMBER, "--rule", "house.hours", "--proof", " "], "where its proof is"),
        ([NUMBER, "--rule", "a b", "--proof", "form 12"], "no rule's id"),
        (
            [NUMBER, "--rule", "*", "--proof", "form 12", "--until", "2020-01-01T00:00Z"],
            "passed already",
        ),
        (["12", "--rule", "*", "--proof", "form 12"], "no telephone number"),
    ],
)
def test_a_consent_without_person_rule_or_proof_is_none(
    box: Box, words: list[str], told: str
) -> None:
    refused = box.run("waiver", "add", *words)
    assert refused.exit_code == 2
    assert told in refused.output
    assert "there is no consent" in box.run("waiver", "list").output or not box.files[0].exists()
