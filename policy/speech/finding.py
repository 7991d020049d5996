"""Owns what a speech rule found, with the words that show it."""

from dataclasses import dataclass
from enum import Enum

from policy.identity import RulebookIdentity, Title
from policy.speech.utterance import Leg


class Severity(Enum):
    INFO = "info"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class FindingStatus(Enum):
    PROVISIONAL = "provisional"
    CERTAIN = "certain"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Finding:
    """`finding_id` is unique within the call and the same live and replayed; times in seconds
    since the start of the call's audio. `raised_s` is the analysed audio time at which it became
    what its status says."""

    finding_id: str
    rule: str
    pack: str
    title: Title
    severity: Severity
    rulebook: RulebookIdentity
    leg: Leg
    start_s: float
    end_s: float
    heard_text: str
    heard_pinyin: str
    matched: str
    confidence: float
    status: FindingStatus
    raised_s: float
    before: str = ""
    after: str = ""
