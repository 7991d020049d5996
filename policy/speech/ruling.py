"""Owns one rule on one call: which occurrences of its event become findings, and where they lie.

Called by the conversation when something may have changed. Invariants: a certain finding is never
taken back; a provisional one becomes certain, stays, or is openly withdrawn under the same id.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import attrgetter

from policy.identity import RulebookIdentity
from policy.speech import evidence
from policy.speech.finding import Finding, FindingStatus
from policy.speech.hearing import Hearing
from policy.speech.rulebook import SpeechRule
from policy.speech.watching.occurrence import Occurrence
from policy.speech.watching.timeline import Timeline
from policy.speech.watching.watch import Watch

ONE_TURN_S = 3.0
"""Findings of one rule this close, with the other leg silent in between, are one finding."""
_SENTENCE_PAUSE_S = 0.8
_START_S = attrgetter("start_s")


class Ruling:
    def __init__(
        self,
        rule: SpeechRule,
        rulebook: RulebookIdentity,
        timeline: Timeline,
        watch: Watch,
        lies_on: Sequence[Watch],
    ) -> None:
        self.rule, self.watch = rule, watch
        self._rulebook, self._timeline, self._lies_on = rulebook, timeline, lies_on
        self._own = timeline.hearings[rule.leg]
        self._other = next(each for leg, each in timeline.hearings.items() if leg is not rule.leg)
        self._taken = 0
        self._latest: Occurrence | None = None
        """The latest of the turn's occurrences."""
        self._found: Occurrence | None = None
        """What the turn's finding lies on."""
        self._certain = False
        self._any_certain = False
        self._told: dict[tuple[object, ...], Finding] = {}
        """Findings that were told while they were in doubt."""
        self._silent: list[Occurrence] = []
        """Certain findings about the leg's silence, as long as it lasts."""

    @property
    def waiting(self) -> bool:
        return bool(self._silent) or self._taken < len(self.watch.occurrences)

    def rule_on(self) -> Iterator[Finding]:
        """What is new."""
        yield from self._spoken_at_last()
        while self._taken < len(self.watch.occurrences):
            occurrence = self.watch.occurrences[self._taken]
            place = self._place(occurrence)
            if place is None:
                return
            same_turn = self._is_same_turn(place)
            if same_turn is None:
                return
            self._taken += 1
            told = self._told.pop(occurrence.key, None)
            yield from self._settle(place, told, same_turn=same_turn)
        yield from self._doubt()

    def _settle(
        self, place: Occurrence, told: Finding | None, *, same_turn: bool
    ) -> Iterator[Finding]:
        if self.rule.once_a_call and self._any_certain:
            if told is not None:
                yield self._withdrawn(told)
            return
        if same_turn and self._found is not None:
            if self._latest is None or place.at_s > self._latest.at_s:
                self._latest = place
            if told is not None:
                yield self._withdrawn(told)
            if self._certain or not place.certain:
                return
            self._certain = True
        else:
            self._found, self._latest, self._certain = place, place, place.certain
            if told is not None and not place.certain:
                return
        self._any_certain = self._any_certain or self._certain
        yield self._finding(self._found, certain=self._certain)
        if self._found.first is None and self._certain and not self._timeline.ended:
            self._silent.append(self._found)

    def _spoken_at_last(self) -> Iterator[Finding]:
        """A finding about the leg's silence lies on the words that end it, once they are heard."""
        while self._silent:
            silence = self._silent[0]
            at = bisect_left(self._own.syllables, silence.end_s, key=_START_S)
            if at == len(self._own.syllables):
                self._silent = [] if self._timeline.ended else self._silent
                return
            words = self._next_words(silence)
            if words is None:
                return
            self._silent.pop(0)
            first_told = self._finding(silence, certain=True)
            spoken = self._finding(replace(words, spelled=silence.spelled), certain=True)
            yield replace(spoken, finding_id=first_told.finding_id)

    def _doubt(self) -> Iterator[Finding]:
        """What is in doubt is told at once, and taken back when it was not so."""
        in_doubt = list(self.watch.in_doubt())
        open_keys = {each.key for each in in_doubt}
        for key in [each for each in self._told if each not in open_keys]:
            yield self._withdrawn(self._told.pop(key))
        for occurrence in in_doubt:
            if occurrence.key in self._told or (self.rule.once_a_call and self._any_certain):
                continue
            if occurrence.leg is not self.rule.leg or occurrence.first is None:
                continue
            if self._lies_on or self._is_same_turn(occurrence) is not False:
                continue
            if any(self._are_one_turn(each, occurrence) for each in self._told.values()):
                continue
            told = self._finding(occurrence, certain=False)
            self._told[occurrence.key] = told
            yield told

    def _finding(self, place: Occurrence, *, certain: bool) -> Finding:
        status = FindingStatus.CERTAIN if certain else FindingStatus.PROVISIONAL
        return evidence.finding(
            self.rule,
            self._rulebook,
            self._timeline.hearings,
            place,
            status=status,
            raised_s=self._now_s(),
        )

    def _withdrawn(self, told: Finding) -> Finding:
        return replace(told, status=FindingStatus.WITHDRAWN, raised_s=self._now_s())

    def _now_s(self) -> float:
        if self._timeline.ended:
            return max(each.analysed_s for each in self._timeline.hearings.values())
        return self._own.analysed_s

    def _place(self, occurrence: Occurrence) -> Occurrence | None:
        """Where the finding lies: on what `lies_on` names, on the occurrence itself when it is the
        leg's own, else on the leg's next words, or on its last ones when none follow. None while
        that is not known."""
        for watch in self._lies_on:
            if not watch.settled_past(occurrence.at_s):
                return None
        earlier = [each for one in self._lies_on for each in one.before(occurrence.at_s)]
        if earlier:
            return self._named(min(earlier, key=lambda each: each.order), occurrence)
        if occurrence.leg is self.rule.leg:
            return self._named(occurrence, occurrence)
        return self._next_words(occurrence)

    def _named(self, place: Occurrence, occurrence: Occurrence) -> Occurrence:
        """At that place, for what happened; a place on the other leg has no words of this one."""
        spelled = " ".join(self.rule.missing) if self.rule.missing else occurrence.spelled
        confidence = min(place.confidence, occurrence.confidence)
        place = replace(place, spelled=spelled, confidence=confidence, certain=occurrence.certain)
        own_words = place.leg is self.rule.leg
        return place if own_words else replace(place, first=None, last=None, leg=self.rule.leg)

    def _next_words(self, occurrence: Occurrence) -> Occurrence | None:
        syllables, ended = self._own.syllables, self._timeline.ended
        first = bisect_left(syllables, occurrence.end_s, key=_START_S)
        if first == len(syllables):
            if not ended or not syllables:  # who says nothing at all owes nothing
                return None
            first = len(syllables) - 1
            while first and not self._pauses(first - 1):
                first -= 1
        last = first
        while last + 1 < len(syllables) and not self._pauses(last):
            last += 1
        if last + 1 == len(syllables) and not ended:
            silent_s = self._own.analysed_s - syllables[last].start_s
            if silent_s <= _SENTENCE_PAUSE_S:
                return None
        place = replace(
            occurrence,
            leg=self.rule.leg,
            start_s=syllables[first].start_s,
            end_s=self._own.end_s(last),
            first=first,
            last=last,
        )
        return self._named(place, occurrence)

    def _pauses(self, at: int) -> bool:
        syllables = self._own.syllables
        return syllables[at + 1].start_s - syllables[at].start_s > _SENTENCE_PAUSE_S

    def _is_same_turn(self, place: Occurrence) -> bool | None:
        """None while the other leg has not been heard up to this place."""
        if self._latest is None:
            return False
        if place.start_s <= self._latest.end_s:
            return True
        since_s, until_s = self._latest.end_s, place.start_s
        if until_s - since_s > ONE_TURN_S or self._spoke(self._other, since_s, until_s):
            return False
        known = self._timeline.ended or self._other.analysed_s >= until_s
        return True if known else None

    def _are_one_turn(self, told: Finding, place: Occurrence) -> bool:
        if place.start_s - told.end_s > ONE_TURN_S:
            return False
        return not self._spoke(self._other, told.end_s, place.start_s)

    def _spoke(self, hearing: Hearing, since_s: float, until_s: float) -> bool:
        at = bisect_left(hearing.syllables, since_s, key=_START_S)
        while at < len(hearing.syllables) and hearing.syllables[at].start_s < until_s:
            if hearing.syllables[at].start_s > since_s:
                return True
            at += 1
        return False
