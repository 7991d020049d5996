"""Owns one call's analysis, the same for a live call and for a recording: samples of both legs in,
utterances, findings and duties out, and the account of what was heard.

Called by the service and by `scan`. What could not be analysed stands in the coverage with its
cause; it never passes for clean.
"""

import asyncio
import math
import time
import traceback
from collections.abc import Callable
from dataclasses import replace

import structlog

from policy.speech.circumstances import CallCircumstances
from policy.speech.conversation import Conversation
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.duty import of_either
from policy.speech.finding import Finding
from policy.speech.not_analysed import NOT_RECEIVED, NotAnalysed, coalesced
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg, Token, Utterance, Voice
from recognizer import syllables
from recognizer.answers import Answers
from recognizer.heard_elsewhere import HeardElsewhere
from recognizer.leg_stream import WORKER_LOST, LegStream, Words
from recognizer.load import (
    CUSTOMER_ACOUSTICS,
    PARTIALS,
    SECOND_HEARING,
    SECOND_LOOK,
    Lateness,
    Load,
)
from recognizer.pool import Pool
from recognizer.second_hearing import Awaited, SecondHearing
from recognizer.told import Heard, LegCoverage, Looked, Owed, ShadowFinding
from recognizer.verdicts import Pass, Verdicts

SYLLABLE_S = 0.25
"""How long the last token is taken to last: the model tells beginnings only."""
_TOLERATED_S = 0.5
"""Audio a leg may lack against the call's length, for the time it takes to fork it."""
_MISSED_S = 1.0
"""A gap this long, also before a leg's first sample, may hold words."""
_AROUND_S = 0.4
"""Audio before and after an utterance that the second pass hears as well."""
_LAST_LOOKS_S = 5.0
"""How long the end of a live call waits for answers to its last doubts, and for better words."""
_NOWHERE = HeardElsewhere()

_log = structlog.get_logger()


class AnalysisFailed(Exception):
    """The rules could not be applied to what was heard. Carries no words spoken."""


class Analysis:
    """One call. `deliver` gets utterances and findings as they come. `close` it."""

    def __init__(
        self,
        pool: Pool,
        rulebook: SpeechRulebook,
        circumstances: CallCircumstances,
        *,
        rate_hz: int,
        deliver: Callable[[Heard], None],
        shadow: SpeechRulebook | None = None,
        patient: bool = False,
        elsewhere: HeardElsewhere = _NOWHERE,
        load: Load | None = None,
    ) -> None:
        """`shadow` judges beside `rulebook`; what it finds is delivered as a ShadowFinding.
        `patient`: every doubt is waited for, however long it takes. `elsewhere`: what another
        recognizer heard of the call; `go_on` takes it up. `load` is told how late a live call's
        words are, and says what it has to go without."""
        self._pool, self._rate_hz, self._deliver = pool, rate_hz, deliver
        self._conversation = Conversation(rulebook, circumstances)
        self._in_shadow = rulebook.in_shadow
        self._shadow = Conversation(shadow, circumstances) if shadow else None
        self._elsewhere = elsewhere
        self._streams: dict[Leg, LegStream] = {}
        self._leg_comes = {leg: asyncio.Event() for leg in Leg}
        self._patient = patient
        self._answers = Answers(self._look, self._take_answer)
        self._verdicts = Verdicts()
        self._again: SecondHearing | None = None
        self._hearing_again: dict[asyncio.Task[None], Awaited] = {}
        if pool.second_pass is not None:
            second = Conversation(rulebook, circumstances)
            self._again = SecondHearing(second, self._judge, self._settle)
        self._load = load
        self._lateness = Lateness(load.now if load else time.monotonic, self._streams)
        self._leave_load = load.begin(self._lateness) if load else lambda: None
        self._not_heard_from: dict[Leg, float] = {}
        """Where the rules have not heard a growing utterance, for want of time."""
        self._failure: Exception | None = None
        self._call_s: float | None = None
        self._owed = Owed(())
        self._tells_duties = not elsewhere.until_s
        self._tell_duties()

    async def go_on(self) -> None:
        """Has the rules hear what was heard elsewhere, other calls in between. To be waited for
        before any audio."""
        awaited: dict[str, Awaited] = {}
        for utterance in self._elsewhere.utterances:
            if not utterance.second_pass:
                waiting = self._first_heard(utterance)
                if waiting is not None:
                    awaited[utterance.utterance_id] = waiting
            elif self._again is not None and utterance.utterance_id in awaited:
                self._again.heard_again(awaited.pop(utterance.utterance_id), utterance)
            await asyncio.sleep(0)
        if self._again is not None:
            for each in awaited.values():
                self._hear_better_words(self._again, each)
        for leg, until_s in self._elsewhere.until_s.items():
            if leg in self._elsewhere.missed:
                self._miss(leg)
            self._come_to(leg, until_s)
        self._tells_duties = True
        self._tell_duties()

    async def hear(self, leg: Leg, first_sample: int, pcm: bytes) -> None:
        """Samples of one leg, signed 16-bit little-endian mono, placed since the call's start.

        Waits while the decoding is behind. Raises ValueError for samples before those already
        heard, AnalysisFailed.
        """
        self._check()
        stream = self._streams.get(leg)
        if stream is None:
            beside = next(iter(self._streams.values()), None)
            stream = self._pool.open(
                self._rate_hz,
                lambda words: self._hear_words(leg, words),
                lambda position_s: self._advance(leg, position_s),
                beside,
            )
            if leg in self._elsewhere.until_s:
                used = self._elsewhere.utterances_of(leg)
                stream.go_on(self._elsewhere.until_s[leg], used)
            self._streams[leg] = stream
            self._leg_comes[leg].set()
        if first_sample - stream.expected_sample > _MISSED_S * self._rate_hz:
            self._miss(leg)
        if leg is Leg.CUSTOMER:
            stream.measure(not self._goes_without(CUSTOMER_ACOUSTICS))
        self._lateness.came(leg, (first_sample + len(pcm) // 2) / self._rate_hz)
        await stream.push(first_sample, pcm)

    async def finish(self, seconds: float = 0.0) -> float:
        """The call ended; `seconds` is its length, if more is known than its audio tells.

        Waits for the last words and looks, settles the rules, and returns the length. Raises
        AnalysisFailed.
        """
        for comes in self._leg_comes.values():
            comes.set()
        for stream in self._streams.values():
            stream.finish()
        await asyncio.gather(*(each.drained() for each in self._streams.values()))
        await self._last_heard_again()
        await self._answers.last(None if self._patient else _LAST_LOOKS_S)
        self._check()
        positions_s = [each.position_s for each in self._streams.values()]
        heard_s = max([*positions_s, *self._elsewhere.until_s.values()], default=0.0)
        self._call_s = max(seconds, heard_s)
        self._apply(lambda conversation: conversation.finish(heard_s))
        if self._again is not None:
            self._judge(self._again.conversation, lambda each: each.finish(heard_s))
            for leg in Leg:
                self._settle(leg, math.inf)
        self._check()
        return self._call_s

    def coverage(self) -> list[LegCoverage]:
        """Of both legs, so far; after `finish` against the length of the call."""
        return [self._leg_coverage(leg) for leg in Leg]

    def close(self) -> None:
        """Frees what the workers hold of it."""
        self._leave_load()
        self._answers.close()
        for task in self._hearing_again:
            task.cancel()
        for stream in self._streams.values():
            self._pool.close_stream(stream)

    def _goes_without(self, what: str) -> bool:
        return self._load is not None and self._load.goes_without(what)

    def _leg_coverage(self, leg: Leg) -> LegCoverage:
        stream = self._streams.get(leg)
        received_s = stream.received_s if stream else 0.0
        causes = set(stream.causes) if stream else set()
        missing = list(stream.missing.spans) if stream else []
        before_s = self._elsewhere.until_s.get(leg, 0.0)
        came_s = received_s + before_s
        if self._call_s is not None and self._call_s - came_s > _TOLERATED_S:
            causes.add(NOT_RECEIVED)
            ended_s = stream.expected_sample / self._rate_hz if stream else before_s
            missing.append(NotAnalysed(ended_s, self._call_s, NOT_RECEIVED))
        analysed_s = stream.analysed_s if stream else 0.0
        until_s = stream.position_s if stream else before_s
        why = tuple(sorted(causes))
        return LegCoverage(leg, received_s, analysed_s, why, until_s, coalesced(missing))

    def _hear_words(self, leg: Leg, words: Words) -> None:
        last_s = words.heard[-1].start_s
        utterance = Utterance(
            utterance_id=f"{leg.value}-{words.number}",
            leg=leg,
            start_s=words.heard[0].start_s,
            end_s=max(last_s, min(last_s + SYLLABLE_S, words.until_s)),
            tokens=tuple(Token(each.text, each.start_s) for each in words.heard),
            final=words.final,
            settled=len(words.heard),
            text=syllables.as_text(words.heard),
            voice=None if words.loudness_db is None else Voice(words.loudness_db),
        )
        if not utterance.final and self._goes_without(PARTIALS):
            # One is told, so that who listens knows since when somebody speaks.
            if leg not in self._not_heard_from:
                self._not_heard_from[leg] = utterance.start_s
                self._deliver(utterance)
            return
        self._not_heard_from.pop(leg, None)
        self._deliver(utterance)
        awaited = self._first_heard(utterance)
        if awaited is not None and self._again is not None:
            self._hear_better_words(self._again, awaited)

    def _first_heard(self, utterance: Utterance) -> Awaited | None:
        """The rules hear it; what the second pass is now to hear, if there is one."""
        self._apply(lambda conversation: conversation.hear(utterance))
        if self._again is None or not utterance.final:
            return None
        return self._again.finished(utterance)

    def _hear_better_words(self, again: SecondHearing, awaited: Awaited) -> None:
        task = asyncio.ensure_future(self._hear_again(again, awaited))
        self._hearing_again[task] = awaited
        task.add_done_callback(lambda done: self._hearing_again.pop(done, None))

    async def _hear_again(self, again: SecondHearing, awaited: Awaited) -> None:
        first = awaited.heard
        stream = await self._stream_of(first.leg)
        if stream is None or self._goes_without(SECOND_HEARING):
            again.heard_again(awaited, first)
            return
        heard = await self._pool.hear_again(
            stream,
            first.start_s - _AROUND_S,
            first.end_s + _AROUND_S,
            patient=self._patient,
        )
        if not heard or not heard[0]:
            again.heard_again(awaited, first)
            return
        words, emotion = heard
        voice = replace(first.voice, emotion=emotion) if first.voice else None
        better = replace(
            first,
            start_s=words[0].start_s,
            end_s=max(first.end_s, words[-1].start_s),
            tokens=tuple(Token(each.text, each.start_s) for each in words),
            settled=len(words),
            text=syllables.as_text(words),
            voice=voice,
            second_pass=True,
        )
        self._deliver(better)
        again.heard_again(awaited, better)

    async def _last_heard_again(self) -> None:
        limit_s = None if self._patient else _LAST_LOOKS_S
        if self._hearing_again and self._again is not None:
            _, late = await asyncio.wait(list(self._hearing_again), timeout=limit_s)
            for task in late:
                task.cancel()
                awaited = self._hearing_again.pop(task)
                self._again.heard_again(awaited, awaited.heard)

    def _advance(self, leg: Leg, position_s: float) -> None:
        if WORKER_LOST in self._streams[leg].causes:
            self._miss(leg)
        self._come_to(leg, position_s)

    def _come_to(self, leg: Leg, position_s: float) -> None:
        position_s = min(position_s, self._not_heard_from.get(leg, math.inf))
        self._apply(lambda conversation: conversation.advance(leg, position_s))
        if self._again is not None:
            self._again.advance(leg, position_s)

    def _miss(self, leg: Leg) -> None:
        self._conversation.miss(leg)
        if self._shadow is not None:
            self._shadow.miss(leg)
        if self._again is not None:
            self._again.conversation.miss(leg)

    def _settle(self, leg: Leg, heard_again_s: float) -> None:
        for finding in self._verdicts.settle(leg, heard_again_s):
            self._tell(finding)

    def _tell(self, finding: Finding) -> None:
        shadowed = finding.rule in self._in_shadow
        self._deliver(ShadowFinding(finding) if shadowed else finding)

    def _apply(self, rules: Callable[[Conversation], list[Finding]]) -> None:
        self._judge(self._conversation, rules)
        if self._shadow is not None:
            self._judge(self._shadow, rules)

    def _judge(
        self, conversation: Conversation, rules: Callable[[Conversation], list[Finding]]
    ) -> None:
        again = self._again is not None and conversation is self._again.conversation
        in_force = conversation is self._conversation or again
        if self._failure if in_force else conversation is not self._shadow:
            return
        try:
            for finding in rules(conversation):
                if not in_force:
                    self._deliver(ShadowFinding(finding))
                elif self._again is None:
                    self._tell(finding)
                else:
                    for told in self._verdicts.take(Pass.SECOND if again else Pass.FIRST, finding):
                        self._tell(told)
            if in_force:
                self._tell_duties()
            for doubt in conversation.doubts():
                self._look_at(conversation, doubt)
        except Exception as error:
            # A fault of one call must not end its worker's other calls, and a rulebook that is
            # tried out must not end what is in force.
            if in_force:
                self._failure = error
            else:
                _log.warning("shadow failed on this call", **_place_of(error))
                self._shadow = None

    def _tell_duties(self) -> None:
        """Whenever one has changed."""
        if not self._tells_duties:
            return
        duties = self._conversation.duties()
        if self._again is not None:
            duties = of_either(duties, self._again.conversation.duties())
        if duties != self._owed.duties:
            self._owed = Owed(duties)
            self._deliver(self._owed)

    async def _stream_of(self, leg: Leg) -> LegStream | None:
        """Waits for audio of the leg; None when the call ended without any."""
        await self._leg_comes[leg].wait()
        return self._streams.get(leg)

    async def _look(self, doubt: Doubt) -> SecondLook:
        stream = await self._stream_of(doubt.leg)
        if stream is None or self._goes_without(SECOND_LOOK):
            return SecondLook(doubt.doubt_id, looked=False)
        return await self._pool.looks.look(stream, doubt, patient=self._patient)

    def _look_at(self, conversation: Conversation, doubt: Doubt) -> None:
        """Has it listened to once more; what was answered elsewhere stays answered."""
        known = self._elsewhere.answers.get(doubt.doubt_id)
        if known is None:
            self._answers.ask(conversation, doubt)
        else:
            self._judge(conversation, lambda each: each.look(known))

    def _take_answer(self, conversation: Conversation, doubt: Doubt, answer: SecondLook) -> None:
        if conversation is not self._shadow:
            self._deliver(Looked(doubt, answer))
        self._judge(conversation, lambda each: each.look(answer))

    def _check(self) -> None:
        if self._failure is not None:
            place = _place_of(self._failure)
            what = f"{place['kind']} at {place['at']}"
            raise AnalysisFailed(f"the speech rules failed on this call ({what})") from None


def _place_of(error: Exception) -> dict[str, str]:
    """What failed and where. The exception's own text may hold words that were spoken."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    return {"kind": type(error).__name__, "at": f"{at.filename}:{at.lineno}"}
