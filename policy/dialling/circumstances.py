"""Owns what a rule is asked about: a call and what is known of the called party; and what every
kind of rule must be able to answer. Called by `evaluate`; implemented by a module a kind.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from policy.dialling.facts import Facts
from policy.dialling.request import DialRequest


@dataclass(frozen=True)
class Circumstances:
    """`zones` are all those the called party may be in; a rule must hold in each of them. Empty
    when unknown: then `evaluate` refuses, whatever the rules say."""

    request: DialRequest
    facts: Facts
    zones: tuple[ZoneInfo, ...]


class Condition(Protocol):
    """When a rule speaks against a call. Instants are aware, of any zone."""

    def denies(self, circumstances: Circumstances, at: datetime) -> bool:
        """Whether the rule speaks against placing the call at that instant."""

    def lifts(self, circumstances: Circumstances, after: datetime) -> datetime | None:
        """The first instant, later than `after`, at which this condition could let the call pass;
        None when it never will. Asked only where it denies; an instant before which the condition
        surely denies is enough, since the answer is tried again there."""
