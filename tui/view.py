"""Owns what the console knows: the state reduced from the events of the oversight stream.

Called by the app with each event, read by every widget. Pure: no clock, no I/O, so the same events
give the same screen live and in tests.
"""

from collections import deque
from dataclasses import dataclass
from enum import Flag, auto
from itertools import islice
from typing import Any

from callwarden.v1.oversight_pb2 import (
    STANDING_UNSPECIFIED,
    ActDone,
    AlertChanged,
    BypassFound,
    CallChanged,
    DecisionMade,
    Event,
    FindingRaised,
    HealthChanged,
    HealthStatus,
    SuppressionMade,
)
from tui.call import SEVERITIES, Call, Raised, Suppressed

KEPT = 500
"""Decisions, findings and suppressions kept of each; older ones are in the ledger."""
KEPT_ENDED_CALLS = 100


class Area(Flag):
    """Parts of the screen that an event touches."""

    NOTHING = 0
    CALLS = auto()
    DECISIONS = auto()
    FINDINGS = auto()
    SUPPRESSIONS = auto()
    HEALTH = auto()
    ALERTS = auto()
    EVERYTHING = CALLS | DECISIONS | FINDINGS | SUPPRESSIONS | HEALTH | ALERTS


@dataclass(frozen=True)
class Made:
    """A decision and when it fell, in seconds since 1970-01-01 UTC."""

    at: float
    decision: DecisionMade
    number: int
    """Counts up in this view: a decision the ledger could not take has no id of its own."""


@dataclass(frozen=True)
class WentRound:
    """A call that reached a trunk without a decision, and when."""

    at: float
    bypass: BypassFound


@dataclass(frozen=True)
class Alerted:
    """An alert as it stands, when it was raised first, and when it was told last."""

    at: float
    last_at: float
    alert: AlertChanged

    @property
    def open(self) -> bool:
        """Nobody has acknowledged it."""
        return not self.alert.acknowledged_at


@dataclass(frozen=True)
class Condition:
    """How a recognizer is, and since when it is so as far as this console saw."""

    since: float
    status: HealthStatus.ValueType


class View:
    """Everything on the screen, from the present state onwards."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.decisions: deque[Made] = deque(maxlen=KEPT)
        self.findings: dict[tuple[str, str], Raised] = {}
        self.suppressions: dict[str, Suppressed] = {}
        self.bypasses: dict[str, WentRound] = {}
        self.alerts: dict[str, Alerted] = {}
        self.conditions: dict[str, Condition] = {}
        """Of the recognizers, by their addresses."""
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
        return self._take(event) if self._follows(event) else Area.NOTHING

    def _take(self, event: Event) -> Area:
        at, touched = event.at, Area.NOTHING
        match event.WhichOneof("payload"):
            case "decision":
                touched = self._decide(at, event.decision)
            case "call":
                touched = self._change(at, event.call)
            case "utterance":
                told_at = at if self.live else None
                self._call(event.utterance.call_id).hear(event.utterance.utterance, told_at)
                touched = Area.CALLS
            case "duty":
                self._call(event.duty.call_id).owe(event.duty.duties)
                touched = Area.CALLS
            case "finding":
                touched = self._find(at, event.finding)
            case "suppression":
                touched = self._suppress(at, event.suppression)
            case "bypass":
                self.bypasses[event.bypass.bypass_id] = WentRound(at, event.bypass)
                _bound(self.bypasses)
                touched = Area.HEALTH
            case "health":
                touched = self._be(at, event.health)
            case "alert":
                touched = self._alert(at, event.alert)
            case "act":
                touched = self._judge(event.act)
        return touched

    def _follows(self, event: Event) -> bool:
        """Whether it was not seen before; what was lost before it is counted."""
        if self.live:
            if self._sequence is not None:
                if event.sequence <= self._sequence:
                    return False
                self.missed += event.sequence - self._sequence - 1
            self._sequence = event.sequence
        return True

    def shown_calls(self, now: float) -> list[Call]:
        """Live calls, on top what needs a person and nobody has taken note of, longest first; then
        ended ones, latest first."""
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
        call.change_mark()
        if not call.live:
            self._forget_oldest()
        return Area.CALLS

    def _be(self, at: float, health: HealthChanged) -> Area:
        self.health = health
        before, self.conditions = self.conditions, {}
        for each in health.recognizers:
            known = before.get(each.address)
            same = known is not None and known.status == each.status
            self.conditions[each.address] = known if known and same else Condition(at, each.status)
        return Area.HEALTH

    def _alert(self, at: float, alert: AlertChanged) -> Area:
        known = self.alerts.get(alert.alert_id)
        self.alerts[alert.alert_id] = Alerted(known.at if known else at, at, alert)
        _bound(self.alerts)
        call = self.calls.get(alert.call_id)
        if call is not None:
            call.acknowledge(alert.acknowledged_at)
        return Area.ALERTS | Area.CALLS

    def open_alerts(self) -> list[Alerted]:
        """Those nobody acknowledged, the worst first, then the newest."""
        return sorted(
            (each for each in self.alerts.values() if each.open),
            key=lambda each: (-SEVERITIES.index(alert_severity(each.alert)), -each.last_at),
        )

    def _find(self, at: float, raised: FindingRaised) -> Area:
        found = Raised(at, raised)
        key = (raised.call_id, raised.finding.finding_id)
        self.findings[key] = found
        _bound(self.findings)
        call = self._call(raised.call_id)
        call.findings[raised.finding.finding_id] = found
        call.change_mark()
        return Area.FINDINGS | Area.CALLS

    def _judge(self, act: ActDone) -> Area:
        """A person judged a finding."""
        if act.standing == STANDING_UNSPECIFIED:
            return Area.NOTHING
        call = self._call(act.call_id)
        call.judge(act.finding_id, act.standing)
        if act.finding_id in call.findings:
            self.findings[act.call_id, act.finding_id] = call.findings[act.finding_id]
        return Area.FINDINGS | Area.CALLS

    def _suppress(self, at: float, suppression: SuppressionMade) -> Area:
        made = Suppressed(at, suppression)
        self.suppressions[suppression.suppression_id] = made
        _bound(self.suppressions)
        if suppression.call_id:
            call = self._call(suppression.call_id)
            call.suppressed = made
            call.change_mark()
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


def alert_severity(alert: AlertChanged) -> str:
    """Its severity; one this console does not know counts as major."""
    return alert.severity if alert.severity in SEVERITIES else "major"


def _place(call: Call, now: float) -> tuple[bool, int, int, int, float]:
    """Live first; the worst that nobody has taken note of, the worst, the most found, the
    longest."""
    if call.live:
        new, worst, whole = call.weights(now)
        return False, -new, -worst, -whole, call.change.answered_at or call.change.started_at
    return True, 0, 0, 0, -call.change.ended_at


def _bound(kept: dict[Any, Any]) -> None:
    for key in list(islice(kept, max(0, len(kept) - KEPT))):
        del kept[key]
