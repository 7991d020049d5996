"""Owns the condition `party`: who may be called at all; somebody else about the debtor only while
the debtor himself cannot be reached, and never once such a person refused.
"""

from dataclasses import dataclass
from datetime import datetime

from policy.dialling.circumstances import Circumstances, Moment
from policy.dialling.counting import Unit, Within, calls_before, leaving, recent
from policy.dialling.do_not_call import Entries, is_unfounded
from policy.dialling.facts import Attempt
from policy.dialling.request import Party

_HIM: tuple[Party, ...] = ("debtor", "customer")
_PERHAPS_HIM: tuple[Party, ...] = (*_HIM, "unknown")
_REFUSALS = Entries()


@dataclass(frozen=True)
class Unreachable:
    """The debtor cannot be reached: of the calls about the same debt `within` so long, at least
    `unsuccessful` went to him unanswered, and none to him, or to nobody knows whom, was connected.
    A call that is not settled may have been connected, as `connected` says."""

    unsuccessful: int
    within: Within
    connected: Unit

    def in_vain(self, circumstances: Circumstances, at: Moment) -> bool:
        """In every zone the called party may be in."""
        attempts = [each for each in circumstances.facts.attempts if each.same_debt]
        return all(
            self._in_vain([each for each in attempts if each.reserved_at >= since], at.instant)
            for since in self.within.since(at, circumstances.zones)
        )

    def turns(self, circumstances: Circumstances, after: Moment) -> list[datetime]:
        """Instants after `after` at which the answer may change."""
        zones = circumstances.zones
        near = recent(circumstances.facts.attempts, self.within, after, zones)
        attempts = [each for each in near if each.same_debt]
        return leaving(attempts, self.within, self.connected, zones, after.instant)

    def _in_vain(self, attempts: list[Attempt], at: datetime) -> bool:
        if any(each.party in _PERHAPS_HIM and self.connected.counts(each, at) for each in attempts):
            return False
        unanswered = [each for each in attempts if each.party in _HIM and each.connected is False]
        return calls_before(unanswered, "") >= self.unsuccessful


@dataclass(frozen=True)
class CalledParty:
    """Denies a call to a party that is none of `may_be`; a call to a third party also where it is
    allowed `when` the debtor is unreachable and he is not, or where a do-not-call entry tells that
    the person called, or another in his place, refused: then whether or not the entry has ended,
    unless it was in doubt."""

    may_be: frozenset[Party]
    when: Unreachable | None = None

    def denies(self, circumstances: Circumstances, at: Moment) -> bool:
        party = circumstances.request.party
        if party in self.may_be:
            return False
        if party != "third-party" or self.when is None:
            return True
        refused = any(
            not is_unfounded(entry, at.instant) for entry in _REFUSALS.about(circumstances)
        )
        return refused or not self.when.in_vain(circumstances, at)

    def lifts(self, circumstances: Circumstances, after: Moment) -> datetime | None:
        if circumstances.request.party != "third-party" or self.when is None:
            return None
        entries = circumstances.facts.suppressions
        doubts_end = [each.until for each in entries if each.provisional and each.until is not None]
        turns = [*self.when.turns(circumstances, after), *doubts_end]
        zones = circumstances.zones
        return next(
            (
                instant
                for instant in sorted(each for each in turns if each > after.instant)
                if not self.denies(circumstances, Moment.of(instant, zones))
            ),
            None,
        )
