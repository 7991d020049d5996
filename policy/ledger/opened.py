"""Owns turning the ledger's rows back into what was recorded, personal columns opened.

Called by `LedgerReader`. Raises LedgerUnavailable where what is sealed was altered.
"""

import json
import sqlite3

from policy.dialling.decision import Decision, Reason, Verdict
from policy.dialling.request import DialRequest
from policy.identity import RulebookIdentity, Title
from policy.ledger.moment import instant
from policy.ledger.records import RecordedCall, RecordedDecision, RecordedFinding
from policy.ledger.seal import Seal
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.finding import Finding, FindingStatus, Severity
from policy.speech.utterance import Leg, Token, Utterance, Voice


def decision_of(row: sqlite3.Row, keys: Seal) -> RecordedDecision:
    request = DialRequest(
        row["nonce"],
        keys.opened("number", row["number_sealed"]),
        row["scene"],
        row["agent"],
        keys.opened("customer", row["customer_sealed"]),
        row["linkedid"],
        row["region"],
        keys.opened("debt", row["debt_sealed"]),
        row["product"],
        row["campaign"],
        row["agency"],
        row["party"],
        row["caller_id"],
    )
    reasons = tuple(
        Reason(
            each["rule"],
            each["pack"],
            Title(each["title"]["zh"], each["title"]["en"]),
            each["citation"],
            each["cause"],
        )
        for each in json.loads(row["reasons"])
    )
    decision = Decision(
        Verdict(row["verdict"]),
        reasons,
        None if row["earliest"] is None else instant(row["earliest"]),
        RulebookIdentity(row["rulebook_version"], row["rulebook_digest"]),
    )
    return RecordedDecision(row["decision_id"], instant(row["at"]), request, decision)


def finding_of(row: sqlite3.Row, keys: Seal) -> RecordedFinding:
    words = keys.opened_words(row["words_sealed"])
    finding = Finding(
        finding_id=row["finding_id"],
        rule=row["rule"],
        pack=row["pack"],
        title=Title(row["title_zh"], row["title_en"]),
        severity=Severity(row["severity"]),
        rulebook=RulebookIdentity(row["rulebook_version"], row["rulebook_digest"]),
        leg=Leg(row["leg"]),
        start_s=row["start_s"],
        end_s=row["end_s"],
        heard_text=words.get("heard_text", ""),
        heard_pinyin=words.get("heard_pinyin", ""),
        matched=row["matched"],
        confidence=row["confidence"],
        status=FindingStatus(row["status"]),
        raised_s=row["raised_s"],
        before=words.get("before", ""),
        after=words.get("after", ""),
    )
    return RecordedFinding(
        row["call_id"], instant(row["at"]), row["agent"] or "", row["scene"] or "", finding
    )


def utterance_of(row: sqlite3.Row, keys: Seal) -> Utterance:
    words = keys.opened_words(row["words_sealed"])
    tokens = tuple(Token(text, start_s) for text, start_s in words.get("tokens", ()))
    return Utterance(
        utterance_id=row["utterance_id"],
        leg=Leg(row["leg"]),
        start_s=row["start_s"],
        end_s=row["end_s"],
        tokens=tokens,
        final=True,
        settled=len(tokens),
        text=words.get("text", ""),
        voice=Voice(*voice) if (voice := words.get("voice")) else None,
        second_pass=words.get("second_pass", False),
    )


def second_look_of(row: sqlite3.Row, keys: Seal) -> tuple[Doubt, SecondLook]:
    phrases = tuple(json.loads(row["phrases"]))
    heard = keys.opened_words(row["words_sealed"]).get("heard", "")
    doubt_id = row["doubt_id"]
    return (
        Doubt(doubt_id, Leg(row["leg"]), row["start_s"], row["end_s"], phrases),
        SecondLook(doubt_id, heard, row["confidence"], bool(row["looked"])),
    )


def call_of(row: sqlite3.Row) -> RecordedCall:
    return RecordedCall(
        row["call_id"],
        row["scene"],
        row["agent"],
        row["product"] or "",
        instant(row["started_at"]),
        row["seconds"],
    )
