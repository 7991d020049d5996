"""Owns the decision whether a call may be placed. Called by the gate, inside the transaction that
gathers the facts, and by `callwarden check`.

Pure: the same request, facts, rulebook and instant give the same decision, live or replayed.
Emergency numbers pass; what cannot be understood is refused.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from policy.dialling import number, refusals
from policy.dialling.circumstances import Circumstances, Moment
from policy.dialling.decision import Decision, Verdict
from policy.dialling.facts import Facts
from policy.dialling.request import DialRequest
from policy.dialling.rulebook import DiallingRule, DiallingRulebook

_TRIES = 24
"""How many openings are tried for one at which every rule agrees: three weeks of daily windows.
What has not agreed by then is told as never; the search must not hold up the next call."""

_HORIZON = timedelta(days=36_525)
"""An instant further away than a century is given as never."""


def evaluate(
    request: DialRequest, facts: Facts, rulebook: DiallingRulebook, now: datetime
) -> Decision:
    """May this call be placed at `now` (aware)? Every rule against it is a reason.

    `request.number` is canonical (`policy.dialling.number.canonical`). `earliest` is the first
    instant, in UTC, at which the same facts would let the call pass: `now` itself when it is
    allowed, None when no such instant is found or the number cannot be placed. Raises ValueError
    on a `now` without a zone.
    """
    if now.tzinfo is None:
        raise ValueError("now has no zone")
    now = now.astimezone(UTC)
    if number.is_emergency(request.number, request.region):
        passes = refusals.built_in(refusals.ALWAYS_ALLOWED_EMERGENCY)
        return Decision(Verdict.ALLOW, (passes,), now, rulebook.identity)
    rules = rulebook.speaking_of(request.scene)
    circumstances = Circumstances(request, facts, _zones(request.number))
    at = Moment.of(now, circumstances.zones)
    against = [rule for rule in rules if rule.denies(circumstances, at)]
    reasons = [rule.reason for rule in against]
    if not circumstances.zones:
        known = number.is_canonical(request.number)
        first = refusals.NUMBER_ZONE_UNKNOWN if known else refusals.NUMBER_UNPARSABLE
        reasons = [refusals.built_in(first), *reasons]
        return Decision(Verdict.DENY, tuple(reasons), None, rulebook.identity)
    if not against:
        return Decision(Verdict.ALLOW, (), now, rulebook.identity)
    earliest = _earliest(rules, against, circumstances, at)
    return Decision(Verdict.DENY, tuple(reasons), earliest, rulebook.identity)


def _earliest(
    rules: Sequence[DiallingRule],
    against: Sequence[DiallingRule],
    circumstances: Circumstances,
    now: Moment,
) -> datetime | None:
    at = now
    for _ in range(_TRIES):
        lifts = [rule.lifts(circumstances, at) for rule in against]
        known = [each for each in lifts if each is not None]
        if len(known) < len(lifts):
            return None
        instant = max(known).astimezone(UTC)
        if instant - now.instant > _HORIZON:
            return None
        at = Moment.of(instant, circumstances.zones)
        against = [rule for rule in rules if rule.denies(circumstances, at)]
        if not against:
            return instant
    return None


@lru_cache(maxsize=4096)
def _zones(canonical: str) -> tuple[ZoneInfo, ...]:
    """Empty when the number is none, its zones are unknown, or this system lacks one of them."""
    if not number.is_canonical(canonical):
        return ()
    try:
        return tuple(ZoneInfo(name) for name in number.zones(canonical))
    except ZoneInfoNotFoundError:
        return ()
