"""Owns the two times of a leg: the engine's, which runs over what was fed, and the call's, which
also runs over what never came.

Called by `recognizer.leg_stream`. Both count samples and only go forward.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class _Stretch:
    """Audio, or silence fed in place of it, from `fed` on."""

    fed: int
    of_call: int
    received: int
    silence: bool


class Timeline:
    """Maps fed samples to samples of the call and to samples that were really received."""

    def __init__(self) -> None:
        self._stretches = [_Stretch(0, 0, 0, silence=False)]

    def gap(self, fed: int, silence: int, missing: int) -> None:
        """From `fed` on, `silence` samples stand for `missing` samples of the call."""
        at = self._stretches[-1]
        of_call, received = self.of_call(fed), self.received(fed)
        if at.fed == fed:
            self._stretches.pop()
        self._stretches += [
            _Stretch(fed, of_call, received, silence=True),
            _Stretch(fed + silence, of_call + missing, received, silence=False),
        ]

    def of_call(self, fed: int) -> int:
        """The call's sample that is the engine's `fed`."""
        at = self._at(fed)
        return at.of_call + fed - at.fed

    def fed_of(self, of_call: int) -> int:
        """The engine's sample that is the call's `of_call`; within a gap, one of its silence."""
        at = max(0, bisect_right(self._stretches, of_call, key=lambda each: each.of_call) - 1)
        fed = self._stretches[at].fed + of_call - self._stretches[at].of_call
        return min(fed, self._stretches[at + 1].fed) if at + 1 < len(self._stretches) else fed

    def received(self, fed: int) -> int:
        """How many of the first `fed` samples were received."""
        at = self._at(fed)
        return at.received if at.silence else at.received + fed - at.fed

    def received_between(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The stretches of the call, as samples, that were received and fed from `first` on until
        before `last`."""
        for at, each in enumerate(self._stretches):
            ends = self._stretches[at + 1].fed if at + 1 < len(self._stretches) else last
            begin, end = max(first, each.fed), min(last, ends)
            if begin < end and not each.silence:
                yield each.of_call + begin - each.fed, each.of_call + end - each.fed

    def _at(self, fed: int) -> _Stretch:
        return self._stretches[
            max(0, bisect_right(self._stretches, fed, key=lambda each: each.fed) - 1)
        ]
