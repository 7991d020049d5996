"""What was recorded is read again as it was handed in."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from policy.dialling.decision import Verdict
from policy.ledger import DecisionCounts, Ledger, LedgerReader
from policy.speech.finding import FindingStatus
from tests.ledger.conftest import CUSTOMER, LIMIT, NOW, NUMBER, RULEBOOK, WAIT_S, asked, at_most
from tests.ledger.one_call import FINDING, record_one_call


@pytest.fixture
def reader(ledger: Ledger, ledger_file: Path, key_file: Path) -> Iterator[LedgerReader]:
    record_one_call(ledger)
    with LedgerReader.open(ledger_file, key_file) as opened:
        yield opened


def test_a_denial_with_its_reasons(reader: LedgerReader) -> None:
    found = reader.decision_by_nonce("n0")
    assert found is not None
    assert found.request == asked("n0", NUMBER, CUSTOMER)
    assert found.at == NOW
    assert found.decision.verdict is Verdict.DENY
    assert found.decision.reasons == (LIMIT,)
    assert found.decision.earliest == NOW
    assert found.decision.rulebook == RULEBOOK
    assert reader.decision_by_nonce("never asked") is None


def test_of_a_nonce_used_twice_the_decision_that_allowed_is_found(
    ledger: Ledger, reader: LedgerReader
) -> None:
    later = ledger.decide(asked("n1"), at_most(0), NOW).result(WAIT_S)
    found = reader.decision_by_nonce("n1")
    assert found is not None
    assert found.decision.allowed
    assert found.decision_id != later.decision_id


def test_the_newest_come_first(ledger: Ledger, reader: LedgerReader) -> None:
    for each in range(3):
        ledger.decide(asked(f"later {each}"), at_most(0), NOW).result(WAIT_S)
    newest = [each.request.nonce for each in reader.recent_decisions(2)]
    assert newest == ["later 2", "later 1"]
    assert len(reader.recent_decisions(99)) == 5


def test_a_finding_is_shown_as_it_last_stood(reader: LedgerReader) -> None:
    (found,) = reader.recent_findings(9)
    assert found.finding.status is FindingStatus.CERTAIN
    assert vars(found.finding) == vars(FINDING) | {"status": FindingStatus.CERTAIN}
    assert (found.call_id, found.agent, found.scene) == ("n1", "1001", "marketing.loan")


def test_when_a_call_was_answered(reader: LedgerReader) -> None:
    assert reader.answered_at("n1") == NOW + timedelta(seconds=8)
    assert reader.answered_at("n0") is None


def test_suppressions_with_the_call_behind_them(reader: LedgerReader) -> None:
    assert list(reader.suppressions()) == reader.recent_suppressions(9)
    (entry,) = reader.suppressions()
    assert (entry.call_id, entry.finding_id) == ("n1", "refusal.explicit-1")


def test_counts_of_a_day(reader: LedgerReader) -> None:
    assert reader.decisions_since(NOW) == DecisionCounts(
        decisions=2, denials=1, denials_by_rule={LIMIT.rule: 1}
    )
    assert reader.decisions_since(NOW + timedelta(seconds=1)) == DecisionCounts(0, 0, {})


def test_a_dry_run_knows_what_a_decision_would_know(reader: LedgerReader) -> None:
    facts = reader.facts("+8613900139000", CUSTOMER, NOW)
    assert [(each.connected, each.talk_seconds) for each in facts.attempts] == [(True, 32.0)]
    assert [each.source for each in facts.suppressions] == ["refusal"]
    nobody = reader.facts("+8613900139000", "", NOW)
    assert (nobody.attempts, nobody.suppressions) == ((), ())
