"""Owns a worker's account of its work: how much audio it took, how much of it was decoded, in what
time and in how many steps.

Kept by the worker's threads, told to the pool now and then. Invariant: it only grows.
"""

import threading
import time

from recognizer.wire import Work

TOLD_EVERY_S = 1.0


class Account:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._work = Work()
        self._told = Work()
        self._told_at_s = 0.0

    def add(self, work: Work) -> None:
        with self._lock:
            self._work = self._work.plus(work)

    def news(self, *, at_rest: bool = False) -> Work | None:
        """All of it, where something came to it and it was not told lately; `at_rest`: nothing
        more may come for a while, so it is told at once."""
        now_s = time.monotonic()
        with self._lock:
            lately = now_s - self._told_at_s < TOLD_EVERY_S
            if self._work == self._told or (lately and not at_rest):
                return None
            self._told, self._told_at_s = self._work, now_s
            return self._work
