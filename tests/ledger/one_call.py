"""One call as the gateway records it, with words spoken and a finding. Used by several tests."""

from datetime import timedelta
from typing import Final

from policy.dialling.decision import Decision, Verdict
from policy.identity import RulebookIdentity, RulebookText, Title
from policy.ledger import Bypass, CallRecord, Ledger, LegCoverage
from policy.ledger.acts import ActKind, DoneAct, RaisedAlert
from policy.ledger.exported import Export
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.duty import Duty
from policy.speech.finding import Finding, FindingStatus, Severity
from policy.speech.utterance import Leg, Token, Utterance
from tests.ledger.conftest import CUSTOMER, LIMIT, NOW, NUMBER, RULEBOOK, WAIT_S, asked, at_most

HEARD: Final = "保本保息绝对没有风险"
BEFORE: Final = "这个产品您放心"
NOTE: Final = "called back by his wife"
WRITTEN: Final = RulebookText(
    RulebookIdentity("1", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"), "{}"
)

FINDING: Final = Finding(
    finding_id="forbidden.guaranteed-return-1",
    rule="forbidden.guaranteed-return",
    pack="base",
    title=Title("承诺保本保收益", "Promises principal or return"),
    severity=Severity.CRITICAL,
    rulebook=RULEBOOK,
    leg=Leg.AGENT,
    start_s=3.25,
    end_s=5.5,
    heard_text=HEARD,
    heard_pinyin="bao3 ben3 bao3 xi1",
    matched="保本",
    confidence=0.93,
    status=FindingStatus.PROVISIONAL,
    raised_s=6.0,
    before=BEFORE,
    after="",
)


def record_one_call(ledger: Ledger) -> None:
    """An allowed call `n1` from decision to settlement, and a denied one `n0`, all on disk."""
    ledger.record_decision(
        asked("n0", NUMBER, CUSTOMER), Decision(Verdict.DENY, (LIMIT,), NOW, RULEBOOK), NOW
    ).result(WAIT_S)
    answered, ended = NOW + timedelta(seconds=8), NOW + timedelta(seconds=40)
    decided = ledger.decide(asked("n1", NUMBER, CUSTOMER, "pbx-1.1"), at_most(99), NOW)
    call = CallRecord(
        "n1",
        decided.result(WAIT_S).decision_id,
        NUMBER,
        "1001",
        "marketing.loan",
        CUSTOMER,
        "pbx-1.1",
        NOW,
    )
    certain = Finding(**{**vars(FINDING), "status": FindingStatus.CERTAIN})
    utterance = Utterance("agent-1", Leg.AGENT, 3.0, 5.5, (Token("bao3", 3.25),), True, 1, HEARD)
    doubt = Doubt("d-1", Leg.AGENT, 3.0, 5.5, ("保本",))
    coverage = LegCoverage(Leg.CUSTOMER, 32.0, 31.5, 12.0, ("worker-lost",))
    refused = Decision(Verdict.DENY, (LIMIT,), NOW, RULEBOOK)
    ledger.record_shadow(decided.result().decision_id, refused, NOW).result(WAIT_S)
    ledger.activate(WRITTEN, mode="active", who="Li", now=NOW).result(WAIT_S)
    went_round = Bypass(NOW, NUMBER, "PJSIP/trunk", "pbx-9.1", "pbx-9.1", "dial")
    assert ledger.record_bypass(went_round).result(WAIT_S)
    assert ledger.record_bypass(went_round).result(WAIT_S) == ""
    for future in (
        ledger.begin_call(call),
        ledger.add_shadow_finding("n1", FINDING, NOW),
        ledger.add_leg("n1", Leg.AGENT, "PJSIP/1001-00000001"),
        ledger.answer_call("n1", answered),
        ledger.add_utterance("n1", utterance),
        ledger.add_second_look("n1", doubt, SecondLook("d-1", "保本", 0.9)),
        ledger.add_duty("n1", Duty("disclosure.fees", Title("收费", "Fees"), None, None), answered),
        ledger.add_finding("n1", FINDING, answered),
        ledger.add_finding("n1", certain, answered + timedelta(seconds=1)),
        ledger.add_coverage("n1", coverage, ended),
        ledger.end_call("n1", ended, 40.0, 16),
        ledger.settle(
            "n1", disposition="ANSWER", q850_cause=16, connected=True, talk_seconds=32.0, now=ended
        ),
    ):
        future.result(WAIT_S)
    ledger.suppress(
        NUMBER,
        source="refusal",
        now=ended,
        customer=CUSTOMER,
        call_id="n1",
        finding_id="refusal.explicit-1",
        note=NOTE,
    ).result(WAIT_S)
    act = DoneAct(ended, ActKind.HANG_UP, "Li", "admin", "n1", note=NOTE)
    alert = RaisedAlert(
        "a-1", ended, "finding", "major", "明确拒绝", "Refusal", "n1", "1001", False
    )
    ledger.acts.record(act).result(WAIT_S)
    ledger.acts.raise_alert(alert).result(WAIT_S)
    export = Export(
        ended, "Li", "auditor", "calls", "csv", {"agent": ["1001"]}, False, 1, "ab" * 32
    )
    ledger.exports.record(export).result(WAIT_S)
