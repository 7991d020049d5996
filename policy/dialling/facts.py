"""Owns what is known of a customer when a call is asked for. The ledger gathers it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Attempt:
    """A call to this customer that was allowed. It counts from its reservation on.

    `linkedid` may be empty; attempts that share one are one call over several trunks.
    `connected` and `talk_seconds` stay None until the attempt is settled.
    """

    reserved_at: datetime
    linkedid: str = ""
    connected: bool | None = None
    talk_seconds: float | None = None


@dataclass(frozen=True)
class Suppression:
    """A do-not-call entry for this customer. `until` None: for good."""

    suppression_id: str
    source: str
    since: datetime
    until: datetime | None = None
    channel: str = "voice"
    purpose: str = "*"
    provisional: bool = False


@dataclass(frozen=True)
class Facts:
    """Attempts and suppressions of one customer: those of his number and those of his id."""

    attempts: tuple[Attempt, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
