"""Owns what one leg has said, syllable by syllable, and which patterns stand in it for good.

Called by `conversation`, one Hearing a leg. Invariant: what it settles on depends on the settled
syllables and their times alone, never on how they were cut into partials.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from policy.speech import automaton, slot, slot_value, sound
from policy.speech.automaton import Automaton, Found, Reading, Walk
from policy.speech.rulebook import Pattern
from policy.speech.utterance import Leg, Utterance

SYLLABLE_S = 0.25
"""How long a syllable lasts, for lack of its end: 4 a second is an ordinary pace."""
USUAL_PACE_S = 0.2
"""From one syllable's beginning to the next one's, until the leg's own pace is known."""
PHRASE_PAUSE_S = 1.2
"""From one syllable's beginning to the next one's: a longer way and the phrase has ended."""
BREATH_PAUSE_S = 0.42
"""The same way within a phrase: longer and a new breath begins. Commas of the synthetic calls take
0.44 to 0.96 s, syllables within a breath at most 0.36; slower speakers get twice their pace."""
_PACES_IN_A_PAUSE = 2.0
_PACE_LEARNT = 0.2
_CONNECTIVES = frozenset({"he", "huo", "zhe", "ji", "yi", "yu", "gen", "hai", "you"})
"""和 或者 及 以及 与 跟 还 又: 不承诺保本和保息 denies both."""


class Syllable(NamedTuple):
    """`mark` is how the model wrote it (`bao3`, `保`, `7`), `text` the token that begins with it;
    `speech_s` is how long the leg has spoken before it, pauses left out; `pace_s` the way from
    syllable to syllable lately."""

    sound: str
    mark: str
    text: str
    start_s: float
    speech_s: float
    pace_s: float
    utterance: int

    def pauses(self, until_s: float) -> bool:
        """Whether nothing more in this breath can follow at `until_s`."""
        return until_s - self.start_s > max(BREATH_PAUSE_S, _PACES_IN_A_PAUSE * self.pace_s)


@dataclass(frozen=True)
class Saying:
    """A pattern that was said: syllables `first` to `last` of the leg, both included."""

    pattern: str
    leg: Leg
    first: int
    last: int
    spelled: str
    confidence: float
    certain: bool
    doubtful: bool = False
    """Whether words beside it make it doubtful, however well it was heard."""
    values: Mapping[str, Decimal] = field(default_factory=dict)
    """By kind of slot, as far as they are sure: percent, amount in yuan, term in months."""


class Match(NamedTuple):
    """A phrase found: the leg's syllables `first` to `last`, both included."""

    first: int
    last: int
    found: Found

    def adds(self, shorter: Found) -> bool:
        """Whether its additional syllables were heard well enough to be meant."""
        added = self.found.syllables - shorter.syllables
        return added > 0 and self.found.score - shorter.score >= added * sound.BLURRED


@dataclass
class _Candidate:
    """A match that waits for what follows: its guards, or more syllables of a longer phrase."""

    match: Match
    pattern: Pattern
    certain: bool
    doubtful: bool
    against: list[Reading]
    doubts: list[Reading]
    longer: bool = True
    refused: bool = False

    @property
    def open(self) -> bool:
        return not self.refused and bool(self.against or self.doubts or self.longer)

    def hear_next(self, heard: str) -> None:
        if self.against:
            self.against = automaton.hear_guards(self.against, heard)
            self.refused = self.refused or any(map(automaton.reached, self.against))
        if self.doubts:
            self.doubts = automaton.hear_guards(self.doubts, heard)
            self.doubtful = self.doubtful or any(map(automaton.reached, self.doubts))
            self.certain = self.certain and not self.doubtful

    def pause(self) -> None:
        self.against = automaton.hear_guards(self.against, None)
        self.doubts = automaton.hear_guards(self.doubts, None)
        self.longer = False

    def close(self) -> None:
        self.against, self.doubts, self.longer = [], [], False


@dataclass
class Hearing:
    leg: Leg
    phrases: Automaton
    patterns: Mapping[str, Pattern]
    """Those the rules of this conversation listen for."""
    syllables: list[Syllable] = field(default_factory=list)
    analysed_s: float = 0.0
    utterances: list[Utterance] = field(default_factory=list)
    """The latest state of each, in the order in which they began to arrive."""
    _taken: int = 0
    _walk: Walk = field(init=False)
    _waiting: list[_Candidate] = field(default_factory=list)
    _denied: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._walk = Walk(self.phrases)

    def hear(self, utterance: Utterance) -> Iterator[Saying]:
        """Takes the syllables that are settled and new. An utterance that never became final is
        taken whole when the leg's next one comes."""
        if self.utterances and self.utterances[-1].utterance_id == utterance.utterance_id:
            self.utterances[-1] = utterance
        elif any(each.utterance_id == utterance.utterance_id for each in self.utterances):
            return
        else:
            yield from self._take_rest()
            self.utterances.append(utterance)
            self._taken = 0
        settled = len(utterance.tokens) if utterance.final else utterance.settled
        yield from self._take(settled)
        if utterance.final:
            yield from self.advance(utterance.end_s)

    def advance(self, analysed_s: float) -> Iterator[Saying]:
        """No syllable that begins before `analysed_s` will come any more."""
        self.analysed_s = max(self.analysed_s, analysed_s)
        if self._waiting:
            yield from self._pause_until(self.analysed_s)

    def finish(self) -> Iterator[Saying]:
        yield from self._take_rest()
        for candidate in self._waiting:
            candidate.close()
        yield from self._settled()

    def settled_s(self, patterns: frozenset[str]) -> float:
        """All of these patterns that were complete before that second are settled."""
        waiting = (each for each in self._waiting if each.pattern.name in patterns)
        open_s = (self.syllables[each.match.last].start_s for each in waiting)
        return min(open_s, default=self.analysed_s)

    def waits_for(self, patterns: frozenset[str], until: int) -> bool:
        """Whether one of these patterns, complete by that syllable, is not settled yet."""
        return any(
            each.pattern.name in patterns and each.match.last <= until for each in self._waiting
        )

    def end_s(self, index: int) -> float:
        """When a syllable ended: its length is not heard, only its beginning."""
        return self.syllables[index].start_s + SYLLABLE_S

    def text(self, first: int, last: int) -> str:
        """What was heard, as the model writes it."""
        words = [each.text for each in self.syllables[first : last + 1] if each.text]
        return _joined(words)

    def pinyin(self, first: int, last: int) -> str:
        return " ".join(each.sound for each in self.syllables[first : last + 1])

    def sounds_before(self, first: int) -> Iterator[str | None]:
        """Backwards from a syllable to the last pause that ends a phrase; None for a pause."""
        for index in range(first - 1, -1, -1):
            earlier, later = self.syllables[index], self.syllables[index + 1]
            if later.start_s - earlier.start_s > PHRASE_PAUSE_S:
                return
            if earlier.pauses(later.start_s):
                yield None
            yield earlier.sound

    def sounds_after(self, last: int, within_s: float) -> Iterator[str | None]:
        """Forwards from a syllable to a silence of `within_s`; None for a pause."""
        for index in range(last + 1, len(self.syllables)):
            earlier, later = self.syllables[index - 1], self.syllables[index]
            if later.start_s - earlier.start_s - SYLLABLE_S > within_s:
                return
            if earlier.pauses(later.start_s):
                yield None
            yield later.sound

    def _take_rest(self) -> Iterator[Saying]:
        if self.utterances:
            yield from self._take(len(self.utterances[-1].tokens))

    def _take(self, settled: int) -> Iterator[Saying]:
        tokens = self.utterances[-1].tokens
        for token in tokens[self._taken : settled]:
            text = token.text
            for heard, mark in sound.marks(token.text):
                yield from self._hear_syllable(heard, mark, text, token.start_s)
                text = ""
        self._taken = max(self._taken, settled)

    def _hear_syllable(self, heard: str, mark: str, text: str, start_s: float) -> Iterator[Saying]:
        index, speech_s, pace_s = len(self.syllables), 0.0, USUAL_PACE_S
        if self.syllables:
            before = self.syllables[-1]
            if self._waiting:
                yield from self._pause_until(start_s)
            way_s = start_s - before.start_s
            speech_s = before.speech_s + (way_s if way_s <= PHRASE_PAUSE_S else SYLLABLE_S)
            pace_s = before.pace_s
            if way_s > PHRASE_PAUSE_S:
                self._walk.stop()
            elif before.pauses(start_s):
                self._walk.pause()
            else:
                pace_s += _PACE_LEARNT * (way_s - pace_s)
        utterance = len(self.utterances) - 1
        self.syllables.append(Syllable(heard, mark, text, start_s, speech_s, pace_s, utterance))
        self.analysed_s = max(self.analysed_s, start_s)
        for candidate in self._waiting:
            candidate.hear_next(heard)
        self._walk.hear(index, heard)
        for first, found in self._walk.found():
            self._consider(Match(first, index, found))
        if self._waiting:
            for candidate in self._waiting:
                first = candidate.match.first
                candidate.longer = self._walk.leads_to(first, candidate.pattern.name)
            yield from self._settled()

    def _pause_until(self, now_s: float) -> Iterator[Saying]:
        """Nothing was said from the last syllable until `now_s`."""
        latest = self.syllables[-1]
        silence_s = now_s - latest.start_s - SYLLABLE_S
        for candidate in self._waiting:
            if latest.pauses(now_s):
                candidate.pause()
            if silence_s > candidate.pattern.followed_within_s:
                candidate.close()
        yield from self._settled()

    def _settled(self) -> Iterator[Saying]:
        for candidate in [each for each in self._waiting if not each.open]:
            self._waiting.remove(candidate)
            if not candidate.refused:
                yield self._saying(candidate)

    def _saying(self, candidate: _Candidate) -> Saying:
        match = candidate.match
        return Saying(
            match.found.pattern,
            self.leg,
            match.first,
            match.last,
            match.found.spelled,
            round(match.found.confidence, 3),
            candidate.certain,
            candidate.doubtful,
            self._values(match),
        )

    def _values(self, match: Match) -> dict[str, Decimal]:
        """What was said in the slots of a phrase; a pause ends a number."""
        kinds = [kind for kind in slot.KINDS if f"{{{kind}}}" in match.found.spelled]
        if not kinds:
            return {}
        begin, end = match.first, match.last + 1
        while begin and not self._pause_between(begin - 1):
            begin -= 1
        while end < len(self.syllables) and not self._pause_between(end - 1):
            end += 1
        breath: list[slot_value.Written] = []
        places: dict[int, int] = {}
        for at in range(begin, end):
            if at > begin and self._pause_between(at - 1):
                breath.append(slot_value.Written("", ""))
            places[at] = len(breath)
            breath.append(slot_value.Written(self.syllables[at].sound, self.syllables[at].mark))
        first, last = places[match.first], places[match.last]
        read = {kind: slot_value.value(kind, breath, first, last) for kind in kinds}
        return {kind: value for kind, value in read.items() if value is not None}

    def _pause_between(self, at: int) -> bool:
        """Whether a pause follows the syllable before the next one."""
        return self.syllables[at].pauses(self.syllables[at + 1].start_s)

    def _consider(self, match: Match) -> None:
        pattern = self.patterns.get(match.found.pattern)
        if pattern is None or match.found.confidence < pattern.provisional_from:
            return
        if self._is_denied(match, pattern):
            self._denied.setdefault(pattern.name, []).append((match.first, match.last))
            return
        doubtful = self._stands_before(pattern.doubtful_before, match.first)
        certain = match.found.confidence >= pattern.certain_from and not doubtful
        candidate = _Candidate(
            match,
            pattern,
            certain,
            doubtful,
            [guard.begin for guard in pattern.not_after],
            [guard.begin for guard in pattern.doubtful_after],
        )
        for known in self._waiting:
            if known.pattern is pattern and known.match.first == match.first:
                if (known.certain and not certain) or not match.adds(known.match.found):
                    return
                self._waiting.remove(known)
                break
        self._waiting.append(candidate)

    def _is_denied(self, match: Match, pattern: Pattern) -> bool:
        """A guard stands before it, or it goes on with what one stood before."""
        if self._stands_before(pattern.not_before, match.first):
            return True
        for first, last in self._denied.get(pattern.name, ()):
            between = self.syllables[last + 1 : match.first]
            breath = not any(self._pause_between(at) for at in range(last, match.first))
            if (
                first <= match.first
                and breath
                and all(each.sound in _CONNECTIVES for each in between)
            ):
                return True
        return False

    def _stands_before(self, guards: tuple[Automaton, ...], first: int) -> bool:
        return automaton.touches(guards, self.sounds_before(first))


def _joined(words: list[str]) -> str:
    """Characters stand close, pinyin and words apart."""
    text = ""
    for word in words:
        close = not text or sound.is_character(word[0]) or sound.is_character(text[-1])
        text += word if close else f" {word}"
    return text
