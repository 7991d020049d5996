"""Owns which seconds of a leg were not analysed, and why: spans of the call, as they are told.

Used by the recognizer, the gateway and the ledger. The one invariant: spans are disjoint and in
order, and what they say is missing adds up to what is, also where there are too many to tell apart.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

NOT_RECEIVED: Final = "not-received"
"""The cause of seconds that never came; those of every other cause were received."""
MOST_SPANS: Final = 50
"""Spans told of a leg; of more, the ones with the least between them are told as one."""
_TOUCHING_S: Final = 1e-6
_SHOWN_S: Final = 0.05


@dataclass(frozen=True)
class NotAnalysed:
    """From `start_s` to `end_s` of the call nothing was analysed but `analysed_s`, which is there
    where spans were told as one; such a one has the causes of both, joined by a plus."""

    start_s: float
    end_s: float
    cause: str
    analysed_s: float = 0.0

    @property
    def missing_s(self) -> float:
        return self.end_s - self.start_s - self.analysed_s


class Missing:
    """Spans that come one after another, kept few."""

    def __init__(self) -> None:
        self._spans: list[NotAnalysed] = []

    def add(self, start_s: float, end_s: float, cause: str) -> None:
        """Nothing where it ends before it starts."""
        if end_s - start_s <= _TOUCHING_S:
            return
        last = self._spans[-1] if self._spans else None
        if last and last.cause == cause and abs(start_s - last.end_s) <= _TOUCHING_S:
            self._spans[-1] = replace(last, end_s=end_s)
            return
        self._spans.append(NotAnalysed(start_s, end_s, cause))
        if len(self._spans) > 2 * MOST_SPANS:
            self._spans = list(coalesced(self._spans))

    def extend(self, spans: Iterable[NotAnalysed]) -> None:
        self._spans = [*self._spans, *spans]

    @property
    def spans(self) -> tuple[NotAnalysed, ...]:
        return tuple(self._spans)


def clipped(spans: Iterable[NotAnalysed], start_s: float, end_s: float) -> tuple[NotAnalysed, ...]:
    """Their parts between two seconds. What was analysed within one is taken as spread evenly."""
    parts = []
    for each in spans:
        first_s, last_s = max(each.start_s, start_s), min(each.end_s, end_s)
        if last_s - first_s > _TOUCHING_S:
            share = (last_s - first_s) / (each.end_s - each.start_s)
            parts.append(NotAnalysed(first_s, last_s, each.cause, each.analysed_s * share))
    return tuple(parts)


def coalesced(spans: Iterable[NotAnalysed], most: int = MOST_SPANS) -> tuple[NotAnalysed, ...]:
    """In order, neighbours of one cause as one; where they are more than `most`, those with the
    least between them too, if it can be of one cause. What overlaps counts once."""
    told: list[NotAnalysed] = []
    for each in sorted(spans, key=lambda each: (each.start_s, each.end_s)):
        (fresh,) = clipped([each], told[-1].end_s if told else 0.0, each.end_s) or (None,)
        if fresh is None:
            continue
        last = told[-1] if told else None
        if last and last.cause == fresh.cause and fresh.start_s - last.end_s <= _TOUCHING_S:
            told[-1] = _joined(last, fresh)
        else:
            told.append(fresh)
    while len(told) > most:
        at = min(range(len(told) - 1), key=lambda at: _apart(told[at], told[at + 1]))
        told[at : at + 2] = [_joined(told[at], told[at + 1])]
    return tuple(told)


def _apart(one: NotAnalysed, other: NotAnalysed) -> tuple[bool, float]:
    return one.cause != other.cause, other.start_s - one.end_s


def _joined(one: NotAnalysed, other: NotAnalysed) -> NotAnalysed:
    causes = sorted({*one.cause.split("+"), *other.cause.split("+")})
    between_s = other.start_s - one.end_s
    between_s = between_s if between_s > _TOUCHING_S else 0.0
    analysed_s = one.analysed_s + other.analysed_s + between_s
    return NotAnalysed(one.start_s, other.end_s, "+".join(causes), analysed_s)


def written(spans: Iterable[NotAnalysed]) -> str:
    """`12.4-15.0 worker-lost; 20.0-31.2 overload (4.1 analysed)`, in seconds of the call."""
    return "; ".join(
        f"{each.start_s:.1f}-{each.end_s:.1f} {each.cause}"
        + (f" ({each.analysed_s:.1f} analysed)" if each.analysed_s >= _SHOWN_S else "")
        for each in spans
    )
