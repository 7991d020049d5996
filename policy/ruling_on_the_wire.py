"""Owns the turn between a call, a decision on it and their messages, in both directions.

Called by both ends of the service Gate, and by the gateway where it publishes a decision.
"""

from datetime import UTC, datetime
from typing import Final, cast, get_args

from callwarden.v1 import gate_pb2 as gate
from callwarden.v1 import oversight_pb2 as oversight
from policy.dialling.decision import Decision, Reason, Verdict
from policy.dialling.number import canonical
from policy.dialling.request import DialRequest, Party
from policy.identity import Title
from policy.on_the_wire import identity_message, identity_of

_PARTIES: Final = frozenset(get_args(Party))


def call_message(of: DialRequest) -> gate.Call:
    """Without nonce, linkedid and region: these are not of the call but of its asking."""
    return gate.Call(
        number=of.number,
        scene=of.scene,
        agent=of.agent,
        customer=of.customer,
        debt=of.debt,
        product=of.product,
        campaign=of.campaign,
        agency=of.agency,
        party=of.party,
        caller_id=of.caller_id,
    )


def call_of(message: gate.Call, region: str) -> DialRequest:
    """Its number is canonical. Raises ValueError for an unknown party."""
    party = message.party or "unknown"
    if party not in _PARTIES:
        raise ValueError(f"party: must be one of {', '.join(get_args(Party))}")
    return DialRequest(
        nonce="",
        number=canonical(message.number, region),
        scene=message.scene or "*",
        agent=message.agent,
        customer=message.customer,
        region=region,
        debt=message.debt,
        product=message.product,
        campaign=message.campaign,
        agency=message.agency,
        party=cast(Party, party),
        caller_id=message.caller_id,
    )


WIRE_VERDICT_OF: Final = {
    Verdict.ALLOW: oversight.VERDICT_ALLOW,
    Verdict.DENY: oversight.VERDICT_DENY,
}


def reason_message(of: Reason) -> oversight.Reason:
    return oversight.Reason(
        rule=of.rule,
        pack=of.pack,
        title_zh=of.title.zh,
        title_en=of.title.en,
        citation=of.citation,
    )


def reason_of(message: oversight.Reason, cause: int = 21) -> Reason:
    """The wire has one cause for a whole ruling, not one a reason."""
    title = Title(zh=message.title_zh, en=message.title_en)
    return Reason(message.rule, message.pack, title, message.citation, cause)


def ruling_message(of: Decision) -> gate.Ruling:
    return gate.Ruling(
        verdict=WIRE_VERDICT_OF[of.verdict],
        reasons=map(reason_message, of.reasons),
        earliest=seconds(of.earliest),
        rulebook=identity_message(of.rulebook),
        q850_cause=0 if of.allowed else of.reasons[0].cause,
    )


def decision_of(message: gate.Ruling) -> Decision:
    """What does not say ALLOW is a denial."""
    allowed = message.verdict == oversight.VERDICT_ALLOW
    return Decision(
        Verdict.ALLOW if allowed else Verdict.DENY,
        tuple(reason_of(each, message.q850_cause) for each in message.reasons),
        instant(message.earliest),
        identity_of(message.rulebook),
    )


def seconds(at: datetime | None) -> float:
    """Since 1970-01-01 UTC; 0 for none."""
    return at.timestamp() if at else 0.0


def instant(seconds: float) -> datetime | None:
    """In UTC; None for 0. Raises ValueError for what no calendar has."""
    if not seconds:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"no such time: {error}") from None
