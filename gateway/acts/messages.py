"""Owns acts, standings and alerts as the contract's messages."""

from typing import Final

from callwarden.v1 import oversight_pb2 as oversight
from policy.ledger.acts import ActKind, DoneAct, Standing
from policy.people import Role

ACT: "Final[dict[ActKind, oversight.Act.ValueType]]" = {
    each: oversight.Act.Value(f"ACT_{each.name}") for each in ActKind
}
STANDING: "Final[dict[Standing, oversight.Standing.ValueType]]" = {
    each: oversight.Standing.Value(f"STANDING_{each.name}") for each in Standing
}
STANDING_OF: "Final[dict[oversight.Standing.ValueType, Standing]]" = {
    value: each for each, value in STANDING.items()
}


def act_done(act: DoneAct) -> oversight.ActDone:
    """Without the note: those are words of people about people."""
    return oversight.ActDone(
        act_id=act.act_id,
        act=ACT[act.act],
        who=act.who,
        role=Role(act.role).on_the_wire,
        call_id=act.call_id,
        finding_id=act.finding_id,
        subject=act.subject,
        standing=STANDING[act.standing] if act.standing else oversight.STANDING_UNSPECIFIED,
    )
