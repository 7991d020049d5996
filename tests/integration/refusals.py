"""What a refused call looks like from outside."""

from deploy.lab import PlacedCall

WITHIN_S = 2.0


def assert_refused(call: PlacedCall) -> None:
    """The agent's phone was told so within two seconds and the carrier never heard of the call."""
    outcome = call.wait(15)
    assert call.invites() == [], "an INVITE reached the carrier"
    assert not outcome.answered
    assert (outcome.sip_status, outcome.q850_cause) == (403, 21)
    assert outcome.decided_s < WITHIN_S
