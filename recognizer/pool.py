"""Owns the worker processes: which leg is decoded where, and that a dead worker is followed by
another.

Used by the service and by `scan`. A leg's words come out in order whatever happens to workers, and
what could not be analysed is counted on the leg.
"""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import structlog

from recognizer import preflight, wire
from recognizer.decoding import Decoding
from recognizer.errands import Errands
from recognizer.leg_stream import LegStream, Words
from recognizer.models.model import Model
from recognizer.process import WorkerFailed, WorkerProcess
from recognizer.second_look import SecondLooks
from recognizer.syllables import Heard
from recognizer.wire import Frame, Kind, Work

_log = structlog.get_logger()
_LONGEST_PAUSE_S = 5.0
_SHARED_EVERY_S = 0.5
_BEHIND_S = 1.5
"""Audio that waits on a leg that is behind: more than its message and its decoding step."""


class Pool:
    """`start` before use, `close` after it. `on_change` is called when workers come or go."""

    def __init__(
        self,
        model: Model,
        workers: int,
        decoding: Decoding,
        on_change: Callable[[], None] | None = None,
        second_pass: Model | None = None,
    ) -> None:
        self.model, self.second_pass = model, second_pass
        self.size = workers
        self.restarts = 0
        self._decoding = decoding
        self._on_change = on_change or (lambda: None)
        self._workers: set[WorkerProcess] = set()
        self._done = Work()
        self._streams: dict[int, LegStream] = {}
        self._opened = 0
        self.errands = Errands(self._least_asked)
        self.looks = SecondLooks.by(model, self.errands)
        self._supervisors: list[asyncio.Task[None]] = []

    @property
    def alive(self) -> int:
        return len(self._workers)

    @property
    def worker_pids(self) -> list[int]:
        return sorted(each.pid for each in self._workers)

    @property
    def lag_s(self) -> float:
        """Audio that waits on the leg that waits longest, in seconds, beyond the decoding step
        that is being filled."""
        waiting_s = [
            each.waiting_s - (each.worker.step_s if each.worker else 0.0)
            for each in list(self._streams.values())
        ]
        return max([0.0, *waiting_s])

    @property
    def legs(self) -> int:
        return len(self._streams)

    @property
    def waiting_s(self) -> float:
        """Audio of all legs that waits to be decoded."""
        return sum(each.waiting_s for each in list(self._streams.values()))

    @property
    def work(self) -> Work:
        """What all its workers have done, those that ended included."""
        work = self._done
        for each in list(self._workers):
            work = work.plus(each.work)
        return work

    async def start(self) -> None:
        """Returns when every worker serves. Raises WorkerFailed if one cannot, all ended."""
        batch = await asyncio.to_thread(preflight.batch, self.model)
        self.model = replace(self.model, batch=batch)
        first = [WorkerProcess(self._take) for _ in range(self.size)]
        started = await asyncio.gather(
            *(self._start(worker, number) for number, worker in enumerate(first)),
            return_exceptions=True,
        )
        failures = [each for each in started if isinstance(each, BaseException)]
        if failures:
            await asyncio.gather(
                *(w.close() for w, s in zip(first, started, strict=True) if s is None)
            )
            raise failures[0]
        self._workers.update(first)
        self._supervisors = [
            asyncio.create_task(self._supervise(worker, number))
            for number, worker in enumerate(first)
        ]
        self._on_change()

    def open(
        self,
        rate_hz: int,
        on_words: Callable[[Words], None],
        on_position: Callable[[float], None],
        beside: LegStream | None = None,
    ) -> LegStream:
        """A leg's stream, on the worker of `beside` or on the one with the fewest streams."""
        self._opened += 1
        stream = LegStream(self._opened, rate_hz, on_words, on_position)
        self._streams[stream.number] = stream
        worker = (beside.worker if beside else None) or self._least_busy()
        if worker is not None:
            stream.assign(worker)
        return stream

    async def hear_again(
        self, stream: LegStream, start_s: float, end_s: float, *, patient: bool
    ) -> tuple[list[Heard], str] | None:
        """Words, with the call's times, and emotion of these seconds by the second pass; None
        where nobody could listen: the first pass's words then stand."""
        pcm = await stream.audio(start_s, end_s)
        if pcm is None or self.second_pass is None:
            return None
        payload = wire.with_rate_payload(stream.rate_hz, pcm)
        told = await self.errands.run(Kind.AGAIN, payload, patient=patient)
        if told is None:
            return None
        words, emotion, _ = wire.heard_again_of(told)
        begins_s = max(0.0, start_s)
        return [Heard(w.text, w.shown, begins_s + w.start_s) for w in words], emotion

    async def language(self, rate_hz: int, pcm: bytes) -> str:
        """What its model says is spoken there, as it labels it; empty where it does not."""
        payload = wire.with_rate_payload(rate_hz, pcm)
        told = await self.errands.run(Kind.AGAIN, payload, patient=False)
        return "" if told is None else wire.heard_again_of(told)[2]

    def close_stream(self, stream: LegStream) -> None:
        """The leg is over; its worker forgets it."""
        if self._streams.pop(stream.number, None):
            stream.drop()

    async def close(self) -> None:
        """Ends the workers; legs still open are given up."""
        for task in self._supervisors:
            task.cancel()
        await asyncio.gather(*self._supervisors, return_exceptions=True)
        await asyncio.gather(*(each.close() for each in list(self._workers)))
        for worker in self._workers:
            self.errands.ended(worker)
        self._workers.clear()
        for stream in list(self._streams.values()):
            stream.give_up()
            self.close_stream(stream)

    def _take(self, worker: WorkerProcess, frame: Frame) -> None:
        if frame[0] in (Kind.LOOKED, Kind.HEARD_AGAIN):
            self.errands.take(frame)
            return
        stream = self._streams.get(frame[1])
        if stream is not None and stream.worker is worker:
            stream.take(frame)

    def _least_asked(self) -> WorkerProcess | None:
        """The worker with the fewest errands."""
        workers = sorted(self._workers, key=lambda each: each.pid)
        return min(workers, key=self.errands.waiting_on, default=None)

    def _least_busy(self) -> WorkerProcess | None:
        busy = dict.fromkeys(sorted(self._workers, key=lambda each: each.pid), 0)
        for stream in self._streams.values():
            if stream.worker in busy:
                busy[stream.worker] += 1
        return min(busy, key=lambda worker: busy[worker], default=None)

    async def _start(self, worker: WorkerProcess, number: int) -> None:
        await worker.start(self.model, self._decoding.of_worker(number), self.second_pass)

    async def _supervise(self, worker: WorkerProcess, number: int) -> None:
        """Waits for the end of `worker`, the `number`-th, and puts another in its place, for
        ever."""
        while True:
            await self._end_of(worker)
            self._done = self._done.plus(worker.work)
            self._workers.discard(worker)
            self.errands.ended(worker)
            orphans = [each for each in self._streams.values() if each.worker is worker]
            for stream in orphans:
                stream.orphaned()
            _log.warning("worker ended", streams=len(orphans), others=len(self._workers))
            self._on_change()
            self._assign_orphans()
            worker = await self._another(number)
            self.restarts += 1
            self._workers.add(worker)
            self._on_change()
            self._assign_orphans()

    async def _end_of(self, worker: WorkerProcess) -> None:
        """Returns when it has ended; until then sees to it that it has its share."""
        while True:
            self._share(worker)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SHARED_EVERY_S):
                    await worker.ended.wait()
                    return

    async def _another(self, number: int) -> WorkerProcess:
        """A new worker; tried again at growing intervals while it cannot start."""
        pause_s = 0.1
        while True:
            worker = WorkerProcess(self._take)
            try:
                await self._start(worker, number)
                return worker
            except (WorkerFailed, OSError) as error:
                _log.error("no worker can be started", why=str(error), again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _assign_orphans(self) -> None:
        for stream in self._streams.values():
            if stream.worker is None and not stream.closed.is_set():
                worker = self._least_busy()
                if worker is not None:
                    stream.assign(worker)

    def _share(self, worker: WorkerProcess) -> None:
        """A worker with less than its share, as a new one, takes over legs that are behind
        elsewhere and hear the same here: those first that must hear the least again. Who is in
        time stays, as moving would make it late."""
        of = Counter(each.worker for each in self._streams.values())
        share = len(self._streams) // len(self._workers)
        behind = [each for each in self._streams.values() if each.waiting_s > _BEHIND_S]
        for stream in sorted(behind, key=lambda each: each.again_s):
            if stream.again_s < math.inf and of[stream.worker] > share > of[worker]:
                of[stream.worker] -= 1
                of[worker] += 1
                stream.assign(worker)
