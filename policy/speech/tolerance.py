"""Owns how closely a phrase must be heard to count as said.

Called where phrases are compiled and where they are found. Invariant: what a tolerance lets through
depends on how the phrase's syllables were heard, never on what was said around it.
"""

from enum import Enum


class Tolerance(Enum):
    """How closely a phrase must be heard. A syllable may be blurred (of the same class of sounds),
    close, or only near (`sound`); a pause that breaks a phrase counts as one that is near.

    USUAL: from three syllables on they may be blurred or close (坐牢 is not to be heard in zhuo
    lao), at most one of three close; from five on one of every four may be near (别再骚扰我 is
    heard in bie zai sao zhao wo).
    GENEROUS is for what has to be told, where a phrase missed is a false alarm: blurred from two
    syllables on, and all but four may be near (本次通话将会被录音 is heard in ben si cong hua jiang
    shui bei li yin, as it came through 10 dB of noise).
    GUARD: blurred at any length, for 不是 is short; close from three syllables on; never near.
    """

    USUAL = "usual"
    GENEROUS = "generous"
    GUARD = "guard"

    def nears(self, syllables: int) -> int:
        """How many of a phrase's syllables may be near."""
        if self is Tolerance.GENEROUS:
            return max(0, syllables - 4)
        return syllables // 4 if self is Tolerance.USUAL and syllables > 4 else 0

    def mistakes(self, syllables: int) -> int:
        """How many of a phrase's syllables may be near or close together."""
        return syllables if self is Tolerance.GENEROUS else syllables // 3

    def covers(self, syllables: int, blurred: bool, closes: int, nears: int) -> bool:
        """Whether a phrase is said of which so many syllables were heard only so, and one or more
        blurred."""
        blurred_from, close_from = _LEAST_SYLLABLES[self]
        return (
            (not blurred or syllables >= blurred_from)
            and (not closes or syllables >= close_from)
            and nears <= self.nears(syllables)
            and nears + closes <= self.mistakes(syllables)
        )


SHORTEST_CLOSE = 3
_LEAST_SYLLABLES = {
    Tolerance.USUAL: (3, SHORTEST_CLOSE),
    Tolerance.GENEROUS: (2, SHORTEST_CLOSE),
    Tolerance.GUARD: (1, SHORTEST_CLOSE),
}
