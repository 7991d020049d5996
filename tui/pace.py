"""Owns how a call is spoken: who had how much of the word, where nobody spoke, since when nobody
does.

Called by the one call's widgets. Pure. Invariant: it counts what was heard; a leg that is not heard
has no share, and its silence is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from callwarden.v1.conversation_pb2 import LEG_AGENT, LEG_CUSTOMER, Utterance

DEAD_AIR_S = 8.0
"""Silence of a live call from which it is pointed out."""
_SILENCE_S = 1.5
"""Pauses below this are breath."""


@dataclass(frozen=True)
class Pace:
    """Seconds of the call's audio. `longest_s` is the longest silence between two words, which
    began at `longest_at_s`; `until_s` is when the last word heard ended."""

    agent_s: float = 0.0
    customer_s: float = 0.0
    longest_s: float = 0.0
    longest_at_s: float = 0.0
    silences: int = 0
    until_s: float = 0.0

    @property
    def agent_share(self) -> float | None:
        """Of what both said, 0 to 1; None while nobody has spoken."""
        said_s = self.agent_s + self.customer_s
        return self.agent_s / said_s if said_s else None


def pace(utterances: Iterable[Utterance]) -> Pace:
    """Of all that was heard so far, partial words included."""
    said_s = {LEG_AGENT: 0.0, LEG_CUSTOMER: 0.0}
    longest_s = longest_at_s = until_s = 0.0
    silences = 0
    for each in sorted(utterances, key=lambda one: one.start_s):
        said_s[each.leg] = said_s.get(each.leg, 0.0) + max(0.0, each.end_s - each.start_s)
        silent_s = each.start_s - until_s
        if until_s and silent_s >= _SILENCE_S:
            silences += 1
            if silent_s > longest_s:
                longest_s, longest_at_s = silent_s, until_s
        until_s = max(until_s, each.end_s)
    return Pace(said_s[LEG_AGENT], said_s[LEG_CUSTOMER], longest_s, longest_at_s, silences, until_s)
