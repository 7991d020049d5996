"""Owns one call's listening: both legs' utterances in, findings out, live as on a recording.

Called by the recognizer, one Conversation a call. Pure. Invariants: the same syllables at the same
times and the same second looks yield the same certain findings, however they were cut into partials
and in whatever order the legs and the looks arrived; a certain finding is never taken back.

What the caller owes: a leg's utterances come in their order; tokens `[:settled]` do not change;
after `advance(leg, t)` no token of that leg that begins before t comes any more.
"""

from collections.abc import Callable

from policy.speech.circumstances import CallCircumstances
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.doubts import Doubts
from policy.speech.duty import Duty
from policy.speech.event import Event, Said, everything_in
from policy.speech.finding import Finding
from policy.speech.hearing import Hearing, Saying
from policy.speech.rulebook import SpeechRule, SpeechRulebook
from policy.speech.ruling import Ruling
from policy.speech.utterance import Leg, Utterance
from policy.speech.watching.context import Judged
from policy.speech.watching.made import Watches
from policy.speech.watching.owing import Owing
from policy.speech.watching.timeline import Timeline
from policy.speech.watching.watch import Watch


class Conversation:
    """One call's. What is known of the call before a word is said are its circumstances; `judged`
    is told what each condition of a rule made of what happened."""

    def __init__(
        self,
        rulebook: SpeechRulebook,
        circumstances: CallCircumstances,
        judged: Callable[[Judged], None] | None = None,
    ) -> None:
        rules = rulebook.rules_for(circumstances.scene, circumstances.on)
        events = _events(rules)
        self._hearings = {
            leg: _hearing(leg, events, rulebook, circumstances.dialect) for leg in Leg
        }
        self._timeline = Timeline(self._hearings)
        self._doubts = Doubts(rulebook.patterns)
        self._watches = Watches(events, self._timeline, self._doubts, circumstances.product, judged)
        self._rulings: dict[Watch, list[Ruling]] = {}
        self._final: set[tuple[Leg, str]] = set()
        self._open: dict[Ruling, None] = {}
        """Rulings that wait for time to pass."""
        self._in_order: dict[Ruling, int] = {}
        self._owing = [
            Owing(rule.id, rule.owes, self._watches.of) for rule in rules if rule.owes is not None
        ]
        for rule in rules:
            watch = self._watches.of[rule.event]
            lies_on = [self._watches.of[each] for each in rule.lies_on]
            ruling = Ruling(rule, rulebook.identity, self._timeline, watch, lies_on)
            self._rulings.setdefault(watch, []).append(ruling)
            self._in_order[ruling] = len(self._in_order)
        self._duties: tuple[Duty, ...] | None = None
        """As they stood when they were last asked for; None: something has happened since."""
        if circumstances.resumed:
            for leg in Leg:
                self.miss(leg)

    def hear(self, utterance: Utterance) -> list[Finding]:
        """Takes a partial or a final utterance; the same utterance again replaces the earlier."""
        sayings = list(self._hearings[utterance.leg].hear(utterance))
        if utterance.final:
            self._finals(utterance)
        return self._weigh(sayings)

    def advance(self, leg: Leg, analysed_s: float) -> list[Finding]:
        """Audio of the leg up to `analysed_s` (since the call's audio began) holds no more tokens
        than were heard. Settles what waited for silence."""
        return self._weigh(list(self._hearings[leg].advance(analysed_s)))

    def duties(self) -> tuple[Duty, ...]:
        """What must be told on this call, told by now or owed, in the order of the rules."""
        if self._duties is None:
            stand = (each.duty() for each in self._owing)
            self._duties = tuple(duty for duty in stand if duty is not None)
        return self._duties

    def doubts(self) -> list[Doubt]:
        """What is to be listened to once more, since it was last asked."""
        return self._doubts.unasked()

    def look(self, look: SecondLook) -> list[Finding]:
        """Takes the answer to a doubt; one that nobody waits for changes nothing."""
        if not self._doubts.answer(look):
            return []
        self._watches.wake_all()
        return self._weigh([])

    def finish(self, seconds: float) -> list[Finding]:
        """The call ended after so many seconds of audio: everything settles. Doubts that are still
        open stay as the words were heard."""
        sayings: list[Saying] = []
        for hearing in self._hearings.values():
            sayings += hearing.finish()
            hearing.analysed_s = max(hearing.analysed_s, seconds)
        self._doubts.close()
        self._timeline.ended = True
        self._watches.wake_all()
        return self._weigh(sayings)

    def miss(self, leg: Leg) -> None:
        """Words of the leg may have been lost by now: no rule about what it did not say speaks any
        more. What was not heard is the coverage's to show."""
        self._timeline.missed.add(leg)
        self._duties = None

    def hearing(self, leg: Leg) -> Hearing:
        return self._hearings[leg]

    def _finals(self, utterance: Utterance) -> None:
        name = utterance.leg, utterance.utterance_id
        if name not in self._final:
            self._final.add(name)
            self._timeline.finals[utterance.leg].append(utterance)

    def _weigh(self, sayings: list[Saying]) -> list[Finding]:
        for saying in sayings:
            self._watches.take(saying)
        concerned = dict(self._open)
        for watch in self._watches.work():
            self._duties = None
            concerned |= dict.fromkeys(self._rulings.get(watch, ()))
        findings: list[Finding] = []
        for ruling in sorted(concerned, key=self._in_order.__getitem__):
            findings += ruling.rule_on()
            self._open.pop(ruling, None)
            if ruling.waiting:
                self._open[ruling] = None
        return findings


def _events(rules: list[SpeechRule]) -> list[Event]:
    return everything_in(event for rule in rules for event in (rule.event, *rule.lies_on))


def _hearing(leg: Leg, events: list[Event], rulebook: SpeechRulebook, dialect: str) -> Hearing:
    """Listens for the patterns of the events, in the words of the call's dialect."""
    names = {
        name
        for event in events
        if isinstance(event, Said) and leg in event.legs
        for name in event.patterns
        if name.partition("@")[2] in ("", dialect)
    }
    return Hearing(leg, rulebook.phrases, {name: rulebook.patterns[name] for name in names})
