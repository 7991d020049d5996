"""Owns what the gate's measurements have in common: questions to ask, and rounds taken in turns.

Used by the measurements of `callwarden bench gate`.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from itertools import count

from callwarden.figures import Figure
from gateway.bench.agi_caller import session


def questions() -> Iterator[bytes]:
    """Calls that the house rules allow now, each to another number, under nonces of this run."""
    from deploy.lab.numbers import open_now

    run = time.time_ns()
    for index in count():
        nonce = f"bench-{run}-{index}"
        yield session(nonce, open_now(index), "marketing.loan", "1001", "", nonce)


def ratio(
    name: str, what: Sequence[float], against: Sequence[float], *, bar: float, how: str
) -> Figure:
    """The median of the rounds' ratios: both sides of each were measured one after the other."""
    ratios = [one / other for one, other in zip(what, against, strict=True)]
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    value = statistics.median(ratios)
    return Figure(name, value, "", bar=bar, better="higher", how=f"{how}; {spread}")
