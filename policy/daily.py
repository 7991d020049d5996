"""Owns the figures of a day: what was asked, placed, heard, found and judged, each whole the sum of
its parts.

Called by `callwarden report`. Pure. The one invariant: every decision is in exactly one class of
calls, every second of talk of each leg is analysed or has a cause, every finding that was not
withdrawn stands in exactly one way; nothing is left out because it is not known.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from policy.identity import Title
from policy.ledger.accounts import CallAccount, DayCounts, JudgedFinding
from policy.ledger.acts import Standing
from policy.speech.utterance import Leg

TOLERANCE_S: Final = 2.0
"""Seconds of a leg that may be missing from a call that was analysed in full: the fork of the audio
takes a moment."""
NO_ACCOUNT: Final = "no-account"
"""Cause of what is not analysed on a leg of which the ledger has no coverage."""
UNEXPLAINED: Final = "unexplained"
OPEN: Final = "open"
"""How a finding stands that nobody has reviewed."""
STANDINGS: Final = (*(each.value for each in Standing), OPEN)

IN_FULL, IN_PART, NOT_AT_ALL = "in-full", "in-part", "not-at-all"
REFUSED, UNSETTLED, BYPASSED = "refused", "unsettled", "bypassed"
CLASSES: Final = (IN_FULL, IN_PART, NOT_AT_ALL, "not-answered", UNSETTLED, BYPASSED, REFUSED)
"""What became of a call that was asked for or placed, each of one class. `unsettled`: nobody saw
its end; `bypassed`: it went round the gate, and nothing of it was heard."""


@dataclass
class Judged:
    """Findings of one rule, agent or team, by how they stand. Only those that were upheld count
    against anybody."""

    counts: Counter[str] = field(default_factory=Counter)
    title: Title | None = None
    severity: str = ""

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def precision(self) -> float | None:
        """Share of the findings that people upheld among those they upheld or dismissed; None where
        they have not judged any."""
        upheld, dismissed = (self.counts[each] for each in ("upheld", "dismissed"))
        return upheld / (upheld + dismissed) if upheld + dismissed else None


@dataclass
class Day:
    """The figures. `refused_by` tells each refusal by the first of its reasons, `reasons` how often
    each was among them; seconds are of both legs of answered calls."""

    calls: Counter[str] = field(default_factory=Counter)
    not_answered: Counter[str] = field(default_factory=Counter)
    refused_by: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    talk_s: float = 0.0
    analysed_s: float = 0.0
    missing_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    by_rule: defaultdict[str, Judged] = field(default_factory=lambda: defaultdict(Judged))
    by_agent: defaultdict[str, Judged] = field(default_factory=lambda: defaultdict(Judged))
    by_team: defaultdict[str, Judged] = field(default_factory=lambda: defaultdict(Judged))
    withdrawn: int = 0
    counts: DayCounts = field(default_factory=lambda: DayCounts(0, 0, {}, 0, 0, {}))

    @property
    def asked_or_placed(self) -> int:
        return sum(self.calls.values())

    @property
    def violations(self) -> int:
        return sum(each.total for each in self.by_rule.values())

    @property
    def adds_up(self) -> bool:
        """Whether each whole is the sum of its parts, to the millisecond."""
        missing_s = sum(self.missing_s.values())
        by = (self.by_rule, self.by_agent, self.by_team)
        found = {sum(each.total for each in judged.values()) for judged in by if judged}
        return (
            abs(self.talk_s - self.analysed_s - missing_s) < 1e-3 * max(1, self.asked_or_placed)
            and sum(self.not_answered.values()) == self.calls["not-answered"]
            and sum(self.refused_by.values()) == self.calls[REFUSED]
            and len(found) <= 1
        )


def day(
    accounts: Iterable[CallAccount],
    findings: Iterable[JudgedFinding],
    counts: DayCounts,
    team_of: Callable[[str], str] | None,
) -> Day:
    """The figures of these decisions, findings and other counts; `team_of` tells an agent's team
    (empty: none), None where the site has no teams."""
    made = Day(counts=counts)
    for each in accounts:
        _add_call(made, each)
    if counts.bypasses:
        made.calls[BYPASSED] = counts.bypasses
    for found in findings:
        if found.withdrawn:
            made.withdrawn += 1
            continue
        standing = found.standing.value if found.standing else OPEN
        by_rule = made.by_rule[found.rule]
        by_rule.title, by_rule.severity = found.title, found.severity
        by_rule.counts[standing] += 1
        made.by_agent[found.agent].counts[standing] += 1
        if team_of is not None:
            made.by_team[team_of(found.agent)].counts[standing] += 1
    return made


def _add_call(made: Day, account: CallAccount) -> None:
    if not account.allowed:
        made.calls[REFUSED] += 1
        made.refused_by[account.rules[0] if account.rules else UNEXPLAINED] += 1
        made.reasons.update(account.rules)
        return
    if account.legs or (account.end and account.end.connected):
        made.calls[_heard(made, account)] += 1
    elif account.end is None:
        made.calls[UNSETTLED] += 1
    else:
        made.calls["not-answered"] += 1
        made.not_answered[account.end.disposition] += 1


def _heard(made: Day, account: CallAccount) -> str:
    """Adds up the seconds of an answered call and says how much of it was heard."""
    known = {each.leg: each for each in account.legs}
    longest_s = max(
        [each.call_seconds for each in account.legs] + [account.end.talk_s if account.end else 0.0]
    )
    analysed_s, most_missing_s = 0.0, 0.0
    for leg in Leg:
        heard = known.get(leg)
        talk_s = longest_s if heard is None else heard.call_seconds
        leg_s = min(talk_s, heard.analysed_s) if heard else 0.0
        made.talk_s += talk_s
        made.analysed_s += leg_s
        analysed_s += leg_s
        if missing_s := talk_s - leg_s:
            made.missing_s[_cause(heard.causes if heard else (NO_ACCOUNT,))] += missing_s
            most_missing_s = max(most_missing_s, missing_s)
    if most_missing_s <= TOLERANCE_S:
        return IN_FULL
    return IN_PART if analysed_s else NOT_AT_ALL


def _cause(causes: tuple[str, ...]) -> str:
    """Several causes of one leg are one cause of its seconds: nobody knows which took which."""
    return " + ".join(causes) or UNEXPLAINED


def shares(parts: Mapping[str, float]) -> dict[str, float]:
    """Each part's share of the whole in percent, to one place, that add up to 100 (Hamilton's
    method: the largest remainders are rounded up). Zeros of nothing."""
    whole = sum(parts.values())
    if not whole:
        return dict.fromkeys(parts, 0.0)
    exact = {name: part / whole * 1000 for name, part in parts.items()}
    floors = {name: int(each) for name, each in exact.items()}
    left = 1000 - sum(floors.values())
    for name in sorted(exact, key=lambda each: exact[each] - floors[each], reverse=True)[:left]:
        floors[name] += 1
    return {name: each / 10 for name, each in floors.items()}
