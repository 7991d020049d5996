"""Owns the turn from the wire's utterances, findings and coverage to the policy's words.

Used by `listening` and `enforcement`: the ledger records policy types, the floor publishes the
wire's, so what comes from a recognizer is turned once, here.
"""

from callwarden.v1 import conversation_pb2 as conversation
from policy.identity import RulebookIdentity, Title
from policy.speech.finding import Finding, FindingStatus, Severity
from policy.speech.utterance import Leg, Token, Utterance

LEG_OF = {conversation.LEG_AGENT: Leg.AGENT, conversation.LEG_CUSTOMER: Leg.CUSTOMER}
WIRE_OF = {leg: wire for wire, leg in LEG_OF.items()}

_STATUS = {
    conversation.FINDING_STATUS_PROVISIONAL: FindingStatus.PROVISIONAL,
    conversation.FINDING_STATUS_CERTAIN: FindingStatus.CERTAIN,
    conversation.FINDING_STATUS_WITHDRAWN: FindingStatus.WITHDRAWN,
}


def utterance(heard: conversation.Utterance) -> Utterance:
    """Raises KeyError for an unspecified leg."""
    return Utterance(
        utterance_id=heard.utterance_id,
        leg=LEG_OF[heard.leg],
        start_s=heard.start_s,
        end_s=heard.end_s,
        tokens=tuple(map(Token, heard.tokens, heard.token_starts_s)),
        final=heard.final,
        settled=len(heard.tokens) if heard.final else 0,
        text=heard.text,
    )


def finding(found: conversation.Finding) -> Finding:
    """Raises KeyError for an unspecified leg or status, ValueError for an unknown severity."""
    return Finding(
        finding_id=found.finding_id,
        rule=found.rule,
        pack=found.pack,
        title=Title(zh=found.title_zh, en=found.title_en),
        severity=Severity(found.severity),
        rulebook=RulebookIdentity(version=found.rulebook.version, digest=found.rulebook.digest),
        leg=LEG_OF[found.leg],
        start_s=found.start_s,
        end_s=found.end_s,
        heard_text=found.heard_text,
        heard_pinyin=found.heard_pinyin,
        matched=found.matched,
        confidence=found.confidence,
        status=_STATUS[found.status],
        raised_s=found.raised_s,
        before=found.before,
        after=found.after,
    )
