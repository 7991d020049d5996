"""Owns what the console knows: the state reduced from the events of the oversight stream.

Called by the app with each event, read by every widget. Pure: no clock, no I/O, so the same events
give the same screen live and in tests. The one invariant: a final utterance, once heard, is never
replaced by a partial, and a call that was not analysed is never reported as clean.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from enum import Enum, Flag, auto
from itertools import islice
from typing import Any

from callwarden.v1.conversation_pb2 import (
    FINDING_STATUS_CERTAIN,
    FINDING_STATUS_WITHDRAWN,
    LEG_AGENT,
    LEG_CUSTOMER,
    Finding,
    Leg,
    Utterance,
)
from callwarden.v1.oversight_pb2 import (
    CALL_STATE_DIALLING,
    CALL_STATE_ENDED,
    CALL_STATE_UNHEARD,
    CALL_STATE_UNSPECIFIED,
    BypassFound,
    CallChanged,
    DecisionMade,
    Event,
    FindingRaised,
    HealthChanged,
    SuppressionMade,
)

KEPT = 500
"""Decisions, findings and suppressions kept of each; older ones are in the ledger."""
KEPT_ENDED_CALLS = 100
LAG_S = 6.0
"""How far the analysis of a live call may trail its audio without counting as missing, while no
cause is given: coverage is told every 2 s by the recognizer, and again by the gateway."""
_HARDLY_S = 1.0
"""Missing at most so much at an end counts as nothing: the fork is set up after the answer."""
NEEDS_PERSON = 20
"""Attention from which a supervisor should look: a major finding, or a call nobody hears."""

SEVERITIES = ("info", "minor", "major", "critical")
LEGS: tuple[Leg.ValueType, ...] = (LEG_AGENT, LEG_CUSTOMER)


class Area(Flag):
    """Parts of the screen that an event touches."""

    NOTHING = 0
    CALLS = auto()
    DECISIONS = auto()
    FINDINGS = auto()
    SUPPRESSIONS = auto()
    HEALTH = auto()
    EVERYTHING = CALLS | DECISIONS | FINDINGS | SUPPRESSIONS | HEALTH


class Heard(Enum):
    """How much of a call was analysed."""

    PENDING = "pending"
    """Nothing to hear yet, or the first account is still to come."""
    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True)
class Made:
    """A decision and when it fell, in seconds since 1970-01-01 UTC."""

    at: float
    decision: DecisionMade
    number: int
    """Counts up in this view: a decision the ledger could not take has no id of its own."""


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
        return self.finding.status != FINDING_STATUS_WITHDRAWN

    @property
    def weight(self) -> int:
        """Severity first, then certain before provisional; 0 when it was withdrawn."""
        if not self.stands:
            return 0
        rank = SEVERITIES.index(severity_of(self.finding)) + 1
        return rank * 10 + (5 if self.finding.status == FINDING_STATUS_CERTAIN else 0)


@dataclass(frozen=True)
class Suppressed:
    """A do-not-call entry and when it was made."""

    at: float
    suppression: SuppressionMade


@dataclass(frozen=True)
class WentRound:
    """A call that reached a trunk without a decision, and when."""

    at: float
    bypass: BypassFound


@dataclass
class Call:
    """One call: its state, what was heard on it and found in it, keyed by their ids."""

    change: CallChanged = field(default_factory=CallChanged)
    coverage_at: float = 0.0
    """When its coverage was last accounted."""
    utterances: dict[str, Utterance] = field(default_factory=dict)
    findings: dict[str, Raised] = field(default_factory=dict)
    suppressed: Suppressed | None = None
    breaks_s: list[float] = field(default_factory=list)
    """Where in the call's audio words may be missing here because the console was away."""
    version: int = 0
    """Rises with each change of what was heard or found."""

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
        """Its findings that were not withdrawn, the worst first, then the latest."""
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
        if not self.live:
            return 0
        worst = max((each.weight for each in self.findings.values()), default=0)
        heard, _ = self.analysed(now)
        unheard = 28 if self.unheard else 12 if heard in (Heard.PARTIAL, Heard.NONE) else 0
        return max(worst, unheard)

    def hear(self, utterance: Utterance) -> bool:
        """Takes an utterance in; False when it says nothing new.

        A partial never replaces a final, nor a partial that reaches further.
        """
        before = self.utterances.get(utterance.utterance_id)
        if before and not utterance.final and (before.final or before.end_s > utterance.end_s):
            return False
        self.utterances[utterance.utterance_id] = utterance
        self.version += 1
        return True

    def ended_by(self, at: float) -> "Call":
        """The call as ended, at `at` at latest."""
        change = CallChanged()
        change.CopyFrom(self.change)
        change.state, change.ended_at = CALL_STATE_ENDED, at
        del change.talking[:]
        return replace(self, change=change, version=self.version + 1)

    def inherit(self, earlier: "Call") -> None:
        """Takes over the words an earlier view heard, with a mark where some may be missing."""
        for utterance in earlier.utterances.values():
            known = self.utterances.get(utterance.utterance_id)
            if known is None or (utterance.final and not known.final):
                self.utterances[utterance.utterance_id] = utterance
        last_s = max((each.end_s for each in earlier.utterances.values()), default=0.0)
        self.breaks_s = [*earlier.breaks_s, last_s]
        self.version = earlier.version + 1


class View:
    """Everything on the screen, from the present state onwards."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.decisions: deque[Made] = deque(maxlen=KEPT)
        self.findings: dict[tuple[str, str], Raised] = {}
        self.suppressions: dict[str, Suppressed] = {}
        self.bypasses: dict[str, WentRound] = {}
        self.health = HealthChanged()
        self.live = False
        """The present state has come in full."""
        self.missed = 0
        """Events that the gateway dropped for us: the view has holes and must be watched anew."""
        self._sequence: int | None = None
        self._decided: set[str] = set()
        self._made = 0

    def apply(self, event: Event) -> Area:
        """Takes one event in and says what it touched. An event seen before changes nothing."""
        kind = event.WhichOneof("payload")
        if kind == "live":
            self.live, self._sequence = True, event.sequence
            return Area.EVERYTHING
        if self.live and self._sequence is not None:
            if event.sequence <= self._sequence:
                return Area.NOTHING
            self.missed += event.sequence - self._sequence - 1
        if self.live:
            self._sequence = event.sequence
        match kind:
            case "decision":
                return self._decide(event.at, event.decision)
            case "call":
                return self._change(event.at, event.call)
            case "utterance":
                spoken = event.utterance
                self._call(spoken.call_id).hear(spoken.utterance)
                return Area.CALLS
            case "finding":
                return self._find(event.at, event.finding)
            case "suppression":
                return self._suppress(event.at, event.suppression)
            case "bypass":
                self.bypasses[event.bypass.bypass_id] = WentRound(event.at, event.bypass)
                _bound(self.bypasses)
                return Area.HEALTH
            case "health":
                self.health = event.health
                return Area.HEALTH
        return Area.NOTHING

    def shown_calls(self, now: float) -> list[Call]:
        """Live calls, what needs a person on top, longest first; then ended ones, latest first."""
        known = [call for call in self.calls.values() if call.known]
        return sorted(known, key=lambda call: _place(call, now))

    def inherit(self, before: "View", at: float) -> None:
        """Takes over the words and the ended calls of the view `before` this one.

        A call that was live then and is not in the present state ended unseen, at `at` at latest.
        """
        for call_id, earlier in before.calls.items():
            if call_id in self.calls and self.calls[call_id].known:
                if earlier.utterances:
                    self.calls[call_id].inherit(earlier)
            elif earlier.known:
                self.calls[call_id] = earlier.ended_by(at) if earlier.live else earlier
        self._forget_oldest()

    def live_calls(self) -> list[Call]:
        return [call for call in self.calls.values() if call.live]

    def _call(self, call_id: str) -> Call:
        return self.calls.setdefault(call_id, Call())

    def _decide(self, at: float, decision: DecisionMade) -> Area:
        if decision.decision_id and decision.decision_id in self._decided:
            return Area.NOTHING
        if len(self.decisions) == KEPT:
            self._decided.discard(self.decisions[0].decision.decision_id)
        self._decided.add(decision.decision_id)
        self._made += 1
        self.decisions.append(Made(at, decision, self._made))
        return Area.DECISIONS

    def _change(self, at: float, change: CallChanged) -> Area:
        call = self._call(change.call_id)
        if list(call.change.coverage) != list(change.coverage):
            call.coverage_at = at
        call.change = change
        call.version += 1
        if not call.live:
            self._forget_oldest()
        return Area.CALLS

    def _find(self, at: float, raised: FindingRaised) -> Area:
        found = Raised(at, raised)
        key = (raised.call_id, raised.finding.finding_id)
        self.findings[key] = found
        _bound(self.findings)
        call = self._call(raised.call_id)
        call.findings[raised.finding.finding_id] = found
        call.version += 1
        return Area.FINDINGS | Area.CALLS

    def _suppress(self, at: float, suppression: SuppressionMade) -> Area:
        made = Suppressed(at, suppression)
        self.suppressions[suppression.suppression_id] = made
        _bound(self.suppressions)
        if suppression.call_id:
            call = self._call(suppression.call_id)
            call.suppressed = made
            call.version += 1
        return Area.SUPPRESSIONS | Area.CALLS

    def _forget_oldest(self) -> None:
        ended = [key for key, call in self.calls.items() if call.known and not call.live]
        surplus = len(ended) - KEPT_ENDED_CALLS
        if surplus > 0:
            ended.sort(key=lambda key: self.calls[key].change.ended_at)
            for key in ended[:surplus]:
                del self.calls[key]


class Watching:
    """The view on show, and the one that is arriving while a stream begins: a reconnection never
    blanks the screen."""

    def __init__(self) -> None:
        self.view = View()
        self._arriving: View | None = None

    @property
    def complete(self) -> bool:
        """What is on show has come in full, and nothing newer is on its way."""
        return self._arriving is None and self.view.live

    def begin(self) -> None:
        """A stream begins: the present state follows."""
        self._arriving = View()

    def apply(self, event: Event) -> Area:
        """Takes one event in and says what it touched of the view on show."""
        if self._arriving is None:
            return self.view.apply(event)
        self._arriving.apply(event)
        if not self._arriving.live:
            return Area.NOTHING
        before, self.view, self._arriving = self.view, self._arriving, None
        self.view.inherit(before, event.at)
        return Area.EVERYTHING


def severity_of(finding: Finding) -> str:
    """Its severity; one this console does not know counts as major, not as nothing."""
    return finding.severity if finding.severity in SEVERITIES else "major"


def _place(call: Call, now: float) -> tuple[bool, int, int, float]:
    """Live first; the worst, then the most found, then the longest."""
    if call.live:
        weight = sum(each.weight for each in call.findings.values())
        return False, -call.attention(now), -weight, call.change.started_at
    return True, 0, 0, -call.change.ended_at


def _bound(kept: dict[Any, Any]) -> None:
    for key in list(islice(kept, max(0, len(kept) - KEPT))):
        del kept[key]
