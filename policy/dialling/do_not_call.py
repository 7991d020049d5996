"""Owns the condition `suppression`: no call to somebody who does not want to be called."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from policy import scene
from policy.dialling.circumstances import Circumstances
from policy.dialling.facts import Suppression


@dataclass(frozen=True)
class DoNotCall:
    """Denies while one entry for voice covers the call's scene, provisional or certain.

    An entry dated later than the call holds too: a clock that was set back must not forget.
    """

    def denies(self, circumstances: Circumstances, at: datetime) -> bool:
        return any(self._in_force(circumstances, at))

    def lifts(self, circumstances: Circumstances, after: datetime) -> datetime | None:
        ends = [each.until for each in self._in_force(circumstances, after)]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    def _in_force(self, circumstances: Circumstances, at: datetime) -> Iterator[Suppression]:
        for entry in circumstances.facts.suppressions:
            if (
                entry.channel in ("voice", "*")
                and (entry.until is None or at < entry.until)
                and scene.covers((entry.purpose,), circumstances.request.scene)
            ):
                yield entry
