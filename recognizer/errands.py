"""Owns errands: work of a worker's on a stretch of audio that no live stream waits for.

Made by the pool. Invariant: every errand ends, with its answer or without one: a worker that dies
over it is followed by another, once.
"""

import asyncio
from collections.abc import Callable

from recognizer.process import WorkerProcess
from recognizer.wire import Frame, Kind

MOST_WAITING = 16
"""Errands a worker that may wait before more are declined."""
_TRIES = 2


class Errands:
    """`choose` names the worker for an errand, None while there is none."""

    def __init__(self, choose: Callable[[], WorkerProcess | None]) -> None:
        self._choose = choose
        self._given = 0
        self._open: dict[int, tuple[WorkerProcess, asyncio.Future[bytes | None]]] = {}

    def waiting_on(self, worker: WorkerProcess) -> int:
        return sum(each is worker for each, _ in self._open.values())

    @property
    def open(self) -> int:
        """Errands that wait for their answer."""
        return len(self._open)

    async def run(self, kind: Kind, payload: bytes, *, patient: bool) -> bytes | None:
        """The answer; None when nobody could give one. Who is not `patient` is declined while
        many wait."""
        for _ in range(_TRIES):
            worker = self._choose()
            if worker is None or (not patient and self.waiting_on(worker) >= MOST_WAITING):
                return None
            self._given += 1
            number = self._given
            answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
            self._open[number] = (worker, answer)
            try:
                worker.send(kind, number, payload)
                told = await answer
            finally:
                self._open.pop(number, None)
            if told is not None:
                return told
        return None

    def take(self, frame: Frame) -> None:
        """An answer from a worker."""
        _, number, payload = frame
        _, answer = self._open.get(number, (None, None))
        if answer is not None and not answer.done():
            answer.set_result(payload)

    def ended(self, worker: WorkerProcess) -> None:
        """The worker is gone, and what it was asked with it."""
        for each, answer in list(self._open.values()):
            if each is worker and not answer.done():
                answer.set_result(None)
