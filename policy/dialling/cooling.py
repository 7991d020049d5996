"""Owns the condition `cooling`: none for so long after a refusal, or after a conversation."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from policy.dialling.circumstances import Circumstances, Moment
from policy.dialling.counting import Key, Unit, is_this_call, shares
from policy.dialling.do_not_call import Entries
from policy.dialling.term import Term


@dataclass(frozen=True)
class AfterRefusal:
    """Denies for `term` from the beginning of each entry, whether it still stands or not; of one in
    doubt, no longer than it stands."""

    term: Term
    entries: Entries

    def denies(self, circumstances: Circumstances, at: Moment) -> bool:
        return any(at.instant < end for end in self._ends(circumstances))

    def lifts(self, circumstances: Circumstances, after: Moment) -> datetime | None:
        return max(self._ends(circumstances), default=None)

    def _ends(self, circumstances: Circumstances) -> Iterator[datetime]:
        for entry in self.entries.about(circumstances):
            end = self.term.ends(entry.since, circumstances.zones)
            yield min(end, entry.until) if entry.provisional and entry.until else end


@dataclass(frozen=True)
class AfterConversation:
    """Denies for `term` from the end of each call of that unit and key; from its reservation, where
    its end is not known."""

    term: Term
    unit: Unit
    key: Key

    def denies(self, circumstances: Circumstances, at: Moment) -> bool:
        return any(at.instant < end for end in self._ends(circumstances, at))

    def lifts(self, circumstances: Circumstances, after: Moment) -> datetime | None:
        return max(self._ends(circumstances, after), default=None)

    def _ends(self, circumstances: Circumstances, at: Moment) -> Iterator[datetime]:
        linkedid = circumstances.request.linkedid
        long_ago = at.instant - self.term.longest
        for attempt in circumstances.facts.attempts:
            ended = attempt.ended_at or attempt.reserved_at
            if (
                ended > long_ago
                and shares(attempt, self.key)
                and self.unit.counts(attempt, at.instant)
                and not is_this_call(attempt, linkedid)
            ):
                end = self.term.ends(ended, circumstances.zones)
                expires = self.unit.expires(attempt)
                yield end if expires is None else min(end, expires)
