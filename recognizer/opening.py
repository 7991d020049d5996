"""Owns the first seconds of a call whose dialect nobody knows: they are held back until the
customer has said enough for the language to be told.

Made by `recognizer.listening`. Invariant: every message that the client sent is handed on, in its
order, whatever is told of it and when.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import recognition_pb2 as wire
from recognizer.energy_gate import EnergyGate, Verdict
from recognizer.loudness import Loudness
from recognizer.waveform import waveform

LONGEST_S: Final = 12.0
"""Audio that is held back at the most: a customer who says nothing until then is heard by the
default pool, and findings are never later than that."""
_STEP_S: Final = 0.1

Identify = Callable[[int, bytes], Awaitable[str]]
"""The dialect spoken in this audio (sample rate, signed 16-bit little-endian), empty: not told."""


def pieces_of(request: wire.ListenRequest) -> Sequence[wire.Audio]:
    """The audio that it carries, in its order; empty where it is another kind of message."""
    match request.WhichOneof("payload"):
        case "audio":
            return [request.audio]
        case "pieces":
            return request.pieces.audio
    return []


class Opening:
    """`wanted_s` of the customer's speech are asked about."""

    def __init__(
        self,
        requests: AsyncIterator[wire.ListenRequest],
        rate_hz: int,
        wanted_s: float,
        identify: Identify,
    ) -> None:
        self._requests, self._rate_hz, self._identify = requests, rate_hz, identify
        self._wanted = round(wanted_s * rate_hz)
        self._held: list[wire.ListenRequest] = []
        self._speech = _Speech(rate_hz)

    async def dialect(self) -> str:
        """Reads until enough was said, LONGEST_S have come, or something else than audio does."""
        async for request in self._requests:
            self._held.append(request)
            pieces = pieces_of(request)
            if not pieces:
                break
            came = 0
            for audio in pieces:
                if audio.leg == conversation.LEG_CUSTOMER and not len(audio.samples) % 2:
                    self._speech.accept(audio.samples)
                came = max(came, audio.first_sample + len(audio.samples) // 2)
            if self._speech.samples >= self._wanted or came >= LONGEST_S * self._rate_hz:
                break
        if self._speech.samples < self._wanted:
            return ""
        return await self._identify(self._rate_hz, self._speech.pcm)

    async def requests(self) -> AsyncIterator[wire.ListenRequest]:
        """All of the call, from its first message on."""
        while self._held:
            yield self._held.pop(0)
        async for request in self._requests:
            yield request


class _Speech:
    """The parts of a leg that are no silence."""

    def __init__(self, rate_hz: int) -> None:
        self._step = round(_STEP_S * rate_hz)
        self._gate = EnergyGate(self._step, 0, rate_hz, skipping=True)
        self._loudness = Loudness(rate_hz)
        self._waiting = bytearray()
        self.pcm = b""

    @property
    def samples(self) -> int:
        return len(self.pcm) // 2

    def accept(self, pcm: bytes) -> None:
        samples = waveform(pcm)
        self._waiting += pcm
        self._gate.take(self._loudness.accept(samples, wanted=True))
        for verdict in self._gate.verdicts():
            if verdict is not Verdict.SKIP:
                self.pcm += bytes(self._waiting[: 2 * self._step])
            del self._waiting[: 2 * self._step]


async def told_in_time(task: "asyncio.Task[str]", every_s: float) -> bool:
    """Whether `task` is done within `every_s`; it goes on if not."""
    done, _ = await asyncio.wait({task}, timeout=every_s)
    return bool(done)
