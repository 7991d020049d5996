"""Owns whose turn it is in a worker: live streams first, errands in between.

Shared by the worker's reading thread and its decoding threads. Invariant: an errand holds up a
live stream by one step at most, and streams that are always ready do not hold it up for ever.
"""

import threading
from collections import deque
from typing import Generic, TypeVar

STREAMS_BEFORE_ERRAND = 8
"""Steps of waiting streams between two steps of errands: an eighth of the worker at most."""

Stream = TypeVar("Stream")
Errand = TypeVar("Errand")


class Turns(Generic[Stream, Errand]):
    def __init__(self) -> None:
        self._streams: deque[Stream] = deque()
        self._errands: deque[Errand] = deque()
        self._since_errand = 0
        self._waiting = threading.Condition()

    def put_stream(self, stream: Stream) -> None:
        with self._waiting:
            self._streams.append(stream)
            self._waiting.notify()

    def put_errand(self, errand: Errand) -> None:
        with self._waiting:
            self._errands.append(errand)
            self._waiting.notify()

    @property
    def empty(self) -> bool:
        """Whether `next` would wait."""
        return not (self._streams or self._errands)

    def others(self, most: int) -> list[Stream]:
        """At most so many streams more, of those that are ready now, for who has one and decodes
        several in one go."""
        with self._waiting:
            taken = [self._streams.popleft() for _ in range(min(most, len(self._streams)))]
            self._since_errand += len(taken)
        return taken

    def next(self) -> Stream | Errand:
        """Waits for one."""
        with self._waiting:
            while not (self._streams or self._errands):
                self._waiting.wait()
            errand = self._errands and self._since_errand >= STREAMS_BEFORE_ERRAND
            if self._streams and not errand:
                self._since_errand += 1
                return self._streams.popleft()
            self._since_errand = 0
            return self._errands.popleft()
