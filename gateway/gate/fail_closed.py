"""Owns failing closed: the one function that every path but a durable ALLOW goes through.

Called by `gateway.gate.gatekeeper`. The one invariant: whatever comes in, a DENY with a reason goes
out; `refuse` never raises and never returns an ALLOW.
"""

from callwarden.problems import ProblemsFound
from gateway.gate.answer import BadRequest
from policy.dialling import refusals
from policy.dialling.decision import Decision, Verdict
from policy.identity import RulebookIdentity
from policy.ledger import LedgerUnavailable


class RulebookBroken(Exception):
    """No rulebook is in force; `problems` says why, file by file."""

    def __init__(self, problems: ProblemsFound) -> None:
        super().__init__(str(problems))
        self.problems = problems


def refuse(why: object, rulebook: RulebookIdentity = refusals.NO_RULEBOOK) -> Decision:
    """A refusal for `why`: a DENY stays as it is, with all its reasons; an exception becomes the
    gate's own reason; anything else (an ALLOW that was not made durable among it) is a failure."""
    if isinstance(why, Decision) and why.verdict is Verdict.DENY and why.reasons:
        return why
    return refusals.refused(_rule(why), rulebook)


def _rule(why: object) -> str:
    match why:
        case BadRequest():
            return refusals.GATE_BAD_REQUEST
        case RulebookBroken():
            return refusals.GATE_RULEBOOK_BROKEN
        case LedgerUnavailable():
            return refusals.GATE_LEDGER_UNAVAILABLE
        case TimeoutError():
            return refusals.GATE_DEADLINE
    return refusals.GATE_FAILED
