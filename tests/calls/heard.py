"""What a leg was heard to say in a test, and the tones and clocks tests are made of."""

import asyncio
import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from policy.speech.utterance import Leg

RATE_HZ = 8000


@dataclass
class Heard:
    """Collects what a Reception hands on."""

    runs: list[tuple[int, bytes]] = field(default_factory=list)

    def __call__(self, leg: Leg, first_sample: int, samples: bytes) -> None:
        self.runs.append((first_sample, samples))

    @property
    def places(self) -> list[int]:
        return [first for first, _ in self.runs]

    @property
    def samples(self) -> bytes:
        return b"".join(samples for _, samples in self.runs)


@dataclass
class Clock:
    """A monotonic clock that a test sets."""

    at_s: float = 100.0

    def __call__(self) -> float:
        return self.at_s


def tone(hertz: float, seconds: float, amplitude: int = 8000) -> bytes:
    """8 kHz signed 16-bit little-endian mono."""
    return array(
        "h",
        (
            int(amplitude * math.sin(2 * math.pi * hertz * n / RATE_HZ))
            for n in range(int(seconds * RATE_HZ))
        ),
    ).tobytes()


def strength(samples: bytes, hertz: float) -> float:
    """Amplitude of one frequency in the samples, by Goertzel."""
    values = array("h", samples)
    coefficient = 2 * math.cos(2 * math.pi * hertz / RATE_HZ)
    one = two = 0.0
    for value in values:
        one, two = value + coefficient * one - two, one
    power = one * one + two * two - coefficient * one * two
    return 2 * math.sqrt(max(power, 0.0)) / max(len(values), 1)


async def until(holds: Callable[[], object], bound_s: float = 5.0) -> None:
    """Waits until `holds()` is true; AssertionError when it is not within the bound."""
    async with asyncio.timeout(bound_s):
        while not holds():  # noqa: ASYNC110 what is waited for is seen from outside only
            await asyncio.sleep(0.01)
