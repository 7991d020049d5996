"""Owns what is known of a customer when a call is asked for. The ledger gathers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from policy.dialling.request import Party


@dataclass(frozen=True)
class Attempt:
    """A call that was allowed to this person, or about this debt. It counts from its reservation.

    `linkedid` may be empty; attempts that share one are one call over several trunks.
    `connected`, `talk_seconds` and `ended_at` stay None until the attempt is settled. The `same_*`
    tell what it shares with the call asked for: its number, the person behind it (any number known
    to be his), the debt, the product. A debt or product that either side does not name counts as
    the same one, as long as the person is.
    """

    reserved_at: datetime
    linkedid: str = ""
    connected: bool | None = None
    talk_seconds: float | None = None
    ended_at: datetime | None = None
    party: Party = "unknown"
    same_number: bool = True
    same_person: bool = True
    same_debt: bool = True
    same_product: bool = True


@dataclass(frozen=True)
class Suppression:
    """A do-not-call entry for this customer. `until` None: for good. `list_name` is the list it
    was imported with, empty for the others."""

    suppression_id: str
    source: str
    since: datetime
    until: datetime | None = None
    channel: str = "voice"
    purpose: str = "*"
    provisional: bool = False
    list_name: str = ""


@dataclass(frozen=True)
class Waiver:
    """A consent of this customer: rules that match one of `rules` (rule ids, `pack.*` or `*`) do
    not speak against calls of the scenes `purpose` covers, from `since` until `until` (None: open
    end). `proof` refers to where the consent can be shown; it is never empty."""

    waiver_id: str
    rules: tuple[str, ...]
    proof: str
    since: datetime
    until: datetime | None = None
    purpose: str = "*"


@dataclass(frozen=True)
class Facts:
    """What the ledger knows of one person: of his number, of his id, and of the debt in question.
    `lists` has the instant of the newest complete import of each suppression list by its name."""

    attempts: tuple[Attempt, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    lists: Mapping[str, datetime] = field(default_factory=dict)
