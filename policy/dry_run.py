"""Owns a decision that nothing comes of: as the gate would decide, over the same facts, recording
and reserving nothing.

Called by `callwarden check`, by the gateway's service Gate, and by the scrubber.
"""

from dataclasses import replace
from datetime import datetime

from policy.dialling import number as numbers
from policy.dialling.decision import Decision
from policy.dialling.evaluate import evaluate
from policy.dialling.facts import Facts
from policy.dialling.request import DialRequest
from policy.dialling.rulebook import DiallingRulebook
from policy.ledger import LedgerReader


def dry_run(
    request: DialRequest, rulebook: DiallingRulebook, ledger: LedgerReader | None, now: datetime
) -> Decision:
    """The decision on `request`, its number as dialled, at `now` (aware). Without a ledger it is as
    for somebody who was never called. Raises LedgerUnavailable."""
    request = replace(request, number=numbers.canonical(request.number, request.region))
    facts = ledger.facts(request.number, request.customer, now) if ledger else Facts()
    return evaluate(request, facts, rulebook, now)
