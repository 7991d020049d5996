"""Owns watching what the legs say: patterns said, turns taken without them, openings without them.

Invariant: a saying in doubt holds back those after it until the second look is answered, so that it
does not matter when the answer comes.
"""

import math
from bisect import insort
from collections.abc import Iterator
from dataclasses import replace

from policy.speech.doubts import Doubts, Verdict
from policy.speech.event import Said, Speaks, Unopened
from policy.speech.hearing import PHRASE_PAUSE_S, SYLLABLE_S, Hearing, Saying
from policy.speech.watching.occurrence import Occurrence
from policy.speech.watching.timeline import Timeline
from policy.speech.watching.watch import Watch

_SLACK_SPEECH_S = 3.0
"""Speech that a phrase begun within the first seconds may still need to be complete."""
_SENTENCE_PAUSE_S = 0.8
_TURN_PAUSE_S = PHRASE_PAUSE_S
"""From one syllable's beginning to the next one's: a longer way and the leg has had its turn."""


class SaidWatch(Watch):
    def __init__(self, event: Said, timeline: Timeline, doubts: Doubts) -> None:
        super().__init__(event, timeline)
        self._said, self._doubts = event, doubts
        self._queue: list[tuple[Occurrence, str]] = []
        self._hearings = [timeline.hearings[leg] for leg in event.legs]

    def take(self, saying: Saying) -> None:
        """A saying of one of its patterns by one of its legs."""
        hearing = self.timeline.hearings[saying.leg]
        occurrence = Occurrence(
            leg=saying.leg,
            start_s=hearing.syllables[saying.first].start_s,
            end_s=hearing.end_s(saying.last),
            at_s=hearing.syllables[saying.last].start_s,
            certain=saying.certain,
            confidence=saying.confidence,
            spelled=saying.spelled,
            pattern=saying.pattern,
            first=saying.first,
            last=saying.last,
            values=saying.values,
        )
        doubt = self._doubts.about(saying, hearing)
        insort(self._queue, (occurrence, doubt), key=lambda each: each[0].order)

    @property
    def waiting(self) -> bool:
        return bool(self._queue)

    def settled_s(self) -> float:
        if self.timeline.ended and not self._queue:
            return math.inf
        known_s = min(each.settled_s(self._said.patterns) for each in self._hearings)
        return min(known_s, self._queue[0][0].at_s) if self._queue else known_s

    def work(self) -> None:
        while self._queue:
            occurrence, doubt = self._queue[0]
            if not (self.timeline.ended or self._is_next(occurrence)):
                return
            verdict = self._doubts.verdict(doubt)
            if verdict is Verdict.OPEN:
                return
            self._queue.pop(0)
            if verdict is Verdict.SAID:
                occurrence = replace(occurrence, certain=True)
            if verdict is not Verdict.NOT_SAID:
                self.occurrences.append(occurrence)

    def _is_next(self, occurrence: Occurrence) -> bool:
        """Whether nothing can come any more that was said before it."""
        patterns, last = self._said.patterns, occurrence.last or 0
        return not any(
            hearing.waits_for(patterns, last)
            if hearing.leg is occurrence.leg
            else hearing.settled_s(patterns) <= occurrence.at_s
            for hearing in self._hearings
        )

    def in_doubt(self) -> Iterator[Occurrence]:
        for occurrence, doubt in self._queue:
            if self._doubts.verdict(doubt) is Verdict.OPEN:
                yield replace(occurrence, certain=False)


class SpeaksWatch(Watch):
    """A leg's turn is over when it has been silent for a while."""

    def __init__(self, event: Speaks, timeline: Timeline, without: list[Watch]) -> None:
        super().__init__(event, timeline)
        self._without, self._least = without, event.at_least_syllables
        self._hearing = timeline.hearings[event.leg]
        self._first = 0
        self._last = -1
        """The latest syllable that was looked at."""

    @property
    def waiting(self) -> bool:
        return self._first < len(self._hearing.syllables)

    def settled_s(self) -> float:
        syllables = self._hearing.syllables
        if self._first < len(syllables):
            return syllables[self._first].start_s
        return math.inf if self.timeline.ended else self._hearing.analysed_s

    def work(self) -> None:
        syllables = self._hearing.syllables
        while self._first < len(syllables):
            last = max(self._last, self._first)
            while (
                last + 1 < len(syllables)
                and syllables[last + 1].start_s - syllables[last].start_s <= _TURN_PAUSE_S
            ):
                last += 1
            self._last = last
            silent_until_s = syllables[last].start_s + _TURN_PAUSE_S
            over = last + 1 < len(syllables) or self._hearing.analysed_s > silent_until_s
            if not (over or self.timeline.ended):
                return
            start_s, at_s = syllables[self._first].start_s, syllables[last].start_s
            if not all(each.settled_past(at_s) for each in self._without):
                return
            excused = [
                each
                for watch in self._without
                for each in watch.between(start_s, at_s)
                if each.start_s >= start_s
            ]
            long_enough = last - self._first + 1 >= self._least
            missed = any(each.may_have_missed for each in self._without)
            if long_enough and not missed and not any(each.certain for each in excused):
                turn = Occurrence(
                    leg=self._hearing.leg,
                    start_s=start_s,
                    end_s=at_s + SYLLABLE_S,
                    at_s=at_s,
                    certain=not excused,
                    first=self._first,
                    last=last,
                )
                self.occurrences.append(turn)
            self._first, self._last = last + 1, last


class UnopenedWatch(Watch):
    """At most once a call; silent when the opening may not have been heard."""

    def __init__(self, event: Unopened, timeline: Timeline, told: Watch) -> None:
        super().__init__(event, timeline)
        self._speech_s, self._told = event.speech_s, told
        self._hearing = timeline.hearings[event.leg]
        self._over = False

    @property
    def waiting(self) -> bool:
        return not self._over

    def settled_s(self) -> float:
        if self._over or self.timeline.ended:
            return math.inf
        return min(self._hearing.analysed_s, self._told.settled_s())

    def work(self) -> None:
        hearing, ended = self._hearing, self.timeline.ended
        if self._over or not hearing.syllables:
            return
        if self._is_told(certain=True) or self._told.may_have_missed:
            self._over = True
        elif ended or self._has_passed(hearing):
            latest = hearing.syllables[-1]
            if not self._told.settled_past(latest.start_s):
                return
            self._over = True
            if self._is_told(certain=True):
                return
            last = self._sentence_end(hearing)
            missing = Occurrence(
                leg=hearing.leg,
                start_s=hearing.syllables[0].start_s,
                end_s=hearing.end_s(last),
                at_s=self._passed_s(hearing),
                certain=not self._is_told(certain=False),
                first=0,
                last=last,
            )
            self.occurrences.append(missing)

    def _is_told(self, *, certain: bool) -> bool:
        syllables = self._hearing.syllables
        return any(
            each.first is not None
            and syllables[each.first].speech_s <= self._speech_s
            and each.certain >= certain
            for each in self._told.occurrences
        )

    def _has_passed(self, hearing: Hearing) -> bool:
        latest = hearing.syllables[-1]
        beyond_s = latest.speech_s - self._speech_s
        silent = hearing.analysed_s > latest.start_s + PHRASE_PAUSE_S
        return beyond_s > _SLACK_SPEECH_S or (beyond_s > 0 and silent)

    def _passed_s(self, hearing: Hearing) -> float:
        """When the first seconds of speech were over, or the leg had spoken its last word."""
        beyond = (one.start_s for one in hearing.syllables if one.speech_s > self._speech_s)
        return next(beyond, hearing.syllables[-1].start_s)

    def _sentence_end(self, hearing: Hearing) -> int:
        """The last syllable of the leg's first sentence, within the opening."""
        syllables = hearing.syllables
        for index in range(1, len(syllables)):
            pause_s = syllables[index].start_s - syllables[index - 1].start_s - SYLLABLE_S
            if pause_s > _SENTENCE_PAUSE_S or syllables[index].speech_s > self._speech_s:
                return index - 1
        return len(syllables) - 1
