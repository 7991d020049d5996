"""Owns the answer: a verdict with every reason, and when the call would be allowed."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from policy.identity import RulebookIdentity, Title


class Verdict(Enum):
    ALLOW = "ALLOW"
    DENY = "DENY"


@dataclass(frozen=True)
class Reason:
    """One rule that speaks against the call (or, for emergency numbers, the one that lets it)."""

    rule: str
    pack: str
    title: Title
    citation: str
    cause: int = 21
    """Q.850 cause the PBX hangs up with; 21 is call rejected."""


@dataclass(frozen=True)
class Decision:
    """`reasons` in the rulebook's order; `earliest` in UTC, None when unknown or never."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    earliest: datetime | None
    rulebook: RulebookIdentity

    @property
    def allowed(self) -> bool:
        return self.verdict is Verdict.ALLOW
