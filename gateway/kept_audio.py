"""Owns the audio of one leg on its way to a recognizer: what is still to be sent, and what was sent
but would be needed again if that recognizer were lost.

Used by `listening`, one a leg. The one invariant: it never holds more than it may; what has to go
for that and was not sent is told.
"""

from collections import deque
from dataclasses import dataclass, field

from gateway.media.reception import SAMPLE_RATE_HZ

Piece = tuple[int, bytes]
"""The place of its first sample in the call, and signed 16-bit samples."""
Span = tuple[float, float]
"""From one second of the call to another."""


@dataclass
class KeptAudio:
    most_s: float
    _sent: deque[Piece] = field(default_factory=deque)
    _unsent: deque[Piece] = field(default_factory=deque)
    _samples: int = 0

    def add(self, first_sample: int, samples: bytes) -> tuple[list[Span], list[Span]]:
        """Takes what comes next. What had to go for it: of what was sent, and of what was not."""
        self._unsent.append((first_sample, samples))
        self._samples += len(samples) // 2
        sent, unsent = list[Span](), list[Span]()
        while self._samples > self.most_s * SAMPLE_RATE_HZ:
            goes, gone = (self._sent, sent) if self._sent else (self._unsent, unsent)
            piece = goes.popleft()
            gone.append((piece[0] / SAMPLE_RATE_HZ, _end_s(piece)))
            self._samples -= len(piece[1]) // 2
        return sent, unsent

    @property
    def spans(self) -> list[Span]:
        """Where what is kept lies, in order."""
        return [(each[0] / SAMPLE_RATE_HZ, _end_s(each)) for each in (*self._sent, *self._unsent)]

    @property
    def next_place(self) -> int | None:
        """Of what is to be sent next; None when nothing is."""
        return self._unsent[0][0] if self._unsent else None

    def take(self) -> Piece:
        """What is to be sent next; it is kept. Raises IndexError."""
        piece = self._unsent.popleft()
        self._sent.append(piece)
        return piece

    def send_again(self) -> None:
        """All that is kept is to be sent, to somebody else."""
        self._unsent.extendleft(reversed(self._sent))
        self._sent.clear()

    def forget(self, before_s: float) -> None:
        """Nobody needs what was sent and lies before that second of the call."""
        while self._sent and _end_s(self._sent[0]) <= before_s:
            self._samples -= len(self._sent.popleft()[1]) // 2

    @property
    def begins_s(self) -> float | None:
        """Second of the call at which what is kept begins."""
        first = next(iter(self._sent or self._unsent), None)
        return first[0] / SAMPLE_RATE_HZ if first else None

    def seconds_between(self, start_s: float, end_s: float) -> float:
        """How much of what was sent lies between two seconds of the call."""
        parts = (
            min(end_s, _end_s(each)) - max(start_s, each[0] / SAMPLE_RATE_HZ) for each in self._sent
        )
        return sum(each for each in parts if each > 0)


def _end_s(piece: Piece) -> float:
    first_sample, samples = piece
    return (first_sample + len(samples) // 2) / SAMPLE_RATE_HZ
