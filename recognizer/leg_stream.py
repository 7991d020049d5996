"""Owns one leg on its way through the workers: what was fed, what came out, what to feed again
when a worker dies.

Made by the pool, fed and listened to by `recognizer.analysis`. What is not analysed is counted,
never passed over: received = analysed + waiting + lost.
"""

import asyncio
import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from policy.speech.not_analysed import NOT_RECEIVED, Missing
from recognizer import wire
from recognizer.kept_samples import KeptSamples
from recognizer.process import WorkerProcess
from recognizer.syllables import Heard
from recognizer.timeline import Timeline
from recognizer.wire import Frame, Kind

WORKER_LOST = "worker-lost"
SINCE_ANCHOR_S = 30.0
"""A new worker hears the leg again from its last anchor, and then hears what the old one would
have heard, unless so much audio or more has come since."""
CONTEXT_S = 12.0
"""Then, audio before the words in question that it hears again: the encoder looks back so far, and
the gate learns the line's noise anew. Of 80 utterances with a death every 9.7 s, 4 s change the
words of 3, 8 s of 1, 12 s of none, 16 s of 1: nearly always the same words, not by necessity."""
KEPT_S = 15.0
"""Audio kept for who wants to listen to it once more."""
BACKLOG_S = 5.0
"""Audio a leg may be ahead of the decoding before its source is made to wait."""
LONGEST_GAP_FED_S = 2.0
"""Of a longer gap only so much silence is decoded; it ends any utterance."""
DEATHS_BEFORE_GIVING_UP = 3
"""A worker that dies so often without getting on loses the audio it dies over."""
WITHOUT_WORKER_LIMIT_S = 15.0
"""How long the source of a leg is made to wait for a worker before its audio is given up."""


@dataclass(frozen=True)
class Words:
    """The utterance `number` of a leg so far, times in seconds of the call. No token of the leg
    that begins before `until_s` is still to come."""

    number: int
    heard: tuple[Heard, ...]
    until_s: float
    final: bool
    loudness_db: float | None = None
    """Of a final one whose audio was heard to its end."""


class LegStream:
    """`on_words` gets each change of an utterance, `on_position` the second of the call up to
    which all words have come out; both in order, `on_words` first."""

    def __init__(
        self,
        number: int,
        rate_hz: int,
        on_words: Callable[[Words], None],
        on_position: Callable[[float], None],
    ) -> None:
        self.number, self.rate_hz = number, rate_hz
        self.worker: WorkerProcess | None = None
        self.causes: set[str] = set()
        self.missing = Missing()
        """Which seconds of the call never came, and which were given up."""
        self.closed = asyncio.Event()
        self._on_words, self._on_position = on_words, on_position
        self._timeline = Timeline()
        self._kept = KeptSamples()
        self._fed = self._needed_from = 0
        self._anchor: tuple[int, bytes] | None = (0, b"")
        """The last that its worker told: the sample it lies at, and what a worker that begins
        there must know."""
        self._sent_from = 0
        self._analysed = self._utterance_from = self._analysed_at_death = 0
        self._taken = 0
        self._lost = 0
        self._deaths = 0
        self._utterances = 0
        self._so_far: tuple[Heard, ...] = ()
        self._words: list[Heard] = []
        """Of its worker's utterance, which may begin before ours; `_words_at`: their samples."""
        self._words_at: list[int] = []
        self._finishing = False
        self._moved_on = asyncio.Event()
        self._heard_before = self._begins = 0
        self._goes_on = False
        self._measured = True

    def go_on(self, heard_until_s: float, utterances: int) -> None:
        """Before any audio: another recognizer heard the leg up to there, in so many utterances.

        The audio that comes may begin earlier, so that the words are heard as they were there; what
        lies before is neither told nor counted.
        """
        self._heard_before = round(heard_until_s * self.rate_hz)
        self._utterances = utterances
        self._goes_on = True
        self._begins = self._heard_before
        self._timeline.gap(0, 0, self._begins)

    @property
    def expected_sample(self) -> int:
        """The call's sample that comes next if nothing is missing."""
        return self._timeline.of_call(self._fed)

    @property
    def received_s(self) -> float:
        return self._counted(self._fed) / self.rate_hz

    @property
    def analysed_s(self) -> float:
        """Received seconds whose words have come out."""
        return max(0, self._counted(self._analysed) - self._lost) / self.rate_hz

    @property
    def position_s(self) -> float:
        """Second of the call up to which all words have come out."""
        return self._timeline.of_call(self._analysed) / self.rate_hz

    @property
    def taken_s(self) -> float:
        """Second of the call up to which nothing waits for the model: its words have come out, or
        it is in a stretch of speech that still grows."""
        return self._timeline.of_call(max(self._taken, self._analysed)) / self.rate_hz

    @property
    def waiting_s(self) -> float:
        return (self._fed - max(self._taken, self._analysed)) / self.rate_hz

    async def push(self, first_sample: int, pcm: bytes) -> None:
        """Takes audio that begins at the call's `first_sample`; a jump forward is a gap.

        Waits while the decoding is more than BACKLOG_S behind. Raises ValueError when the
        samples lie before those already taken.
        """
        if self._goes_on and not self._fed:
            first_sample, pcm = self._begin(first_sample, pcm)
            if not pcm:
                return
        missing = first_sample - self.expected_sample
        if missing < 0:
            raise ValueError(f"sample {first_sample} comes after {self.expected_sample}")
        if missing:
            silence = min(missing, int(LONGEST_GAP_FED_S * self.rate_hz))
            self._miss(self.expected_sample, first_sample, NOT_RECEIVED)
            self._timeline.gap(self._fed, silence, missing)
            self.causes.add(NOT_RECEIVED)
            self._feed(bytes(2 * silence))
        self._feed(pcm)
        while self.waiting_s > BACKLOG_S and not self.closed.is_set():
            self._moved_on.clear()
            limit_s = None if self.worker else WITHOUT_WORKER_LIMIT_S
            try:
                async with asyncio.timeout(limit_s):
                    await self._moved_on.wait()
            except TimeoutError:
                self._give_up_waiting()

    async def audio(self, start_s: float, end_s: float) -> bytes | None:
        """The leg's samples between two seconds of the call, waiting for those still to come; gaps
        are silence. None where they were forgotten, or lost with their worker."""
        if round(max(0.0, start_s) * self.rate_hz) < self._begins:
            return None
        first, last = (
            self._timeline.fed_of(round(max(0.0, each) * self.rate_hz)) for each in (start_s, end_s)
        )
        await self._kept.come(last)
        return self._kept.between(first, last)

    def measure(self, wanted: bool) -> None:
        """Whether it is told how loud the leg's utterances are."""
        if wanted is not self._measured:
            self._measured = wanted
            if self.worker is not None:
                self.worker.send(Kind.MEASURE, self.number, bytes([wanted]))

    def finish(self) -> None:
        """No more audio comes; `closed` is set when all words have come out."""
        self._finishing = True
        self._kept.end()
        if self.worker is not None:
            self.worker.send(Kind.FINISH, self.number)

    async def drained(self) -> None:
        """Waits until all words have come out, or no worker came for them in time."""
        while not self.closed.is_set():
            try:
                async with asyncio.timeout(WITHOUT_WORKER_LIMIT_S):
                    await self.closed.wait()
            except TimeoutError:
                if self.worker is None:
                    self.give_up()

    def drop(self) -> None:
        """Nobody wants the rest."""
        if self.worker is not None and not self.closed.is_set():
            self.worker.send(Kind.DROP, self.number)
        self.worker = None
        self._kept.clear()
        self._finishing = True
        self._kept.end()
        self.closed.set()
        self._moved_on.set()

    @property
    def again_s(self) -> float:
        """How much a worker that takes it over must hear again, to hear just what its present one
        hears; infinite where it cannot."""
        if self._anchor is None or self.closed.is_set():
            return math.inf
        return (self._fed - self._anchor[0]) / self.rate_hz

    def assign(self, worker: WorkerProcess) -> None:
        """Goes on in `worker`: what is kept is heard (again) there."""
        if self.worker is not None:
            self.worker.send(Kind.DROP, self.number)
        self.worker = worker
        self._taken = 0
        self._words, self._words_at = [], []
        self._sent_from, state = self._anchor or (self._without_anchor(worker.step_s), b"")
        worker.send(Kind.OPEN, self.number, wire.with_rate_payload(self.rate_hz, state))
        if not self._measured:
            worker.send(Kind.MEASURE, self.number, b"\0")
        for pcm in self._kept.since(self._sent_from):
            worker.send(Kind.AUDIO, self.number, pcm)
        if self._finishing:
            worker.send(Kind.FINISH, self.number)

    def orphaned(self) -> None:
        """Its worker died. Audio over which workers die again and again is given up."""
        self.worker = None
        progressed = self._analysed > self._analysed_at_death
        self._deaths = 1 if progressed else self._deaths + 1
        self._analysed_at_death = self._analysed
        if self._deaths >= DEATHS_BEFORE_GIVING_UP:
            self._give_up_waiting()
        self._moved_on.set()

    def give_up(self) -> None:
        """No worker will come: what waits is lost, and the leg is closed."""
        self.worker = None
        self._give_up_waiting()
        self.closed.set()
        self._moved_on.set()

    def take(self, frame: Frame) -> None:
        """A frame from the worker."""
        kind, _, payload = frame
        if kind is Kind.PARTIAL:
            self._partial(*self._located(payload))
        elif kind is Kind.FINAL:
            self._final(*self._located(payload))
            self._words, self._words_at = [], []
        elif kind is Kind.POSITION:
            position_s, taken_s = wire.position_of(payload)
            self._take_up_to(self._sent_from + round(taken_s * self.rate_hz))
            self._advance(self._sent_from + round(position_s * self.rate_hz))
        elif kind is Kind.ANCHOR:
            sample, state = wire.anchor_of(payload)
            self._anchor = self._sent_from + sample, state
        elif kind is Kind.CLOSED:
            self._advance(self._fed)
            self.closed.set()

    def _located(self, payload: bytes) -> tuple[int, tuple[Heard, ...], float | None]:
        """Where the decoding stood, the words with the call's times, without what an earlier
        utterance has told already, and how loud they were."""
        at_s, first, heard, loudness_db = wire.heard_of(payload)
        del self._words[first:], self._words_at[first:]
        for each in heard:
            fed = self._sent_from + round(each.start_s * self.rate_hz)
            self._words_at.append(fed)
            of_call_s = self._timeline.of_call(fed) / self.rate_hz
            self._words.append(Heard(each.text, each.shown, of_call_s))
        told = bisect_left(self._words_at, self._utterance_from)
        at = self._sent_from + round(at_s * self.rate_hz)
        return at, tuple(self._words[told:]), loudness_db

    def _partial(self, at: int, words: tuple[Heard, ...], _: float | None) -> None:
        # A new worker that hears the utterance again says what is known already.
        if words != self._so_far and len(words) >= len(self._so_far):
            self._tell(words, at, final=False)

    def _final(self, ended: int, words: tuple[Heard, ...], loudness_db: float | None) -> None:
        if ended <= self._utterance_from:  # heard again on the way to the utterance in question
            return
        if not words and ended > self._analysed:
            words = self._so_far
        if words:
            self._tell(words, ended, final=True, loudness_db=loudness_db)
        if words or not self._so_far:
            self._begin_utterance(ended)

    def _tell(
        self,
        words: tuple[Heard, ...],
        at: int,
        *,
        final: bool,
        loudness_db: float | None = None,
    ) -> None:
        self._so_far = words
        until_s = self._timeline.of_call(min(at, self._fed)) / self.rate_hz
        self._on_words(Words(self._utterances, words, until_s, final, loudness_db))

    def _begin_utterance(self, fed: int) -> None:
        self._utterances += bool(self._so_far)
        self._so_far = ()
        self._utterance_from = fed

    def _take_up_to(self, fed: int) -> None:
        self._taken = min(fed, self._fed)
        self._moved_on.set()

    def _advance(self, fed: int) -> None:
        fed = min(fed, self._fed)
        if fed <= self._analysed:  # a new worker that hears again what the old one heard
            return
        self._analysed = fed
        self._forget()
        self._moved_on.set()
        self._on_position(self.position_s)

    def _forget(self) -> None:
        """Drops the audio that no new worker would need and nobody may still want to hear."""
        needed = self._analysed
        if self._so_far:
            first_s = self._so_far[0].start_s
            needed -= round(max(0.0, self.position_s - first_s) * self.rate_hz)
        needed -= int(CONTEXT_S * self.rate_hz)
        self._needed_from = max(self._needed_from, needed)
        needed = min(needed, self._analysed - int(KEPT_S * self.rate_hz))
        if self._anchor is not None:
            if self._analysed - self._anchor[0] > SINCE_ANCHOR_S * self.rate_hz:
                self._anchor = None
            else:
                needed = min(needed, self._anchor[0])
        self._kept.forget(needed)

    def _without_anchor(self, step_s: float) -> int:
        """On the old worker's grid of steps the new one hears the same words."""
        step = round(step_s * self.rate_hz)
        aligned = -(-self._needed_from // step) * step
        return aligned if aligned <= self._analysed else self._needed_from

    def _begin(self, first_sample: int, pcm: bytes) -> tuple[int, bytes]:
        """What is to be fed of the first audio of a leg that goes on here: from the next place on
        the other recognizer's grid of steps, unless that lies beyond what was heard there."""
        if first_sample >= self._heard_before:
            return first_sample, pcm
        step = round(self.worker.step_s * self.rate_hz) if self.worker else 1
        begins = -(-first_sample // step) * step
        if begins > self._heard_before:
            begins = first_sample
        pcm = pcm[2 * (begins - first_sample) :]
        if pcm:
            self._begins = begins
            self._timeline = Timeline()
            self._timeline.gap(0, 0, begins)
            self._utterance_from = self._timeline.fed_of(self._heard_before)
        return begins, pcm

    def _counted(self, fed: int) -> int:
        """How many of the first `fed` samples were received and are this stream's to account."""
        before = self._timeline.received(self._timeline.fed_of(self._heard_before))
        return max(0, self._timeline.received(fed) - before)

    def _miss(self, first: int, last: int, cause: str) -> None:
        """From sample `first` of the call to before `last`, as far as it is this stream's."""
        first = max(first, self._heard_before)
        self.missing.add(first / self.rate_hz, last / self.rate_hz, cause)

    def _feed(self, pcm: bytes) -> None:
        self._kept.add(pcm)
        self._fed += len(pcm) // 2
        if self.worker is not None:
            self.worker.send(Kind.AUDIO, self.number, pcm)

    def _give_up_waiting(self) -> None:
        """Counts what waits as lost; the utterance ends with what is known of it."""
        self._kept.clear()
        self._needed_from, self._anchor = self._fed, (self._fed, b"")
        if self._so_far:
            self._tell(self._so_far, self._analysed, final=True)
        self._begin_utterance(self._fed)
        lost = self._counted(self._fed) - self._counted(self._analysed)
        if lost:
            self._lost += lost
            self.causes.add(WORKER_LOST)
        for first, last in self._timeline.received_between(self._analysed, self._fed):
            self._miss(first, last, WORKER_LOST)
        self._deaths = 0
        self._advance(self._fed)
