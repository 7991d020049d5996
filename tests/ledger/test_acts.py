"""What people do is kept with who did it, and a finding stands as the last of them judged it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from policy.ledger import Ledger, LedgerReader
from policy.ledger.acts import (
    ActKind,
    DoneAct,
    NoSuchFinding,
    Outcome,
    ReviewRefused,
    SamePerson,
    Standing,
)
from tests.ledger.conftest import NOW, WAIT_S
from tests.ledger.one_call import FINDING, record_one_call

FOUND = ("n1", FINDING.finding_id)


def review(who: str, standing: Standing, note: str = "") -> DoneAct:
    return DoneAct(NOW, ActKind.REVIEW, who, "auditor", *FOUND, standing=standing, note=note)


@pytest.fixture
def ledger(ledger_file: Path, key_file: Path) -> Ledger:
    opened = Ledger.open(ledger_file, key_file)
    record_one_call(opened)
    return opened


def judged(ledger: Ledger, *acts: DoneAct) -> DoneAct:
    return [ledger.acts.review(each).result(WAIT_S) for each in acts][-1]


def test_an_act_is_kept_with_who_did_it_and_its_note_sealed(
    ledger: Ledger, ledger_file: Path, key_file: Path
) -> None:
    act = DoneAct(NOW, ActKind.ASSIGN_RETRAINING, "陈丽", "supervisor", "n1", subject="1001")
    ledger.acts.record(replace(act, note="语气太急")).result(WAIT_S)
    ledger.acts.record(replace(act, outcome=Outcome.FAILED)).result(WAIT_S)
    ledger.close()
    assert "语气太急".encode() not in ledger_file.read_bytes()
    with LedgerReader.open(ledger_file, key_file) as reader:
        failed, done, before = reader.acts.recent(3)
        assert done == replace(act, note="语气太急")
        assert (failed.act_id, failed.outcome) == (act.act_id, Outcome.FAILED)
        assert list(reader.acts.every()) == [before, done, failed]
        assert reader.acts.of_call("n1") == [before, done, failed]


def test_nobody_acts_without_a_name(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="names who"):
        ledger.acts.record(DoneAct(NOW, ActKind.HANG_UP, " ", "admin"))


def test_a_finding_stands_as_it_was_judged_last(
    ledger: Ledger, ledger_file: Path, key_file: Path
) -> None:
    judged(ledger, review("Li", Standing.UPHELD), review("Li", Standing.DISMISSED))
    ledger.close()
    with LedgerReader.open(ledger_file, key_file) as reader:
        assert reader.acts.standing_of(*FOUND) is Standing.DISMISSED
        assert reader.acts.standing_of("n1", "another") is None
        assert reader.acts.standings([FOUND, ("n0", "f")]) == {FOUND: Standing.DISMISSED}


def test_an_appeal_is_settled_by_somebody_else_once_and_for_all(
    ledger: Ledger, ledger_file: Path, key_file: Path
) -> None:
    judged(ledger, review("Li", Standing.UPHELD), review("Wang", Standing.APPEALED, "he asked"))
    for same in ("Li", "Wang"):
        with pytest.raises(SamePerson):
            judged(ledger, review(same, Standing.DISMISSED))
    settled = judged(ledger, review("Zhao", Standing.DISMISSED))
    assert settled.act is ActKind.SETTLE_APPEAL
    for again in (Standing.UPHELD, Standing.APPEALED):
        with pytest.raises(ReviewRefused, match="final"):
            judged(ledger, review("Sun", again))
    ledger.close()
    with LedgerReader.open(ledger_file, key_file) as reader:
        assert reader.acts.standing_of(*FOUND) is Standing.DISMISSED


def test_only_a_judgement_can_be_appealed_against_once(ledger: Ledger) -> None:
    with pytest.raises(ReviewRefused):
        judged(ledger, review("Wang", Standing.APPEALED, "why"))
    judged(ledger, review("Li", Standing.UPHELD), review("Wang", Standing.APPEALED, "why"))
    with pytest.raises(ReviewRefused):
        judged(ledger, review("Sun", Standing.APPEALED, "why"))


def test_what_was_not_found_is_not_judged(ledger: Ledger) -> None:
    with pytest.raises(NoSuchFinding):
        judged(ledger, replace(review("Li", Standing.UPHELD), finding_id="f-9"))


def test_a_call_is_told_as_a_whole(ledger: Ledger, ledger_file: Path, key_file: Path) -> None:
    ledger.close()
    with LedgerReader.open(ledger_file, key_file) as reader:
        assert reader.past_call("n9") is None
        call = reader.past_call("n1")
    assert call is not None
    assert (call.agent, call.scene, call.q850_cause) == ("1001", "marketing.loan", 16)
    assert (call.answered_at, call.ended_at) == (
        NOW + timedelta(seconds=8),
        NOW + timedelta(seconds=40),
    )
    (leg,) = call.coverage
    assert (leg.call_seconds, leg.received_s, leg.analysed_s) == (32.0, 31.5, 12.0)
    assert [each.call_id for each in call.suppressions] == ["n1"]
