"""Owns what the console knows of one call: its state, what was heard on it and found in it.

Written by `tui.view` with each event, read by the widgets. Pure: no clock, no I/O. The one
invariant: a final utterance, once heard, is never replaced by a partial, and a call that was not
analysed is never reported as clean.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from callwarden.v1.conversation_pb2 import (
    FINDING_STATUS_CERTAIN,
    FINDING_STATUS_WITHDRAWN,
    LEG_AGENT,
    LEG_CUSTOMER,
    Duty,
    Finding,
    Leg,
    Utterance,
)
from callwarden.v1.oversight_pb2 import (
    CALL_STATE_DIALLING,
    CALL_STATE_ENDED,
    CALL_STATE_UNHEARD,
    CALL_STATE_UNSPECIFIED,
    STANDING_DISMISSED,
    STANDING_UNSPECIFIED,
    CallChanged,
    FindingRaised,
    Standing,
    SuppressionMade,
)

LAG_S = 6.0
"""How far the analysis of a live call may trail its audio without counting as missing, while no
cause is given: coverage is told every 2 s by the recognizer, and again by the gateway."""
_HARDLY_S = 1.0
"""Missing at most so much at an end counts as nothing: the fork is set up after the answer."""
NEEDS_PERSON = 20
"""Attention from which a supervisor should look: a major finding, or a call nobody hears."""

_LAGS_KEPT = 120
SEVERITIES = ("info", "minor", "major", "critical")
LEGS: tuple[Leg.ValueType, ...] = (LEG_AGENT, LEG_CUSTOMER)


class Heard(Enum):
    """How much of a call was analysed."""

    PENDING = "pending"
    """Nothing to hear yet, or the first account is still to come."""
    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True)
class Raised:
    """A finding in its latest status, and when that status was raised."""

    at: float
    raised: FindingRaised

    @property
    def finding(self) -> Finding:
        return self.raised.finding

    @property
    def stands(self) -> bool:
        """Neither later words nor a person took it back."""
        dismissed = self.raised.standing == STANDING_DISMISSED
        return self.finding.status != FINDING_STATUS_WITHDRAWN and not dismissed

    @property
    def judged(self) -> bool:
        """A person has looked at it."""
        return self.raised.standing != STANDING_UNSPECIFIED

    @property
    def weight(self) -> int:
        """Severity first, then certain before provisional; 0 when it no longer stands."""
        if not self.stands:
            return 0
        rank = SEVERITIES.index(severity_of(self.finding)) + 1
        return rank * 10 + (5 if self.finding.status == FINDING_STATUS_CERTAIN else 0)


@dataclass(frozen=True)
class Suppressed:
    """A do-not-call entry and when it was made."""

    at: float
    suppression: SuppressionMade


@dataclass
class Call:
    """One call: its state, what was heard on it and found in it, keyed by their ids."""

    change: CallChanged = field(default_factory=CallChanged)
    coverage_at: float = 0.0
    """When its coverage was last accounted."""
    utterances: dict[str, Utterance] = field(default_factory=dict)
    findings: dict[str, Raised] = field(default_factory=dict)
    suppressed: Suppressed | None = None
    duties: Sequence[Duty] = ()
    """What must be told on it, told by now or owed."""
    acknowledged_at: float = 0.0
    """When a person last took note of what was wrong with it."""
    lags_s: deque[float] = field(default_factory=lambda: deque(maxlen=_LAGS_KEPT))
    """How long after they were spoken its latest words came."""
    breaks_s: list[float] = field(default_factory=list)
    """Where in the call's audio words may be missing here because the console was away."""
    version: int = 0
    """Rises with each change of what was heard or found."""
    changed: int = 0
    """The same of all but the words."""
    _weighed: tuple[int, tuple[int, int, int]] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    @property
    def known(self) -> bool:
        return self.change.state != CALL_STATE_UNSPECIFIED

    @property
    def live(self) -> bool:
        return self.known and self.change.state != CALL_STATE_ENDED

    @property
    def unheard(self) -> bool:
        return self.change.state == CALL_STATE_UNHEARD

    def seconds(self, now: float) -> float:
        """Since the answer, or since dialling began while nobody has answered."""
        begun = self.change.answered_at or self.change.started_at or now
        return max(0.0, (self.change.ended_at or now) - begun)

    def standing(self) -> list[Raised]:
        """Its findings that stand, the worst first, then the latest."""
        standing = [each for each in self.findings.values() if each.stands]
        return sorted(standing, key=lambda each: (-each.weight, -each.finding.start_s))

    def analysed(self, now: float) -> tuple[Heard, float]:
        """How much of the worse leg was analysed, and its share of the call (0 to 1)."""
        answered = self.change.answered_at
        if not self.known or self.change.state == CALL_STATE_DIALLING or not answered:
            return Heard.PENDING, 0.0
        ended = self.change.ended_at
        if not self.coverage_at and not ended and not self.unheard:
            return Heard.PENDING, 0.0
        accounted_at = ended or self.coverage_at or now
        spoken_s = max(accounted_at - answered, 0.001)
        by_leg: dict[Leg.ValueType, float] = {
            each.leg: each.analysed_s for each in self.change.coverage
        }
        least_s = min(by_leg.get(leg, 0.0) for leg in LEGS)
        if self.unheard and least_s <= 0:
            return Heard.NONE, 0.0
        missing_s = spoken_s - least_s
        told_missing = any(each.causes for each in self.change.coverage)
        allowed_s = LAG_S if self.live and not told_missing else _HARDLY_S
        if not self.unheard and missing_s <= allowed_s:
            return Heard.FULL, 1.0
        share = min(max(least_s / spoken_s, 0.0), 0.99)
        return (Heard.PARTIAL, share) if share > 0 else (Heard.NONE, 0.0)

    def attention(self, now: float) -> int:
        """How much it needs a person, 0 for not at all. Ended calls need none."""
        return self.weights(now)[1]

    def weights(self, now: float) -> tuple[int, int, int]:
        """What it weighs among the calls: the worst that nobody has taken note of, the worst, and
        all of it. Worked out when something but its words has changed."""
        if self._weighed is None or self._weighed[0] != self.changed:
            self._weighed = self.changed, self._weigh(now) if self.live else (0, 0, 0)
        return self._weighed[1]

    def _weigh(self, now: float) -> tuple[int, int, int]:
        found = self.findings.values()
        unheard = self._unheard(now)
        new = max((each.weight for each in found if self._is_new(each)), default=0)
        worst = max((each.weight for each in found), default=0)
        return max(new, unheard), max(worst, unheard), sum(each.weight for each in found)

    def _is_new(self, found: Raised) -> bool:
        return not found.judged and found.at > self.acknowledged_at

    def _unheard(self, now: float) -> int:
        heard, _ = self.analysed(now)
        return 28 if self.unheard else 12 if heard in (Heard.PARTIAL, Heard.NONE) else 0

    def hear(self, utterance: Utterance, at: float | None = None) -> bool:
        """Takes an utterance in; False when it says nothing new. `at`: when it was told, None for
        one of the past.

        A partial never replaces a final, nor a partial that reaches further.
        """
        before = self.utterances.get(utterance.utterance_id)
        if before and not utterance.final and (before.final or before.end_s > utterance.end_s):
            return False
        self.utterances[utterance.utterance_id] = utterance
        self.version += 1
        further = before is None or before.end_s < utterance.end_s
        if at is not None and further and self.change.answered_at:
            self.lags_s.append(max(0.0, at - self.change.answered_at - utterance.end_s))
        return True

    def judge(self, finding_id: str, standing: Standing.ValueType) -> None:
        """A person judged one of its findings."""
        found = self.findings.get(finding_id)
        if found is not None:
            raised = FindingRaised()
            raised.CopyFrom(found.raised)
            raised.standing = standing
            self.findings[finding_id] = Raised(found.at, raised)
            self.change_mark()

    def owe(self, duties: Sequence[Duty]) -> None:
        self.duties = duties
        self.change_mark()

    def acknowledge(self, at: float) -> None:
        """A person took note of what is wrong with it."""
        self.acknowledged_at = max(at, self.acknowledged_at)
        self.change_mark()

    def change_mark(self) -> None:
        """Something other than its words has changed."""
        self.version += 1
        self.changed += 1

    def ended_by(self, at: float) -> "Call":
        """The call as ended, at `at` at latest."""
        change = CallChanged()
        change.CopyFrom(self.change)
        change.state, change.ended_at = CALL_STATE_ENDED, at
        del change.talking[:]
        ended = replace(self, change=change)
        ended.change_mark()
        return ended

    def inherit(self, earlier: "Call") -> None:
        """Takes over the words an earlier view heard, with a mark where some may be missing."""
        for utterance in earlier.utterances.values():
            known = self.utterances.get(utterance.utterance_id)
            if known is None or (utterance.final and not known.final):
                self.utterances[utterance.utterance_id] = utterance
        last_s = max((each.end_s for each in earlier.utterances.values()), default=0.0)
        self.breaks_s = [*earlier.breaks_s, last_s]
        self.lags_s = earlier.lags_s
        self.version, self.changed = earlier.version + 1, earlier.changed + 1


def severity_of(finding: Finding) -> str:
    """Its severity; one this console does not know counts as major, not as nothing."""
    return finding.severity if finding.severity in SEVERITIES else "major"
