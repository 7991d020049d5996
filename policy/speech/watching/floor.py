"""Owns watching how the two speak with one another, whatever they say: who lets whom wait, who
comes in on whom, who says nothing, who raises the voice.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from operator import attrgetter
from statistics import fmean

from policy.speech.event import NoAnswer, Silence, TalkOver, Voice
from policy.speech.hearing import BREATH_PAUSE_S, SYLLABLE_S
from policy.speech.utterance import Utterance
from policy.speech.watching.occurrence import Occurrence
from policy.speech.watching.timeline import Burst, Timeline
from policy.speech.watching.watch import Watch

_START_S = attrgetter("start_s")
_GOES_ON_S = 3.0
"""Who asks and goes on speaking within this time is not yet waiting for an answer."""
_BASELINE_UTTERANCES = 2
_BASELINE_SYLLABLES = 12
_LEAST_SYLLABLES = 5
"""Of an utterance whose pace is worth comparing."""


class NoAnswerWatch(Watch):
    """Happens when the time is up, while it is still silent; once for each wait."""

    def __init__(self, event: NoAnswer, timeline: Timeline, question: Watch) -> None:
        super().__init__(event, timeline)
        self._within_s, self._question = event.within_s, question
        self._own = timeline.hearings[event.leg]
        self._asker = next(each for leg, each in timeline.hearings.items() if leg is not event.leg)
        self._taken = 0
        self._told_until_s = -math.inf
        """Questions before it belong to a wait that was told of."""

    @property
    def waiting(self) -> bool:
        return self._taken < len(self._question.occurrences)

    def settled_s(self) -> float:
        if self.waiting:
            return self._question.occurrences[self._taken].at_s
        return self._question.settled_s()

    def work(self) -> None:
        while self.waiting:
            asked = self._question.occurrences[self._taken]
            waits_from_s, known = self._asked_until(asked)
            due_s = waits_from_s + self._within_s
            answered_s = self._next_word_s(asked.end_s)
            up = known and self._own.analysed_s > due_s
            if answered_s > due_s and not up and not self.timeline.ended:
                return
            self._taken += 1
            if answered_s <= due_s or not up:
                continue
            if asked.start_s < self._told_until_s or self.may_have_missed:
                continue
            self._told_until_s = answered_s
            self.occurrences.append(
                Occurrence(
                    leg=self._own.leg,
                    start_s=due_s,
                    end_s=due_s,
                    at_s=due_s,
                    certain=asked.certain,
                    confidence=asked.confidence,
                    spelled=f"{asked.spelled} … {self._within_s:g} s",
                )
            )

    def _asked_until(self, asked: Occurrence) -> tuple[float, bool]:
        """When the asker had stopped speaking, and whether that is known."""
        syllables = self._asker.syllables
        last = asked.last or 0
        while (
            last + 1 < len(syllables)
            and syllables[last + 1].start_s - syllables[last].start_s <= _GOES_ON_S
        ):
            last += 1
        known_s = syllables[last].start_s + _GOES_ON_S
        known = last + 1 < len(syllables) or self._asker.analysed_s > known_s
        return syllables[last].start_s + SYLLABLE_S, known or self.timeline.ended

    def _next_word_s(self, after_s: float) -> float:
        syllables = self._own.syllables
        at = bisect_left(syllables, after_s, key=_START_S)
        return syllables[at].start_s if at < len(syllables) else math.inf


class TalkOverWatch(Watch):
    def __init__(self, event: TalkOver, timeline: Timeline) -> None:
        super().__init__(event, timeline)
        self._event = event
        self._taken = 0
        self._counted: Burst | None = None
        self._too_long: Burst | None = None
        self._times: list[float] = []

    def settled_s(self) -> float:
        return self.timeline.known_s

    def work(self) -> None:
        growths, asked = self.timeline.growths, self._event
        while self._taken < len(growths):
            growth = growths[self._taken]
            self._taken += 1
            burst = growth.incoming
            if burst.leg is not asked.leg:
                continue
            if growth.length_s >= asked.at_least_s and burst is not self._counted:
                self._counted = burst
                self._count(growth.at_s, burst)
            bound_s = asked.longer_than_s
            if bound_s is not None and growth.length_s > bound_s and burst is not self._too_long:
                self._too_long = burst
                self._happens(growth.at_s, burst, f"> {bound_s:g} s")

    def _count(self, at_s: float, burst: Burst) -> None:
        most, within_s = self._event.more_than_times, self._event.within_s
        if most is None:
            return
        self._times = [each for each in self._times if within_s is None or at_s - each <= within_s]
        self._times.append(at_s)
        if len(self._times) > most:
            self._happens(at_s, burst, f"× {len(self._times)}")
            self._times = []

    def _happens(self, at_s: float, burst: Burst, exceeded: str) -> None:
        syllables = self.timeline.hearings[burst.leg].syllables
        first = bisect_left(syllables, burst.start_s, key=_START_S)
        last = bisect_right(syllables, at_s, key=_START_S) - 1
        self.occurrences.append(
            Occurrence(
                leg=burst.leg,
                start_s=burst.start_s,
                end_s=at_s + SYLLABLE_S,
                at_s=at_s,
                certain=True,
                spelled=exceeded,
                first=first,
                last=last,
            )
        )


class SilenceWatch(Watch):
    def __init__(self, event: Silence, timeline: Timeline) -> None:
        super().__init__(event, timeline)
        self.longer_than_s, self._leg = event.longer_than_s, event.leg
        self._taken = 0
        self._told_from_s = -1.0

    def settled_s(self) -> float:
        return self.timeline.known_s

    def work(self) -> None:
        for from_s, until_s in self._gaps():
            due_s = from_s + self.longer_than_s
            if until_s <= due_s or from_s == self._told_from_s:
                continue
            self._told_from_s = from_s
            if self.timeline.missed:
                continue
            silence = Occurrence(
                self._leg, from_s, due_s, due_s, True, spelled=f"> {self.longer_than_s:g} s"
            )
            self.occurrences.append(silence)

    def _gaps(self) -> Iterator[tuple[float, float]]:
        gaps = self.timeline.gaps
        while self._taken < len(gaps):
            self._taken += 1
            yield gaps[self._taken - 1]
        if not math.isnan(self.timeline.spoken_until_s):
            yield self.timeline.spoken_until_s, self.timeline.heard_s


class VoiceWatch(Watch):
    """Judges each final utterance against the leg's own before it."""

    def __init__(self, event: Voice, timeline: Timeline) -> None:
        super().__init__(event, timeline)
        self._event = event
        self._taken = 0
        self._loudness_db: list[float] = []
        self._paces: list[float] = []
        self._pace_syllables = 0

    def settled_s(self) -> float:
        if self.timeline.ended:
            return math.inf
        hearing = self.timeline.hearings[self._event.leg]
        latest = hearing.utterances[-1] if hearing.utterances else None
        if latest is not None and latest.tokens and not latest.final:
            return min(hearing.analysed_s, latest.tokens[0].start_s)
        return hearing.analysed_s

    def work(self) -> None:
        finals = self.timeline.finals[self._event.leg]
        while self._taken < len(finals):
            self._hear(finals[self._taken])
            self._taken += 1

    def _hear(self, utterance: Utterance) -> None:
        if not utterance.tokens:
            return
        signs = [*self._louder(utterance), *self._faster(utterance), *self._emotion(utterance)]
        if len(signs) < self._event.at_least:
            return
        syllables = self.timeline.hearings[utterance.leg].syllables
        first = bisect_left(syllables, utterance.tokens[0].start_s, key=_START_S)
        last = bisect_right(syllables, utterance.tokens[-1].start_s, key=_START_S) - 1
        if last < first:  # nothing in it has a sound
            return
        self.occurrences.append(
            Occurrence(
                leg=utterance.leg,
                start_s=utterance.tokens[0].start_s,
                end_s=utterance.tokens[-1].start_s + SYLLABLE_S,
                at_s=utterance.tokens[-1].start_s,
                certain=True,
                spelled=" ".join(signs),
                first=first,
                last=last,
            )
        )

    def _louder(self, utterance: Utterance) -> Iterator[str]:
        if utterance.voice is None:
            return
        loudness_db, by_db = utterance.voice.loudness_db, self._event.louder_by_db
        if by_db is not None and len(self._loudness_db) >= _BASELINE_UTTERANCES:
            rise_db = loudness_db - fmean(self._loudness_db)
            if rise_db >= by_db:
                yield f"+{rise_db:.0f} dB"
        self._loudness_db.append(loudness_db)

    def _faster(self, utterance: Utterance) -> Iterator[str]:
        pace = _pace(utterance)
        if pace is None:
            return
        by_percent = self._event.faster_by_percent
        if by_percent is not None and self._pace_syllables >= _BASELINE_SYLLABLES:
            rise_percent = 100 * (pace / fmean(self._paces) - 1)
            if rise_percent >= by_percent:
                yield f"+{rise_percent:.0f} % pace"
        self._paces.append(pace)
        self._pace_syllables += len(utterance.tokens)

    def _emotion(self, utterance: Utterance) -> Iterator[str]:
        emotion = utterance.voice.emotion if utterance.voice else ""
        if emotion in self._event.emotions:
            yield emotion


def _pace(utterance: Utterance) -> float | None:
    """Syllables a second, pauses left out; None for what is too short."""
    starts = [each.start_s for each in utterance.tokens]
    ways = [later - earlier for earlier, later in pairwise(starts)]
    ways = [way for way in ways if 0 < way <= BREATH_PAUSE_S]
    return len(ways) / sum(ways) if len(ways) >= _LEAST_SYLLABLES - 1 else None
