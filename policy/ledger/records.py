"""Owns the ledger's own words: what is handed to it, and what is read from it again.

Used by the gateway, the commands and the console. Numbers and customers' ids stay out of every
`repr`, so that no log line shows them by accident.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from policy.dialling.decision import Decision
from policy.dialling.facts import Suppression
from policy.dialling.request import DialRequest
from policy.identity import RulebookIdentity
from policy.speech.finding import Finding
from policy.speech.not_analysed import NotAnalysed
from policy.speech.utterance import Leg

Mode = Literal["active", "shadow"]
"""A rulebook is in force, or is asked beside the one in force without being obeyed."""


@dataclass(frozen=True)
class Activation:
    """Somebody put a rulebook in a mode; `rulebook` None: he ended the shadow. `seq` rises with
    each one."""

    seq: int
    at: datetime
    mode: Mode
    rulebook: RulebookIdentity | None
    who: str
    note: str


@dataclass(frozen=True)
class Decided:
    """A decision that is on disk. `attempt_id` is that of the reservation (it goes by the id of its
    decision), None on a denial."""

    decision_id: str
    decision: Decision
    attempt_id: str | None


@dataclass(frozen=True)
class CallRecord:
    """A call that was allowed and is being placed. `call_id` is the decision's nonce; `number` is
    canonical."""

    call_id: str
    decision_id: str
    number: str = field(repr=False)
    agent: str
    scene: str
    customer: str = field(repr=False)
    linkedid: str
    started_at: datetime


@dataclass(frozen=True)
class LegCoverage:
    """How much of one leg was heard, in seconds; `causes` say why some was not, `missing` which."""

    leg: Leg
    call_seconds: float
    received_s: float
    analysed_s: float
    causes: tuple[str, ...] = ()
    missing: tuple[NotAnalysed, ...] = ()


@dataclass(frozen=True)
class RecordedDecision:
    decision_id: str
    at: datetime
    request: DialRequest = field(repr=False)
    decision: Decision


@dataclass(frozen=True)
class RecordedFinding:
    """A finding as it last stood; `agent` and `scene` are the call's, empty when the call itself
    is not in the ledger."""

    call_id: str
    at: datetime
    agent: str
    scene: str
    finding: Finding = field(repr=False)


@dataclass(frozen=True)
class Release:
    """Somebody ended a do-not-call entry before its time."""

    at: datetime
    who: str
    why: str = field(repr=False)


@dataclass(frozen=True)
class RecordedSuppression:
    """A do-not-call entry with whom it is for; `call_id` and `finding_id` are empty when no call
    is behind it."""

    suppression: Suppression
    number: str = field(repr=False)
    customer: str = field(repr=False)
    call_id: str
    finding_id: str
    note: str = field(repr=False)
    release: Release | None = None


@dataclass(frozen=True)
class Bypass:
    """A call that reached `trunk` (its endpoint) without a decision. `number` is canonical where it
    can be, empty where nobody tells it; `channel_id` is Asterisk's, once; `source` says what told:
    "dial", "up" (found up at a connection) or "cdr"."""

    at: datetime
    number: str = field(repr=False)
    trunk: str
    channel_id: str
    linkedid: str
    source: str


@dataclass(frozen=True)
class RecordedBypass:
    bypass_id: str
    bypass: Bypass


@dataclass(frozen=True)
class ImportedList:
    """An import of a suppression list that ran to its end: `rows` in the file, `added` of them new,
    `rejected` as no entries. `as_of` is when the list was obtained, `at` when the import ended.
    `complete` when the file was the whole list and every row of it was taken."""

    name: str
    as_of: datetime
    at: datetime
    who: str
    source: str
    file: str
    rows: int
    added: int
    rejected: int
    complete: bool


@dataclass(frozen=True)
class RecordedCall:
    """A call that was placed, or a recording that was kept; `product` is the site's id of what it
    was about, empty when not given; `seconds` is how long it was, None while its end is not
    recorded."""

    call_id: str
    scene: str
    agent: str
    product: str
    started_at: datetime
    seconds: float | None


@dataclass(frozen=True)
class DecisionCounts:
    """`denials_by_rule` counts a denial under each rule that spoke against it."""

    decisions: int
    denials: int
    denials_by_rule: Mapping[str, int]
