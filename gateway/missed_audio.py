"""Owns which seconds of one leg nobody analysed, over all the recognizers that a call has.

Used by `listening`, one a leg. The one invariant: a second stands here once it is certain that no
recognizer will hear it, and no sooner; what waits to be sent (again) does not.
"""

from collections.abc import Sequence
from typing import Final

from gateway.kept_audio import KeptAudio, Span
from policy.speech.not_analysed import (
    NOT_RECEIVED,
    Missing,
    NotAnalysed,
    clipped,
    coalesced,
)

_TAIL_S: Final = 1.0
"""Audio lacking at the end of what came, up to which it may still come."""


class MissedAudio:
    def __init__(self) -> None:
        self._missing = Missing()
        self._gaps = Missing()
        self._gone: list[Span] = []
        """What was sent to the present recognizer and is no longer kept."""
        self._ends_s = 0.0

    def came(self, start_s: float, end_s: float) -> None:
        """Audio came for these seconds; what lies before and did not come is a gap."""
        self._gaps.add(self._ends_s, start_s, NOT_RECEIVED)
        self._ends_s = max(self._ends_s, end_s)

    def dropped(self, span: Span, cause: str, heard_until_s: float) -> None:
        """It was not sent. Up to `heard_until_s` an earlier recognizer heard the leg."""
        self._missing.add(max(span[0], heard_until_s), span[1], cause)

    def let_go(self, span: Span, told_until_s: float) -> None:
        """It was sent, and cannot be sent again. Words up to `told_until_s` have been told."""
        self._gone = [each for each in self._gone if each[1] > told_until_s]
        self._gone.append(span)

    def moves(
        self, missing: Sequence[NotAnalysed], told_s: float, again_from_s: float, cause: str
    ) -> float:
        """The recognizer is lost: it had told words up to `told_s`, without what was `missing`, and
        what follows on `again_from_s` is heard again. Seconds of `missing` among those."""
        self._missing.extend(clipped(missing, 0.0, again_from_s))
        for start_s, end_s in self._gone:
            self._missing.add(max(start_s, told_s), min(end_s, again_from_s), cause)
        self._gone.clear()
        return sum(each.missing_s for each in clipped(missing, again_from_s, told_s))

    def over(self, kept: KeptAudio, heard_until_s: float, cause: str) -> None:
        """No recognizer hears anything any more."""
        for start_s, end_s in [*self._gone, *kept.spans]:
            self._missing.add(max(start_s, heard_until_s), end_s, cause)
        self._gone.clear()

    def told(self, call_seconds: float, more: Sequence[NotAnalysed]) -> tuple[NotAnalysed, ...]:
        """Of a call that is (or was) so long; `more` is what the present recognizer misses."""
        spans = [*self._missing.spans, *more, *self._gaps.spans]
        if call_seconds - self._ends_s > _TAIL_S:
            spans.append(NotAnalysed(self._ends_s, call_seconds, NOT_RECEIVED))
        return coalesced(clipped(spans, 0.0, call_seconds))
