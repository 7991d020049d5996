"""Owns the audio of a live call for whoever listens to it besides the recognizer: both legs, side
by side on the call's clock.

Made by `answered_call`, which feeds it; read by `browser.peer` 50 times a second. The invariant:
what is not read is forgotten after two seconds; nobody who listens ever holds up the call.
"""

from array import array
from collections.abc import Callable
from typing import Final

from gateway.media.reception import SAMPLE_RATE_HZ
from policy.speech.utterance import Leg

FRAME: Final = SAMPLE_RATE_HZ // 50
_SLOTS: Final = 100
"""Frames kept of a leg: 2 s."""
_BEHIND: Final = 10
"""How many frames behind the newest one is read: what a leg may come late by."""
_TOO_FAR: Final = 50
_SILENCE: Final = array("h", bytes(2 * FRAME))


class Tap:
    """`ended` is called once, when the call is over; not when the tap is closed."""

    def __init__(self, forget: Callable[["Tap"], None]) -> None:
        self._forget = forget
        self._kept = {leg: _Ring() for leg in Leg}
        self._newest = 0
        self._next: int | None = None
        self.ended: Callable[[], None] = lambda: None

    def hear(self, leg: Leg, first_sample: int, samples: bytes) -> None:
        """Takes a leg's samples at their place in the call."""
        heard = array("h", samples[: len(samples) // 2 * 2])
        self._kept[leg].put(first_sample, heard)
        self._newest = max(self._newest, (first_sample + len(heard)) // FRAME)

    def read(self) -> bytes:
        """The next 20 ms: agent left, customer right, 8 kHz signed 16-bit; silence where nothing
        came."""
        if self._next is None or not 0 <= self._newest - self._next <= _TOO_FAR:
            self._next = max(0, self._newest - _BEHIND)
        both = array("h", bytes(4 * FRAME))
        for side, leg in enumerate((Leg.AGENT, Leg.CUSTOMER)):
            both[side::2] = self._kept[leg].frame(self._next)
        self._next += 1
        return both.tobytes()

    def close(self) -> None:
        self._forget(self)


class _Ring:
    """The last two seconds of a leg, frame by frame; a frame knows its number, so that what is
    older is never taken for what did not come."""

    def __init__(self) -> None:
        self._frames = [array("h", bytes(2 * FRAME)) for _ in range(_SLOTS)]
        self._numbers = [-1] * _SLOTS

    def put(self, first: int, heard: "array[int]") -> None:
        done = 0
        while done < len(heard):
            number, offset = divmod(first + done, FRAME)
            slot, part = number % _SLOTS, heard[done : done + FRAME - offset]
            if self._numbers[slot] != number:
                self._numbers[slot] = number
                self._frames[slot] = array("h", bytes(2 * FRAME))
            self._frames[slot][offset : offset + len(part)] = part
            done += len(part)

    def frame(self, number: int) -> "array[int]":
        slot = number % _SLOTS
        return self._frames[slot] if self._numbers[slot] == number else _SILENCE
