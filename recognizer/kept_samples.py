"""Owns the samples of a leg that may still be wanted: by a worker that takes the leg over, or by
who listens to them once more.

Used by `recognizer.leg_stream`. Places are samples since the first that was added; what was
forgotten never comes back.
"""

import asyncio
from collections import deque
from collections.abc import Iterator


class KeptSamples:
    def __init__(self) -> None:
        self._pieces: deque[tuple[int, bytes]] = deque()
        self.ends = 0
        """How many were added."""
        self._over = False
        self._waited_for: list[tuple[int, asyncio.Event]] = []

    def add(self, pcm: bytes) -> None:
        """Signed 16-bit mono."""
        self._pieces.append((self.ends, pcm))
        self.ends += len(pcm) // 2
        if self._waited_for:
            self._tell_who_waits()

    def end(self) -> None:
        """No more come."""
        self._over = True
        self._tell_who_waits()

    async def come(self, last: int) -> None:
        """Waits until those before `last` were added, or no more come."""
        if last > self.ends and not self._over:
            come = asyncio.Event()
            self._waited_for.append((last, come))
            await come.wait()

    @property
    def begins(self) -> int:
        """The first that is kept, or the next to come."""
        return self._pieces[0][0] if self._pieces else self.ends

    def since(self, first: int) -> Iterator[bytes]:
        """Those from `first` on that are kept, in pieces."""
        for begins, pcm in self._pieces:
            skipped = max(0, first - begins)
            if 2 * skipped < len(pcm):
                yield pcm[2 * skipped :]

    def between(self, first: int, last: int) -> bytes | None:
        """None where they were forgotten, or there are none."""
        if not self._pieces or self.begins > first:
            return None
        kept = b"".join(pcm for begins, pcm in self._pieces if begins < last)
        return kept[2 * (first - self.begins) : 2 * (last - self.begins)] or None

    def forget(self, before: int) -> None:
        """Nobody wants those before that one any more."""
        while self._pieces and self._pieces[0][0] + len(self._pieces[0][1]) // 2 <= before:
            self._pieces.popleft()

    def clear(self) -> None:
        self._pieces.clear()

    def _tell_who_waits(self) -> None:
        waiting = self._waited_for
        self._waited_for = [each for each in waiting if each[0] > self.ends and not self._over]
        for each in waiting:
            if each not in self._waited_for:
                each[1].set()
