"""Owns one time that an event happened, with what shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from policy.speech.utterance import Leg


@dataclass(frozen=True, eq=False)
class Occurrence:
    """`leg` did it, None when nobody did (the call ended); it lasted from `start_s` to `end_s`, and
    had happened at `at_s` (seconds since the start of the call's audio), by which occurrences are
    ordered. Its words are the leg's syllables `first` to `last`; None where it has no words.
    """

    leg: Leg | None
    start_s: float
    end_s: float
    at_s: float
    certain: bool
    confidence: float = 1.0
    spelled: str = ""
    """What matched, for a reader: the phrase as it is written, or the figure that was exceeded."""
    pattern: str = ""
    first: int | None = None
    last: int | None = None
    values: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def order(self) -> tuple[float, int, float, str, str]:
        leg = self.leg.value if self.leg else ""
        return self.at_s, self.last or 0, self.start_s, leg, self.pattern

    @property
    def key(self) -> tuple[object, ...]:
        """The same for one saying in doubt and when it is settled."""
        return self.leg, self.first, self.last, self.pattern, self.at_s
