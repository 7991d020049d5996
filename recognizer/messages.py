"""Owns how the wire says what the recognizer heard. Called by the service alone."""

from collections.abc import Iterable

from callwarden.v1 import conversation_pb2 as wire
from policy.identity import RulebookIdentity
from policy.speech.finding import Finding, FindingStatus
from policy.speech.utterance import Leg, Utterance
from recognizer.analysis import LegCoverage

_LEGS = {Leg.AGENT: wire.LEG_AGENT, Leg.CUSTOMER: wire.LEG_CUSTOMER}
_LEGS_OF_WIRE = {number: leg for leg, number in _LEGS.items()}
_STATUS = {
    FindingStatus.PROVISIONAL: wire.FINDING_STATUS_PROVISIONAL,
    FindingStatus.CERTAIN: wire.FINDING_STATUS_CERTAIN,
    FindingStatus.WITHDRAWN: wire.FINDING_STATUS_WITHDRAWN,
}


def leg_of(number: int) -> Leg | None:
    """None for a leg that is not named or that a newer contract knows."""
    return _LEGS_OF_WIRE.get(number)  # type: ignore[call-overload, no-any-return]  # an enum's number


def identity(of: RulebookIdentity) -> wire.RulebookIdentity:
    return wire.RulebookIdentity(version=of.version, digest=of.digest)


def utterance(of: Utterance) -> wire.Utterance:
    return wire.Utterance(
        utterance_id=of.utterance_id,
        leg=_LEGS[of.leg],
        start_s=of.start_s,
        end_s=of.end_s,
        text=of.text,
        tokens=[each.text for each in of.tokens],
        token_starts_s=[each.start_s for each in of.tokens],
        final=of.final,
    )


def finding(of: Finding) -> wire.Finding:
    return wire.Finding(
        finding_id=of.finding_id,
        rule=of.rule,
        pack=of.pack,
        rulebook=identity(of.rulebook),
        severity=of.severity.value,
        leg=_LEGS[of.leg],
        start_s=of.start_s,
        end_s=of.end_s,
        heard_text=of.heard_text,
        heard_pinyin=of.heard_pinyin,
        matched=of.matched,
        confidence=of.confidence,
        status=_STATUS[of.status],
        before=of.before,
        after=of.after,
        title_zh=of.title.zh,
        title_en=of.title.en,
        raised_s=of.raised_s,
    )


def coverage(of: Iterable[LegCoverage]) -> list[wire.LegCoverage]:
    return [
        wire.LegCoverage(
            leg=_LEGS[each.leg],
            received_s=each.received_s,
            analysed_s=each.analysed_s,
            causes=each.causes,
        )
        for each in of
    ]
