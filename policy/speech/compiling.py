"""Owns turning the events of a pack, as they are written, into events that are watched for.

Called by `rulebook` when rules are compiled, one Compiler a pack. Invariant: what has one name, or
asks for the same patterns by the same legs, becomes one event.
"""

from collections.abc import Callable, Hashable, Iterable

from policy.identity import Title
from policy.rule import TitleText
from policy.speech import event, pack
from policy.speech.duty import Obligation
from policy.speech.event import Around, Event, Said
from policy.speech.utterance import Leg

_ONE_TURN = 1
"""Changes of the speaker from a question to its answer."""


class Compiler:
    def __init__(self, speech_pack: pack.SpeechPack) -> None:
        self._pack = speech_pack
        self._named: dict[str, Event] = {}
        self._said: dict[tuple[frozenset[Leg], frozenset[str]], Said] = {}
        self._alike: dict[tuple[Hashable, ...], Event] = {}
        self._ends = event.CallEnds()

    def named(self, name: str) -> Event:
        """The event of this name, or that a pattern of this name is said by its legs."""
        if name == pack.CALL_ENDS:
            return self._ends
        if name not in self._named:
            written = self._pack.events.get(name)
            self._named[name] = (
                self.event(written)
                if written is not None
                else self._says(_legs(self._pack.patterns[name].leg), [name])
            )
        return self._named[name]

    def names(self) -> dict[Event, str]:
        """What the pack calls the events that were asked for by a name, or their patterns."""
        found: dict[Event, str] = {
            said: " ".join(sorted({each.partition(":")[2].partition("@")[0] for each in patterns}))
            for (_, patterns), said in self._said.items()
        }
        return (
            found | {each: name for name, each in self._named.items()} | {self._ends: "call.ends"}
        )

    def event(self, written: pack.Happening) -> Event:
        """The event with all that is asked of what happens around it."""
        found = self._bare(written)
        after, unless_after = self._around(written.after), self._around(written.unless_after)
        if isinstance(written, pack.SaidText) and written.answering:
            question = self._says({_other(Leg(written.leg))}, written.answering)
            after += (Around((question,), within_turns=_ONE_TURN),)
        if isinstance(written, pack.NotSaidText) and written.by:
            told = self._says({Leg(written.leg)}, written.patterns)
            unless_after += (Around((told,)),)
        followed = self._around(written.followed_by)
        unless_followed = self._around(written.unless_followed_by)
        if after or unless_after or followed or unless_followed or written.provisional:
            found = event.InContext(
                found, after, unless_after, followed, unless_followed, written.provisional
            )
        count = written.count
        if count is not None:
            found = event.Counted(found, count.at_least, count.within_s, count.same_pattern)
        return found

    def obligation(self, rule: pack.NotSaidRule) -> Obligation:
        """What the rule says must be told."""
        owed, before = rule.owed, None
        named = [name for name in rule.by if name != pack.CALL_ENDS]
        if owed and owed.before:
            before = _title(owed.before)
        elif rule.within_speech_s is not None:
            seconds = f"{rule.within_speech_s:g}"
            before = Title(f"坐席开口 {seconds} 秒", f"Agent's first {seconds} s of speech")
        elif named:
            before = Title(" / ".join(named), " / ".join(named))
        return Obligation(
            _title(owed.what if owed else rule.title),
            self._says({Leg(rule.leg)}, rule.patterns),
            before,
            self._around(rule.after),
            self._around(rule.unless_after),
        )

    def _bare(self, written: pack.Happening) -> Event:
        match written:
            case pack.SaidText():
                said = self._says({Leg(written.leg)}, written.patterns)
                return self._compared(said, written.compare) if written.compare else said
            case pack.NotSaidText(within_speech_s=None):
                return self._any(map(self.named, written.by))
            case pack.NotSaidText(within_speech_s=float(speech_s)):
                leg = Leg(written.leg)
                return event.Unopened(leg, self._says({leg}, written.patterns), speech_s)
            case pack.NoAnswerText():
                leg = Leg(written.leg)
                question = self._says({_other(leg)}, written.to)
                return event.NoAnswer(leg, question, written.within_s)
            case pack.SpeaksText():
                leg = Leg(written.leg)
                without = tuple(self._by(leg, each) for each in written.without)
                return event.Speaks(leg, without, written.at_least_syllables)
            case pack.TalkOverText():
                return self._once(
                    event.TalkOver,
                    Leg(written.leg),
                    written.longer_than_s,
                    written.more_than_times,
                    written.within_s,
                    written.at_least_s,
                )
            case pack.SilenceText():
                return self._once(event.Silence, Leg(written.leg), written.longer_than_s)
            case pack.VoiceText():
                return self._once(
                    event.Voice,
                    Leg(written.leg),
                    written.louder_by_db,
                    written.faster_by_percent,
                    frozenset(written.emotions),
                    written.at_least,
                )
            case pack.AnyText():
                return self._any(map(self.named, written.of))
            case pack.AllText():
                of = tuple(map(self.named, written.of))
                return event.AllOf(of, written.within_s, written.in_order)
        raise TypeError(f"no event for {type(written).__name__}")

    def _once(self, kind: Callable[..., Event], *asked: Hashable) -> Event:
        """One event for all that ask for the same."""
        return self._alike.setdefault((kind, *asked), kind(*asked))

    def _any(self, of: Iterable[Event]) -> Event:
        found = tuple(of)
        return found[0] if len(found) == 1 else event.AnyOf(found)

    def _by(self, leg: Leg, name: str) -> Event:
        """An event of this name, or the pattern said by this leg."""
        return self.named(name) if name in self._pack.events else self._says({leg}, [name])

    def _compared(self, said: Said, written: pack.ComparisonText) -> Event:
        return event.Compared(
            said,
            written.fact,
            written.slot,
            written.told,
            written.tolerance,
            written.says or "",
        )

    def _around(self, written: pack.AroundText | None) -> tuple[Around, ...]:
        if written is None:
            return ()
        of = tuple(map(self.named, written.any or written.all))
        until = tuple(map(self.named, written.until))
        return (Around(of, bool(written.all), written.within_s, written.within_turns, until),)

    def _says(self, legs: Iterable[Leg], patterns: Iterable[str]) -> Said:
        names = frozenset(
            full
            for name in patterns
            for full in (
                f"{self._pack.pack}:{name}",
                *(
                    f"{self._pack.pack}:{name}@{dialect}"
                    for dialect in self._pack.patterns[name].dialects
                ),
            )
        )
        key = (frozenset(legs), names)
        return self._said.setdefault(key, Said(*key))


def _title(written: TitleText) -> Title:
    return Title(zh=written.zh, en=written.en)


def _legs(leg: str | None) -> set[Leg]:
    return set(Leg) if leg in (None, "either") else {Leg(leg)}


def _other(leg: Leg) -> Leg:
    return Leg.CUSTOMER if leg is Leg.AGENT else Leg.AGENT
