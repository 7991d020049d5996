"""Owns the turn between the policy's words and the contract's messages, in both directions.

Called by the recognizer, which sends what it heard and found, and by the gateway, which records it
as the policy's and publishes it as the contract's.
"""

from collections.abc import Iterable

from callwarden.v1 import conversation_pb2 as wire
from callwarden.v1 import recognition_pb2
from policy.identity import RulebookIdentity, Title
from policy.speech.circumstances import ProductFacts
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.duty import Duty
from policy.speech.finding import Finding, FindingStatus, Severity
from policy.speech.not_analysed import NotAnalysed
from policy.speech.utterance import Leg, Token, Utterance, Voice

LEG_OF = {wire.LEG_AGENT: Leg.AGENT, wire.LEG_CUSTOMER: Leg.CUSTOMER}
WIRE_OF = {leg: number for number, leg in LEG_OF.items()}

_STATUS_OF = {
    wire.FINDING_STATUS_PROVISIONAL: FindingStatus.PROVISIONAL,
    wire.FINDING_STATUS_CERTAIN: FindingStatus.CERTAIN,
    wire.FINDING_STATUS_WITHDRAWN: FindingStatus.WITHDRAWN,
}
_WIRE_STATUS_OF = {status: number for number, status in _STATUS_OF.items()}


def identity_message(of: RulebookIdentity) -> wire.RulebookIdentity:
    return wire.RulebookIdentity(version=of.version, digest=of.digest)


def identity_of(message: wire.RulebookIdentity) -> RulebookIdentity:
    return RulebookIdentity(message.version, message.digest)


def utterance_message(of: Utterance) -> wire.Utterance:
    return wire.Utterance(
        utterance_id=of.utterance_id,
        leg=WIRE_OF[of.leg],
        start_s=of.start_s,
        end_s=of.end_s,
        text=of.text,
        tokens=[each.text for each in of.tokens],
        token_starts_s=[each.start_s for each in of.tokens],
        final=of.final,
        voice=_voice_message(of.voice) if of.voice else None,
        second_pass=of.second_pass,
    )


def _voice_message(of: Voice) -> wire.Voice:
    return wire.Voice(loudness_db=of.loudness_db, emotion=of.emotion)


def utterance_of(message: wire.Utterance) -> Utterance:
    """Raises KeyError for an unspecified leg."""
    return Utterance(
        utterance_id=message.utterance_id,
        leg=LEG_OF[message.leg],
        start_s=message.start_s,
        end_s=message.end_s,
        tokens=tuple(map(Token, message.tokens, message.token_starts_s)),
        final=message.final,
        settled=len(message.tokens) if message.final else 0,
        text=message.text,
        voice=Voice(message.voice.loudness_db, message.voice.emotion)
        if message.HasField("voice")
        else None,
        second_pass=message.second_pass,
    )


def missing_messages(of: Iterable[NotAnalysed]) -> list[wire.NotAnalysed]:
    return [
        wire.NotAnalysed(
            start_s=each.start_s,
            end_s=each.end_s,
            cause=each.cause,
            analysed_s=each.analysed_s,
        )
        for each in of
    ]


def missing_of(messages: Iterable[wire.NotAnalysed]) -> tuple[NotAnalysed, ...]:
    return tuple(
        NotAnalysed(each.start_s, each.end_s, each.cause, each.analysed_s) for each in messages
    )


def second_look_message(doubt: Doubt, look: SecondLook) -> wire.SecondLook:
    return wire.SecondLook(
        doubt_id=doubt.doubt_id,
        leg=WIRE_OF[doubt.leg],
        start_s=doubt.start_s,
        end_s=doubt.end_s,
        phrases=doubt.phrases,
        heard=look.heard,
        confidence=look.confidence,
        looked=look.looked,
    )


def second_look_of(message: wire.SecondLook) -> tuple[Doubt, SecondLook]:
    """Raises KeyError for an unspecified leg."""
    return (
        Doubt(
            message.doubt_id,
            LEG_OF[message.leg],
            message.start_s,
            message.end_s,
            tuple(message.phrases),
        ),
        SecondLook(message.doubt_id, message.heard, message.confidence, message.looked),
    )


def product_message(of: ProductFacts) -> recognition_pb2.ProductFacts:
    return recognition_pb2.ProductFacts(
        annual_rate_percent=of.annual_rate_percent,
        risk_level=of.risk_level,
        fees_percent=of.fees_percent,
    )


def product_of(message: recognition_pb2.ProductFacts) -> ProductFacts:
    known = message.HasField
    return ProductFacts(
        message.annual_rate_percent if known("annual_rate_percent") else None,
        message.risk_level,
        message.fees_percent if known("fees_percent") else None,
    )


def duties_message(of: Iterable[Duty]) -> recognition_pb2.Duties:
    return recognition_pb2.Duties(duties=map(_duty_message, of))


def duty_of(message: wire.Duty) -> Duty:
    before = Title(message.before_zh, message.before_en)
    return Duty(
        message.rule,
        Title(message.title_zh, message.title_en),
        message.made_s if message.HasField("made_s") else None,
        before if before.zh or before.en else None,
        message.missed,
    )


def _duty_message(of: Duty) -> wire.Duty:
    return wire.Duty(
        rule=of.rule,
        title_zh=of.title.zh,
        title_en=of.title.en,
        made_s=of.made_s,
        before_zh=of.before.zh if of.before else "",
        before_en=of.before.en if of.before else "",
        missed=of.missed,
    )


def finding_message(of: Finding) -> wire.Finding:
    return wire.Finding(
        finding_id=of.finding_id,
        rule=of.rule,
        pack=of.pack,
        rulebook=identity_message(of.rulebook),
        severity=of.severity.value,
        leg=WIRE_OF[of.leg],
        start_s=of.start_s,
        end_s=of.end_s,
        heard_text=of.heard_text,
        heard_pinyin=of.heard_pinyin,
        matched=of.matched,
        confidence=of.confidence,
        status=_WIRE_STATUS_OF[of.status],
        before=of.before,
        after=of.after,
        title_zh=of.title.zh,
        title_en=of.title.en,
        raised_s=of.raised_s,
    )


def finding_of(message: wire.Finding) -> Finding:
    """Raises KeyError for an unspecified leg or status, ValueError for an unknown severity."""
    return Finding(
        finding_id=message.finding_id,
        rule=message.rule,
        pack=message.pack,
        title=Title(zh=message.title_zh, en=message.title_en),
        severity=Severity(message.severity),
        rulebook=identity_of(message.rulebook),
        leg=LEG_OF[message.leg],
        start_s=message.start_s,
        end_s=message.end_s,
        heard_text=message.heard_text,
        heard_pinyin=message.heard_pinyin,
        matched=message.matched,
        confidence=message.confidence,
        status=_STATUS_OF[message.status],
        raised_s=message.raised_s,
        before=message.before,
        after=message.after,
    )
