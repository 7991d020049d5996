"""Owns how well rules find what they should: findings held against what is known to be on a call.

Called by `rules evaluate` and `bench noise`. Pure. A finding that the truth does not list is a
false alarm, whatever it says.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from callwarden.figures import percentile
from policy.speech.finding import Finding
from policy.speech.utterance import Leg

_BEGINS_LATE_S = 3.0
"""A finding may begin this long after its turn: what follows a turn belongs to it."""
_RAISED_EARLY_S = 1.0
_Z = 1.959964
"""Of a two-sided 95 % interval."""


@dataclass(frozen=True)
class Expected:
    """A finding that a call must have: `turn_s` is when the turn begins and ends at which it
    becomes certain."""

    rule: str
    leg: Leg
    turn_s: tuple[float, float]

    def is_met_by(self, finding: Finding) -> bool:
        begins, ends = self.turn_s
        return (
            (finding.rule, finding.leg) == (self.rule, self.leg)
            and finding.start_s <= ends + _BEGINS_LATE_S
            and finding.raised_s >= begins - _RAISED_EARLY_S
        )


@dataclass(frozen=True)
class Judged:
    """A call with what is known of it and what was found. `group` is what it is counted under
    besides its rules: dialect and codec."""

    seconds: float
    group: tuple[str, str]
    expected: Sequence[Expected]
    findings: Sequence[Finding]


class Interval(NamedTuple):
    low: float
    high: float


def wilson(successes: int, trials: int) -> Interval:
    """The 95 % interval of a share by Wilson's score (E. B. Wilson, JASA 22, 1927); 0 to 1 of
    nothing."""
    if not trials:
        return Interval(0.0, 1.0)
    share, square = successes / trials, _Z * _Z
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    spread = math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    half = _Z * spread / (1 + square / trials)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


@dataclass
class Score:
    """Of one rule in one group: how often it was expected, found, and falsely raised, in how many
    seconds of calls; `delays_s`: from the end of the deciding words to the finding, in audio."""

    expected: int = 0
    found: int = 0
    false_alarms: int = 0
    seconds: float = 0.0
    delays_s: list[float] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Share of what was expected that was found; 1 where nothing was."""
        return self.found / self.expected if self.expected else 1.0

    @property
    def recall_interval(self) -> Interval:
        return wilson(self.found, self.expected)

    @property
    def precision(self) -> float:
        """Share of the findings that were expected; 1 where there are none."""
        raised = self.found + self.false_alarms
        return self.found / raised if raised else 1.0

    @property
    def precision_interval(self) -> Interval:
        return wilson(self.found, self.found + self.false_alarms)

    @property
    def false_alarms_an_hour(self) -> float:
        return self.false_alarms * 3600 / self.seconds if self.seconds else 0.0

    @property
    def delay_median_s(self) -> float:
        return statistics.median(self.delays_s) if self.delays_s else 0.0

    @property
    def delay_p95_s(self) -> float:
        return percentile(self.delays_s, 0.95)

    def add(self, other: "Score") -> None:
        """Counts the other's besides; the calls are the same, so the seconds stay."""
        self.expected += other.expected
        self.found += other.found
        self.false_alarms += other.false_alarms
        self.delays_s += other.delays_s


Key = tuple[str, str, str]
"""Rule, dialect, codec."""


def scores(calls: Iterable[Judged], rules: Sequence[str]) -> dict[Key, Score]:
    """By rule, dialect and codec, sorted; every one of `rules` is there for each group of calls,
    and so is whatever else was expected."""
    by_key: dict[Key, Score] = defaultdict(Score)
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    for call in calls:
        seconds[call.group] += call.seconds
        _count(call, by_key)
    for group, length_s in seconds.items():
        for rule in {*rules, *(rule for rule, *of in by_key if tuple(of) == group)}:
            by_key[rule, *group].seconds = length_s
    return dict(sorted(by_key.items()))


def total(by_key: dict[Key, Score]) -> Score:
    """All rules of all groups together."""
    summed = Score()
    groups = {tuple(group): score.seconds for (_, *group), score in by_key.items()}
    summed.seconds = sum(groups.values())
    for score in by_key.values():
        summed.add(score)
    return summed


def _count(call: Judged, by_key: dict[Key, Score]) -> None:
    """Each expected finding takes the first one that meets it; what is left is false."""
    left = sorted(call.findings, key=lambda each: (each.start_s, each.raised_s))
    for expected in sorted(call.expected, key=lambda each: each.turn_s):
        score = by_key[expected.rule, *call.group]
        score.expected += 1
        met = next((each for each in left if expected.is_met_by(each)), None)
        if met is not None:
            left.remove(met)
            score.found += 1
            score.delays_s.append(max(0.0, met.raised_s - met.end_s))
    for finding in left:
        by_key[finding.rule, *call.group].false_alarms += 1
