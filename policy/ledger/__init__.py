"""The one place that touches the database: decisions, attempts, suppressions and calls, on disk
before anybody acts on them.

One writer a process; rows are added, never changed; numbers, customers' ids and words are sealed.
"""

from policy.ledger.checkpoints import Checkpoint
from policy.ledger.consents import RecordedWaiver
from policy.ledger.do_not_call import ListedEntry
from policy.ledger.ledger import Ledger
from policy.ledger.reader import LedgerReader
from policy.ledger.records import (
    Activation,
    Bypass,
    CallRecord,
    Decided,
    DecisionCounts,
    ImportedList,
    LegCoverage,
    RecordedBypass,
    RecordedCall,
    RecordedDecision,
    RecordedFinding,
    RecordedSuppression,
    Release,
)
from policy.ledger.unavailable import LedgerUnavailable, RowRefused

__all__ = [
    "Activation",
    "Bypass",
    "CallRecord",
    "Checkpoint",
    "Decided",
    "DecisionCounts",
    "ImportedList",
    "Ledger",
    "LedgerReader",
    "LedgerUnavailable",
    "LegCoverage",
    "ListedEntry",
    "RecordedBypass",
    "RecordedCall",
    "RecordedDecision",
    "RecordedFinding",
    "RecordedSuppression",
    "RecordedWaiver",
    "Release",
    "RowRefused",
]
