"""Owns one call's listening: both legs' utterances in, findings out, live as on a recording.

Called by the recognizer, one Conversation a call. Pure. Invariants: the same syllables at the same
times yield the same certain findings, however they were cut into partials and in whatever order
the legs arrived; a certain finding is never taken back.

What the caller owes: a leg's utterances come in their order; tokens `[:settled]` do not change;
after `advance(leg, t)` no token of that leg that begins before t comes any more.
"""

from dataclasses import dataclass, field

from policy.speech.circumstances import CallCircumstances
from policy.speech.event import Event, Said, Unopened, everything_in
from policy.speech.finding import Finding, FindingStatus
from policy.speech.hearing import PHRASE_PAUSE_S, SYLLABLE_S, Hearing, Saying
from policy.speech.rulebook import SpeechRule, SpeechRulebook
from policy.speech.utterance import Leg, Utterance

ONE_TURN_S = 3.0
"""Sayings of one rule this close, with the other leg silent in between, are one finding."""
_SLACK_SPEECH_S = 3.0
"""Speech that a phrase begun within the first seconds may still need to be complete."""
_SENTENCE_PAUSE_S = 0.8


class Conversation:
    """One call's; whatever is known of the call before a word is said are its circumstances."""

    def __init__(self, rulebook: SpeechRulebook, circumstances: CallCircumstances) -> None:
        rules = rulebook.rules_for(circumstances.scene, circumstances.on)
        self._rulebook = rulebook
        self._hearings = {leg: _hearing(leg, rules, rulebook) for leg in Leg}
        self._ears = [ear for rule in rules if (ear := _ear(rule, self))]
        if circumstances.resumed:
            for leg in Leg:
                self.miss(leg)

    def hear(self, utterance: Utterance) -> list[Finding]:
        """Takes a partial or a final utterance; the same utterance again replaces the earlier."""
        return self._weigh(list(self._hearings[utterance.leg].hear(utterance)))

    def advance(self, leg: Leg, analysed_s: float) -> list[Finding]:
        """Audio of the leg up to `analysed_s` (since the call's audio began) holds no more tokens
        than were heard. Settles what waited for silence."""
        return self._weigh(list(self._hearings[leg].advance(analysed_s)))

    def finish(self, seconds: float) -> list[Finding]:
        """The call ended after so many seconds of audio: everything settles."""
        sayings: list[Saying] = []
        for hearing in self._hearings.values():
            sayings += hearing.finish()
            hearing.analysed_s = max(hearing.analysed_s, seconds)
        return self._weigh(sayings, ended=True)

    def miss(self, leg: Leg) -> None:
        """Words of the leg may have been lost by now: no rule about what it did not say at the
        opening speaks any more. What was not heard is the coverage's to show."""
        for ear in self._ears:
            if isinstance(ear, _OpeningEar) and ear.rule.leg is leg:
                ear.give_up()

    def hearing(self, leg: Leg) -> Hearing:
        return self._hearings[leg]

    def finding(
        self, rule: SpeechRule, saying: Saying, status: FindingStatus, ended: bool = False
    ) -> Finding:
        """The finding that this saying is, with the words around it as far as they are known."""
        hearing = self._hearings[rule.leg]
        start_s = hearing.syllables[saying.first].start_s
        return Finding(
            finding_id=f"{rule.id}/{rule.leg.value}/{round(start_s * 1000)}",
            rule=rule.id,
            pack=rule.pack,
            title=rule.title,
            severity=rule.severity,
            rulebook=self._rulebook.identity,
            leg=rule.leg,
            start_s=start_s,
            end_s=hearing.end_s(saying.last),
            heard_text=hearing.text(saying.first, saying.last),
            heard_pinyin=hearing.pinyin(saying.first, saying.last),
            matched=saying.spelled,
            confidence=saying.confidence,
            status=status,
            raised_s=max(each.analysed_s for each in self._hearings.values())
            if ended
            else hearing.analysed_s,
            before=self._before(hearing, saying.first),
            after=self._after(hearing, saying.last),
        )

    def _weigh(self, sayings: list[Saying], ended: bool = False) -> list[Finding]:
        for ear in self._ears:
            for saying in sayings:
                if saying.pattern in ear.patterns and saying.leg is ear.rule.leg:
                    ear.take(saying)
        return [finding for ear in self._ears for finding in ear.settle(ended)]

    def _before(self, hearing: Hearing, first: int) -> str:
        """The sentence's beginning, or what was said last on the call before it."""
        utterance = hearing.syllables[first].utterance
        at = first
        while at and hearing.syllables[at - 1].utterance == utterance:
            at -= 1
        if at < first:
            return hearing.text(at, first - 1)
        start_s = hearing.syllables[first].start_s
        earlier = [
            each
            for other in self._hearings.values()
            for each in other.utterances
            if each.tokens and each.tokens[0].start_s < start_s
        ]
        latest = max(earlier, key=lambda each: each.tokens[0].start_s, default=None)
        return latest.text if latest else ""

    def _after(self, hearing: Hearing, last: int) -> str:
        """The sentence's end, as far as it has been heard."""
        utterance = hearing.syllables[last].utterance
        at = last
        while at + 1 < len(hearing.syllables) and hearing.syllables[at + 1].utterance == utterance:
            at += 1
        return hearing.text(last + 1, at)


@dataclass
class _SaidEar:
    """Listens for one rule of the kind `said`; one finding a turn."""

    rule: SpeechRule
    patterns: frozenset[str]
    conversation: Conversation
    _queue: list[Saying] = field(default_factory=list)
    _last: Saying | None = None
    """The turn's latest saying."""
    _found: Saying | None = None
    """The saying that the turn's finding is."""
    _certain: bool = False

    def take(self, saying: Saying) -> None:
        self._queue.append(saying)
        self._queue.sort(key=lambda each: (each.last, each.first, each.pattern))

    def settle(self, ended: bool) -> list[Finding]:
        findings: list[Finding] = []
        hearing = self.conversation.hearing(self.rule.leg)
        while self._queue:
            saying = self._queue[0]
            if hearing.waits_for(self.patterns, saying.last):
                break
            same_turn = self._is_same_turn(saying, ended)
            if same_turn is None:
                break
            self._queue.pop(0)
            if not same_turn or self._found is None:
                self._found, self._last, self._certain = saying, saying, saying.certain
            else:
                if saying.last > (self._last or saying).last:
                    self._last = saying
                if self._certain or not saying.certain:
                    continue
                self._certain = True
            status = FindingStatus.CERTAIN if self._certain else FindingStatus.PROVISIONAL
            findings.append(self.conversation.finding(self.rule, self._found, status, ended))
        return findings

    def _is_same_turn(self, saying: Saying, ended: bool) -> bool | None:
        """None while the other leg has not been heard up to this saying."""
        if self._last is None:
            return False
        own = self.conversation.hearing(self.rule.leg)
        other = self.conversation.hearing(_other(self.rule.leg))
        since_s, until_s = own.end_s(self._last.last), own.syllables[saying.first].start_s
        if until_s - since_s > ONE_TURN_S:
            return False
        if any(since_s < each.start_s < until_s for each in reversed(other.syllables)):
            return False
        return True if ended or other.analysed_s >= until_s else None


@dataclass
class _OpeningEar:
    """Listens for one rule of the kind `not_said_at_opening`; at most one finding a call."""

    rule: SpeechRule
    patterns: frozenset[str]
    speech_s: float
    conversation: Conversation
    _over: bool = False

    def take(self, saying: Saying) -> None:
        hearing = self.conversation.hearing(self.rule.leg)
        if hearing.syllables[saying.first].speech_s <= self.speech_s:
            self.give_up()

    def give_up(self) -> None:
        """Whatever comes, it finds nothing."""
        self._over = True

    def settle(self, ended: bool) -> list[Finding]:
        hearing = self.conversation.hearing(self.rule.leg)
        if self._over or not hearing.syllables or not (ended or self._has_passed(hearing)):
            return []
        self._over = True
        missing = Saying(
            "", self.rule.leg, 0, self._sentence_end(hearing), self._names(), 1.0, True
        )
        return [self.conversation.finding(self.rule, missing, FindingStatus.CERTAIN, ended)]

    def _has_passed(self, hearing: Hearing) -> bool:
        latest = hearing.syllables[-1]
        beyond_s = latest.speech_s - self.speech_s
        silent = hearing.analysed_s > latest.start_s + PHRASE_PAUSE_S
        return beyond_s > _SLACK_SPEECH_S or (beyond_s > 0 and silent)

    def _sentence_end(self, hearing: Hearing) -> int:
        """The last syllable of the leg's first sentence, within the opening."""
        syllables = hearing.syllables
        for index in range(1, len(syllables)):
            pause_s = syllables[index].start_s - syllables[index - 1].start_s - SYLLABLE_S
            if pause_s > _SENTENCE_PAUSE_S or syllables[index].speech_s > self.speech_s:
                return index - 1
        return len(syllables) - 1

    def _names(self) -> str:
        return " ".join(sorted(each.partition(":")[2] for each in self.patterns))


_Ear = _SaidEar | _OpeningEar


def _hearing(leg: Leg, rules: list[SpeechRule], rulebook: SpeechRulebook) -> Hearing:
    events: list[Event] = [event for rule in rules for event in (rule.event, *rule.lies_on)]
    names = {
        name
        for event in everything_in(events)
        if isinstance(event, Said) and leg in event.legs
        for name in event.patterns
    }
    return Hearing(leg, rulebook.phrases, {name: rulebook.patterns[name] for name in names})


def _ear(rule: SpeechRule, conversation: Conversation) -> _Ear | None:
    match rule.event:
        case Said(patterns=patterns):
            return _SaidEar(rule, patterns, conversation)
        case Unopened(told=told, speech_s=speech_s):
            return _OpeningEar(rule, told.patterns, speech_s, conversation)
    return None


def _other(leg: Leg) -> Leg:
    return Leg.CUSTOMER if leg is Leg.AGENT else Leg.AGENT
