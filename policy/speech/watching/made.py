"""Owns the watches of one call: one for each event that its rules are about, parts first.

Called by the conversation for every piece of news. Invariant: only the watches that the news is
about are asked, and those that wait for time to pass: what nobody spoke of costs nothing.
"""

import operator
from collections.abc import Callable, Iterable

from policy.speech import event as events
from policy.speech.circumstances import ProductFacts
from policy.speech.doubts import Doubts
from policy.speech.event import Event, everything_in
from policy.speech.hearing import Saying
from policy.speech.utterance import Leg
from policy.speech.watching.combined import AllOfWatch, AnyOfWatch, ComparedWatch, CountedWatch
from policy.speech.watching.context import InContextWatch, Judged
from policy.speech.watching.floor import NoAnswerWatch, SilenceWatch, TalkOverWatch, VoiceWatch
from policy.speech.watching.timeline import Timeline
from policy.speech.watching.watch import CallEndsWatch, Watch
from policy.speech.watching.words import SaidWatch, SpeaksWatch, UnopenedWatch


class Watches:
    def __init__(
        self,
        of: Iterable[Event],
        timeline: Timeline,
        doubts: Doubts,
        product: ProductFacts,
        judged: Callable[[Judged], None] | None = None,
    ) -> None:
        self._timeline, self._doubts, self._product = timeline, doubts, product
        self._judged = judged
        self.of: dict[Event, Watch] = {}
        self._by_saying: dict[tuple[Leg, str], list[SaidWatch]] = {}
        self._number: dict[Watch, int] = {}
        self._awake: set[Watch] = set()
        """Those that wait for time to pass, or of whose news it was told."""
        self._stirred: set[Watch] = set()
        """Those of which something was said, if only in doubt."""
        for event in everything_in(of):
            watch = self.of[event] = self._make(event)
            self._number[watch] = len(self._number)
            for part in event.parts():
                self.of[part].for_whom.append(watch)
            if isinstance(watch, SaidWatch) and isinstance(event, events.Said):
                for leg in event.legs:
                    for pattern in event.patterns:
                        self._by_saying.setdefault((leg, pattern), []).append(watch)
            if watch.waiting:
                self._awake.add(watch)
        made = self.of.values()
        self._on_growth = [each for each in made if isinstance(each, TalkOverWatch)]
        self._on_final = [each for each in made if isinstance(each, VoiceWatch)]
        self._on_words = [each for each in made if isinstance(each, SpeaksWatch)]
        self._on_silence = [each for each in made if isinstance(each, SilenceWatch)]
        self._seen = (0, 0, 0, 0)

    def take(self, saying: Saying) -> None:
        for watch in self._by_saying.get((saying.leg, saying.pattern), ()):
            watch.take(saying)
            self._stirred.add(watch)

    def wake_all(self) -> None:
        """Something has changed that any of them may depend on."""
        self._stirred |= self._number.keys()

    def work(self) -> set[Watch]:
        """Brings all up to date; those in which something may have changed."""
        self._timeline.move_on()
        self._hear_news()
        changed: set[Watch] = set()
        stirred, self._stirred = self._stirred, set()
        due, self._awake = self._awake | stirred, set()
        while due:
            later: set[Watch] = set()
            for watch in sorted(due, key=self._number.__getitem__):
                before = len(watch.occurrences)
                watch.work()
                if watch in stirred:
                    stirred |= set(watch.for_whom)
                if watch in stirred or len(watch.occurrences) > before:
                    changed.add(watch)
                    later |= set(watch.for_whom)
                if watch.waiting:
                    self._awake.add(watch)
            due = later
        return changed

    def _hear_news(self) -> None:
        """Wakes those that wait for what the timeline has just told."""
        line = self._timeline
        seen = (
            len(line.growths),
            sum(map(len, line.finals.values())),
            sum(len(each.syllables) for each in line.hearings.values()),
            len(line.gaps),
        )
        growths, finals, words, gaps = map(operator.ne, seen, self._seen)
        self._seen = seen
        self._awake.update(self._on_growth if growths else ())
        self._awake.update(self._on_final if finals else ())
        self._awake.update(self._on_words if words else ())
        if self._on_silence:
            silence_s = line.heard_s - line.spoken_until_s
            for each in self._on_silence:
                if gaps or silence_s > each.longer_than_s:
                    self._awake.add(each)

    def _make(self, event: Event) -> Watch:
        timeline = self._timeline
        match event:
            case events.Said():
                return SaidWatch(event, timeline, self._doubts)
            case events.CallEnds():
                return CallEndsWatch(event, timeline)
            case events.Unopened():
                return UnopenedWatch(event, timeline, self.of[event.told])
            case events.NoAnswer():
                return NoAnswerWatch(event, timeline, self.of[event.question])
            case events.Speaks():
                return SpeaksWatch(event, timeline, [self.of[each] for each in event.without])
            case events.TalkOver():
                return TalkOverWatch(event, timeline)
            case events.Silence():
                return SilenceWatch(event, timeline)
            case events.Voice():
                return VoiceWatch(event, timeline)
        return self._combined(event)

    def _combined(self, event: Event) -> Watch:
        timeline = self._timeline
        match event:
            case events.AnyOf():
                return AnyOfWatch(event, timeline, [self.of[each] for each in event.of])
            case events.AllOf():
                return AllOfWatch(event, timeline, [self.of[each] for each in event.of])
            case events.Compared():
                part = self.of[event.event]
                return ComparedWatch(event, timeline, part, self._product)
            case events.Counted():
                return CountedWatch(event, timeline, self.of[event.event])
            case events.InContext():
                return InContextWatch(event, timeline, self.of, self._judged)
        raise TypeError(f"no watch for {type(event).__name__}")
