"""Owns which sayings of a call are in doubt, what is to be listened to again, and what came of it.

Called by the watches of what is said, and by the conversation. Invariant: a saying is asked about
once, however many rules it matters to; without an answer the words stand as they were heard.
"""

import re
from collections.abc import Mapping
from enum import Enum

from policy.speech import sound
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.hearing import Hearing, Saying
from policy.speech.rulebook import Pattern, plain_name

_MARGIN_S = 0.5
"""Audio before and after the words that is listened to as well."""
_LEAST_SYLLABLES = 2
"""The spotter hears less than half of what is shorter."""
_NOT_SPELLED = re.compile(r"…\d*|\{[a-z_]+\}")


class Verdict(Enum):
    AS_HEARD = "as heard"
    OPEN = "open"
    SAID = "said"
    NOT_SAID = "not said"


class Doubts:
    def __init__(self, patterns: Mapping[str, Pattern]) -> None:
        self._patterns = patterns
        self._open: dict[str, tuple[Pattern, Saying]] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._unasked: list[Doubt] = []
        self._over = False

    def about(self, saying: Saying, hearing: Hearing) -> str:
        """The id of the doubt about a saying; empty when it stands as it was heard."""
        pattern = self._patterns[saying.pattern]
        looked = pattern.second_look
        near = saying.confidence < pattern.certain_from
        phrases = (*looked.heard, *looked.instead) if looked else _spelled(saying.spelled)
        if not (looked or near) or not phrases or self._over:
            return ""
        start_s, end_s = hearing.syllables[saying.first].start_s, hearing.end_s(saying.last)
        name = plain_name(saying.pattern)
        doubt_id = f"{name}/{saying.leg.value}/{round(start_s * 1000)}-{round(end_s * 1000)}"
        if doubt_id not in self._verdicts and doubt_id not in self._open:
            self._open[doubt_id] = pattern, saying
            window = max(0.0, start_s - _MARGIN_S), end_s + _MARGIN_S
            thresholds = tuple(looked.thresholds.items()) if looked else ()
            self._unasked.append(Doubt(doubt_id, saying.leg, *window, phrases, thresholds))
        return doubt_id

    def verdict(self, doubt_id: str) -> Verdict:
        if doubt_id in self._open:
            return Verdict.AS_HEARD if self._over else Verdict.OPEN
        return self._verdicts.get(doubt_id, Verdict.AS_HEARD)

    def unasked(self) -> list[Doubt]:
        """Those that came up since it was last asked."""
        unasked, self._unasked = self._unasked, []
        return unasked

    def answer(self, look: SecondLook) -> bool:
        """Takes an answer; False when nobody waits for it."""
        asked = self._open.pop(look.doubt_id, None)
        if asked is None:
            return False
        self._verdicts[look.doubt_id] = _verdict(look, *asked)
        return True

    def close(self) -> None:
        """No answer comes any more: the words stand as they were heard."""
        self._over = True


def _verdict(look: SecondLook, pattern: Pattern, saying: Saying) -> Verdict:
    asked = pattern.second_look
    if not look.looked:
        return Verdict.AS_HEARD
    if asked is not None and look.heard in asked.instead:
        return Verdict.NOT_SAID
    if look.heard:
        return Verdict.AS_HEARD if saying.doubtful else Verdict.SAID
    near = saying.confidence < pattern.certain_from
    return Verdict.NOT_SAID if near else Verdict.AS_HEARD


def _spelled(spelled: str) -> tuple[str, ...]:
    """The longest stretch of a phrase that is said at one go; none that is too short to hear."""
    longest = max(_NOT_SPELLED.split(spelled), key=len)
    characters = sum(sound.is_character(mark) for mark in longest)
    return (longest,) if characters == len(longest) >= _LEAST_SYLLABLES else ()
