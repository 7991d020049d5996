"""Owns the condition `suppression`: no call to somebody who does not want to be called; and which
do-not-call entries speak of a call at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from policy import scene
from policy.dialling.circumstances import Circumstances, Moment
from policy.dialling.facts import Suppression
from policy.dialling.term import Term

VOICE = frozenset({"voice"})


@dataclass(frozen=True)
class Entries:
    """Which do-not-call entries are meant: of these channels (an entry for every channel is always
    one of them), sources and lists; None: of any. Provisional ones are meant like certain ones."""

    channels: frozenset[str] = VOICE
    sources: frozenset[str] | None = None
    lists: frozenset[str] | None = None
    except_lists: frozenset[str] = frozenset()

    def about(self, circumstances: Circumstances) -> Iterator[Suppression]:
        """Those of the called party's that cover the call's scene, whether they ended or not.

        An entry dated later than the call is among them: a clock that was set back must not
        forget.
        """
        for entry in circumstances.facts.suppressions:
            if (
                (entry.channel == "*" or entry.channel in self.channels)
                and (self.sources is None or entry.source in self.sources)
                and (self.lists is None or entry.list_name in self.lists)
                and entry.list_name not in self.except_lists
                and scene.covers((entry.purpose,), circumstances.request.scene)
            ):
                yield entry


def is_unfounded(entry: Suppression, at: datetime) -> bool:
    """Whether the entry was in doubt and has ended: then nothing more follows from it. One that is
    certain leaves its mark (a minimum term, a consent withdrawn) also after it ended."""
    return entry.provisional and entry.until is not None and entry.until <= at


@dataclass(frozen=True)
class DoNotCall:
    """Denies while one of the entries stands: each that is certain for `at_least` from its
    beginning, however early it ends."""

    entries: Entries = Entries()
    at_least: Term | None = None

    def denies(self, circumstances: Circumstances, at: Moment) -> bool:
        return any(
            (end := self._ends(entry, circumstances)) is None or at.instant < end
            for entry in self.entries.about(circumstances)
        )

    def lifts(self, circumstances: Circumstances, after: Moment) -> datetime | None:
        ends = [self._ends(entry, circumstances) for entry in self.entries.about(circumstances)]
        known = [end for end in ends if end is not None]
        return max(known) if len(known) == len(ends) else None

    def _ends(self, entry: Suppression, circumstances: Circumstances) -> datetime | None:
        if entry.until is None or self.at_least is None or entry.provisional:
            return entry.until
        return max(entry.until, self.at_least.ends(entry.since, circumstances.zones))
