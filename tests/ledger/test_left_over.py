"""A refusal that was recorded suppresses, also when who heard it died before writing so."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from policy.ledger import Ledger, LedgerReader
from policy.speech.finding import Finding, FindingStatus
from tests.ledger.conftest import CUSTOMER, NOW, NUMBER, WAIT_S, asked, at_most
from tests.ledger.one_call import FINDING

RULE = "refusal.explicit"
CERTAIN, PROVISIONAL = FindingStatus.CERTAIN, FindingStatus.PROVISIONAL


def _refusal(finding_id: str, status: FindingStatus, rule: str = RULE) -> Finding:
    return replace(FINDING, finding_id=finding_id, rule=rule, status=status)


def _call(ledger: Ledger, nonce: str, number: str, customer: str, *findings: Finding) -> None:
    ledger.decide(asked(nonce, number, customer), at_most(99), NOW).result(WAIT_S)
    for at, finding in enumerate(findings, 1):
        heard_at = NOW + timedelta(seconds=at)
        ledger.add_finding(nonce, finding, heard_at).result(WAIT_S)


def _suppress(ledger: Ledger, nonce: str, number: str, finding_id: str, provisional: bool) -> None:
    ledger.suppress(
        number,
        source="refusal",
        now=NOW,
        call_id=nonce,
        finding_id=finding_id,
        provisional=provisional,
    ).result(WAIT_S)


def test_a_refusal_without_its_entry_gets_one_as_of_when_it_was_heard(
    ledger: Ledger, ledger_file: Path, key_file: Path
) -> None:
    _call(ledger, "n1", NUMBER, CUSTOMER, _refusal("r-1", CERTAIN))
    assert ledger.suppress_left_over(RULE).result(WAIT_S) == ["n1"]
    with LedgerReader.open(ledger_file, key_file) as reader:
        (made,) = reader.suppressions()
        by_number = reader.facts(NUMBER, "", NOW + timedelta(hours=1)).suppressions
        by_customer = reader.facts("+8613900139000", CUSTOMER, NOW).suppressions
    assert (made.number, made.customer, made.call_id, made.finding_id) == (
        NUMBER,
        CUSTOMER,
        "n1",
        "r-1",
    )
    entry = made.suppression
    assert (entry.source, entry.since, entry.until) == ("refusal", NOW + timedelta(seconds=1), None)
    assert (entry.channel, entry.purpose, entry.provisional) == ("voice", "*", False)
    assert by_number == by_customer == (entry,)


def test_said_again_it_adds_nothing(ledger: Ledger) -> None:
    _call(ledger, "n1", NUMBER, "", _refusal("r-1", CERTAIN), _refusal("r-1", CERTAIN))
    assert ledger.suppress_left_over(RULE).result(WAIT_S) == ["n1"]
    assert ledger.suppress_left_over(RULE).result(WAIT_S) == []


def test_each_state_of_a_refusal_gets_what_it_would_have_got_live(
    ledger: Ledger, ledger_file: Path, key_file: Path
) -> None:
    doubtful, certain = _refusal("r-1", PROVISIONAL), _refusal("r-1", CERTAIN)
    withdrawn = _refusal("r-1", FindingStatus.WITHDRAWN)
    other = _refusal("f-1", CERTAIN, "attitude.impatient")
    _call(ledger, "doubtful", "+8613800138001", "", doubtful)
    _call(ledger, "taken-back", "+8613800138002", "", doubtful, withdrawn)
    _call(ledger, "then-certain", "+8613800138003", "", doubtful, certain)
    _suppress(ledger, "then-certain", "+8613800138003", "r-1", provisional=True)
    _call(ledger, "done", "+8613800138004", "", doubtful, certain)
    _suppress(ledger, "done", "+8613800138004", "r-1", provisional=False)
    _call(ledger, "two", "+8613800138005", "", certain, _refusal("r-2", CERTAIN))
    _suppress(ledger, "two", "+8613800138005", "r-1", provisional=False)
    _call(ledger, "another-rule", "+8613800138006", "", other)
    before = 3
    ledger.suppress_left_over(RULE).result(WAIT_S)
    with LedgerReader.open(ledger_file, key_file) as reader:
        made = [
            (each.call_id, each.finding_id, each.suppression.provisional)
            for each in reader.suppressions()
        ][before:]
    assert made == [
        ("doubtful", "r-1", True),
        ("taken-back", "r-1", True),
        ("then-certain", "r-1", False),
        ("two", "r-2", False),
    ]
