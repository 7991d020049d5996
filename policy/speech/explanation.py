"""Owns explaining a finding: the call's stored utterances are heard again by the same rules, and it
is told what was heard, what matched, which guard was tried with what outcome, what nearly matched,
and what each condition of the rule made of it.

Called by `callwarden explain`. Pure. Invariant: it explains what the rules do, by doing it again;
nothing is found here by other means.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from policy.speech import automaton, pack, phrase, tree
from policy.speech.automaton import Automaton
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.event import Event, Said, everything_in
from policy.speech.finding import Finding
from policy.speech.heard_call import HeardCall
from policy.speech.hearing import Hearing, Saying
from policy.speech.pack import PatternText
from policy.speech.replay import replay
from policy.speech.rulebook import SpeechRule, SpeechRulebook, plain_name
from policy.speech.utterance import Leg
from policy.speech.watching.context import Judged, Key
from policy.speech.watching.occurrence import Occurrence

_NEARLY_FROM = 0.5
"""Confidence from which an alternative is worth showing."""
_AROUND_S = 15.0
"""Alternatives are shown so far before and after the finding; anywhere in the call for what was
not said."""


@dataclass(frozen=True)
class Guard:
    """One guard of a pattern, as it is written, tried at one place; `refuses` or makes doubtful."""

    side: str
    """`before` or `after`."""
    written: str
    refuses: bool
    stands: bool


@dataclass(frozen=True)
class Match:
    """Words that a pattern of the rule matches, or nearly matches, with the seconds of the audio;
    `accepted` when they stand as said, unless a second look denies them."""

    pattern: str
    leg: Leg
    start_s: float
    end_s: float
    heard_text: str
    heard_pinyin: str
    spelled: str
    confidence: float
    certain_from: float
    provisional_from: float
    accepted: bool
    guards: tuple[Guard, ...]


@dataclass(frozen=True)
class Happened:
    """Something that a condition looked for and found."""

    leg: Leg | None
    start_s: float
    end_s: float
    spelled: str
    certain: bool


@dataclass(frozen=True)
class Condition:
    """What one condition of the rule made of one time, `at_s`, that its event (`what`) happened."""

    at_s: float
    what: str
    key: Key
    names: tuple[str, ...]
    found: tuple[Happened, ...]
    holds: bool
    missed: bool
    """Whether words that it depends on may have been lost."""


@dataclass(frozen=True)
class Explanation:
    rule: SpeechRule
    history: tuple[Finding, ...]
    """Each state of the finding, in the order in which they were told; the last one counts."""
    matches: tuple[Match, ...]
    """What the rule's patterns matched; those in the finding first."""
    alternatives: tuple[Match, ...]
    """What they nearly matched: heard too badly, or refused by a guard."""
    conditions: tuple[Condition, ...]
    second_looks: tuple[tuple[Doubt, SecondLook | None], ...]

    @property
    def finding(self) -> Finding:
        return self.history[-1]


def explain(rulebook: SpeechRulebook, call: HeardCall, finding_id: str) -> Explanation | None:
    """The explanation of one finding of a call. None when these rules do not find it in these
    words."""
    judged: list[Judged] = []
    replayed = replay(rulebook, call, judged.append)
    conversation, seconds = replayed.conversation, call.seconds
    known = {doubt.doubt_id: look for doubt, look in call.looks}
    history = tuple(each for each in replayed.states if each.finding_id == finding_id)
    if not history:
        return None
    rule = next(each for each in rulebook.rules if (each.pack, each.id) == _rule_of(history[-1]))
    events = everything_in([rule.event, *rule.lies_on])
    again = _Again(
        rulebook, call.circumstances.dialect, {leg: conversation.hearing(leg) for leg in Leg}
    )
    said = [match for event in events if isinstance(event, Said) for match in again.matches(event)]
    unique = list(dict.fromkeys(said))
    matches = sorted(
        (each for each in unique if each.accepted),
        key=lambda each: (not _within(each, history[-1], 0.0), each.start_s, each.pattern),
    )
    around_s = seconds if rule.missing else _AROUND_S
    asked = {plain_name(name) for one in events if isinstance(one, Said) for name in one.patterns}
    return Explanation(
        rule=rule,
        history=history,
        matches=tuple(matches),
        alternatives=tuple(
            each
            for each in sorted(unique, key=lambda each: (each.start_s, each.pattern))
            if not each.accepted
            and _within(each, history[-1], around_s)
            and not any(_same_words(each, other) for other in matches)
        ),
        conditions=tuple(
            _condition(each, rulebook.names) for each in judged if each.event in events
        ),
        second_looks=tuple(
            (each, known.get(each.doubt_id))
            for each in replayed.doubts
            if each.doubt_id.partition("/")[0] in asked
        ),
    )


def _same_words(one: Match, other: Match) -> bool:
    """Whether a longer or shorter phrase of the same pattern was taken in its place."""
    return (
        (one.pattern, one.leg) == (other.pattern, other.leg)
        and one.start_s < other.end_s
        and other.start_s < one.end_s
    )


def _rule_of(finding: Finding) -> tuple[str, str]:
    return finding.pack, finding.rule


def _within(match: Match, finding: Finding, margin_s: float) -> bool:
    return match.end_s >= finding.start_s - margin_s and match.start_s <= finding.end_s + margin_s


def _condition(judged: Judged, names: Mapping[Event, str]) -> Condition:
    base, occurrence = judged.event.event, judged.occurrence
    what = plain_name(occurrence.pattern) or names.get(base, type(base).__name__)
    return Condition(
        at_s=min(occurrence.at_s, occurrence.end_s),
        what=pack.CALL_ENDS if occurrence.leg is None else what,
        key=judged.key,
        names=tuple(names.get(each, type(each).__name__) for each in judged.around.of),
        found=tuple(map(_happened, judged.found)),
        holds=judged.holds,
        missed=judged.missed,
    )


def _happened(occurrence: Occurrence) -> Happened:
    return Happened(
        occurrence.leg,
        occurrence.start_s,
        occurrence.end_s,
        occurrence.spelled or plain_name(occurrence.pattern),
        occurrence.certain,
    )


class _Again:
    """Hears the call once more with open ears: without guards, and far below the thresholds."""

    def __init__(
        self, rulebook: SpeechRulebook, dialect: str, hearings: Mapping[Leg, Hearing]
    ) -> None:
        self._rulebook, self._dialect, self._hearings = rulebook, dialect, hearings
        self._guards: dict[tuple[str, str, bool], Automaton] = {}
        self._phrases: dict[str, dict[str, list[phrase.Sequence]]] = {}

    def matches(self, event: Said) -> Iterator[Match]:
        """What its patterns match or nearly match."""
        for leg in sorted(event.legs, key=lambda each: each.value):
            hearing = self._hearings[leg]
            names = [
                name
                for name in sorted(event.patterns)
                if name.partition("@")[2] in ("", self._dialect)
            ]
            accepted = {_place(each) for each in self._heard(hearing, names, open_ears=False)}
            for saying in self._heard(hearing, names, open_ears=True):
                yield self._match(hearing, saying, accepted=_place(saying) in accepted)

    def _heard(self, hearing: Hearing, names: Iterable[str], *, open_ears: bool) -> list[Saying]:
        known = self._rulebook.patterns
        patterns = {
            name: replace(
                known[name],
                not_before=(),
                not_after=(),
                doubtful_before=(),
                doubtful_after=(),
                certain_from=_NEARLY_FROM,
                provisional_from=_NEARLY_FROM,
            )
            if open_ears
            else known[name]
            for name in names
        }
        again = Hearing(hearing.leg, self._rulebook.phrases, patterns)
        sayings = [each for one in hearing.utterances for each in again.hear(one)]
        return sayings + list(again.finish())

    def _match(self, hearing: Hearing, saying: Saying, *, accepted: bool) -> Match:
        pattern = self._rulebook.patterns[saying.pattern]
        return Match(
            pattern=plain_name(saying.pattern),
            leg=saying.leg,
            start_s=hearing.syllables[saying.first].start_s,
            end_s=hearing.end_s(saying.last),
            heard_text=hearing.text(saying.first, saying.last),
            heard_pinyin=hearing.pinyin(saying.first, saying.last),
            spelled=saying.spelled,
            confidence=saying.confidence,
            certain_from=pattern.certain_from,
            provisional_from=pattern.provisional_from,
            accepted=accepted,
            guards=tuple(self._tried(hearing, saying)),
        )

    def _tried(self, hearing: Hearing, saying: Saying) -> Iterator[Guard]:
        name = saying.pattern.partition(":")[0]
        text = self._rulebook.packs[name].patterns[plain_name(saying.pattern)]
        before = list(hearing.sounds_before(saying.first))
        after = list(hearing.sounds_after(saying.last, text.followed_within_s))
        for written, side, refuses in _written(text):
            guard = self._guard(name, written, backwards=side == "before")
            sounds = before if side == "before" else after
            yield Guard(side, written, refuses, automaton.touches([guard], sounds))

    def _guard(self, name: str, written: str, *, backwards: bool) -> Automaton:
        key = (name, written, backwards)
        if key not in self._guards:
            if name not in self._phrases:
                self._phrases[name] = pack.parsed(self._rulebook.packs[name].patterns)
            phrases_of = self._phrases[name].__getitem__
            phrases = [phrase.parse(written)]
            self._guards[key] = Automaton(tree.guard(phrases, phrases_of, backwards=backwards))
        return self._guards[key]


def _written(text: PatternText) -> Iterator[tuple[str, str, bool]]:
    """Each guard of a pattern, on which side it stands, and whether it refuses."""
    for written, side, refuses in (
        (text.not_preceded_by, "before", True),
        (text.not_followed_by, "after", True),
        (text.doubtful_preceded_by, "before", False),
        (text.doubtful_followed_by, "after", False),
    ):
        for each in written:
            yield each, side, refuses


def _place(saying: Saying) -> tuple[str, int, int]:
    return saying.pattern, saying.first, saying.last
