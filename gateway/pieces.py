"""Owns what goes to the recognizer at a time: frames of both legs as they come in, pieces of a
message's length out, those of both legs together where they speak side by side.

Used by `listening`, one a call. Invariant: every sample comes out once, at its place in the call,
in the order of its leg.
"""

from collections.abc import Iterator
from typing import Final

from gateway.media.reception import SAMPLE_RATE_HZ
from policy.speech.utterance import Leg

_FRAME_BYTES: Final = SAMPLE_RATE_HZ // 50 * 2
"""20 ms, as telephones send them: of two legs that speak side by side one is so far ahead."""

Piece = tuple[Leg, int, bytes]
"""Whose it is, the place of its first sample in the call, and signed 16-bit samples."""


class Pieces:
    """Of one call, of `message_ms` each."""

    def __init__(self, message_ms: int) -> None:
        self._bytes = message_ms * SAMPLE_RATE_HZ // 1000 * 2
        self._waiting = {leg: bytearray() for leg in Leg}
        self._start = dict.fromkeys(Leg, 0)

    def hear(self, leg: Leg, first_sample: int, samples: bytes) -> Iterator[Piece]:
        """Takes samples at their place in the call. What is to be sent by now: as soon as a leg
        fills a piece, unless the other is but a frame short of one."""
        waiting = self._waiting[leg]
        if first_sample != self._start[leg] + len(waiting) // 2:
            yield from self._all_of(leg)
            self._start[leg] = first_sample
        waiting += samples
        most, least = max(map(len, self._waiting.values())), min(map(len, self._waiting.values()))
        frame_short = least < self._bytes and most - least <= _FRAME_BYTES
        if most >= self._bytes and not frame_short:
            for each in Leg:
                yield from self._cut(each)

    def rest(self) -> Iterator[Piece]:
        """All that waits: no more comes."""
        for leg in Leg:
            yield from self._all_of(leg)

    def _all_of(self, leg: Leg) -> Iterator[Piece]:
        while self._waiting[leg]:
            yield from self._cut(leg)

    def _cut(self, leg: Leg) -> Iterator[Piece]:
        """Full pieces, or the one that has begun."""
        waiting = self._waiting[leg]
        size = min(self._bytes, len(waiting))
        while waiting and len(waiting) >= size:
            yield leg, self._start[leg], bytes(waiting[:size])
            del waiting[:size]
            self._start[leg] += size // 2
