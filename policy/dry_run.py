"""Owns decisions that nothing comes of: as the gate would decide, over the same facts, recording
and reserving nothing.

Called by `callwarden check`, by the gateway's service Gate, and by the scrubber.
"""

from collections.abc import Sequence
from datetime import datetime

from policy.dialling.decision import Decision
from policy.dialling.evaluate import evaluate
from policy.dialling.facts import Facts
from policy.dialling.request import DialRequest
from policy.dialling.rulebook import DiallingRulebook
from policy.ledger import LedgerReader


def dry_runs(
    requests: Sequence[DialRequest],
    rulebook: DiallingRulebook,
    ledger: LedgerReader | None,
    now: datetime,
) -> list[Decision]:
    """The decision on each request, its number canonical, at `now` (aware), each as if it were the
    only one. Without a ledger it is as for somebody who was never called. Raises
    LedgerUnavailable."""
    facts = ledger.facts_of(requests, now) if ledger else [Facts()] * len(requests)
    return [
        evaluate(request, known, rulebook, now)
        for request, known in zip(requests, facts, strict=True)
    ]


def dry_run(
    request: DialRequest, rulebook: DiallingRulebook, ledger: LedgerReader | None, now: datetime
) -> Decision:
    """The decision on one request, as `dry_runs`."""
    return dry_runs([request], rulebook, ledger, now)[0]
