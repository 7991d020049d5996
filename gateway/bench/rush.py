"""Owns asking a FastAGI server as fast as it answers, over a fixed number of connections at a time.

Called by `callwarden bench gate`. Leaner than `agi_caller.ask`, so that the asking costs less than
the answering: one protocol object a session, replies without reading commands apart.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, cast

_WITHIN_S: Final = 120.0


@dataclass(frozen=True)
class Rush:
    """`latencies_ms`: from connecting to the server's hang-up, one a session."""

    asked: int
    allowed: int
    seconds: float
    latencies_ms: tuple[float, ...]

    @property
    def per_s(self) -> float:
        return self.asked / self.seconds


async def rush(
    port: int, questions: Iterator[bytes], *, connections: int, told: Callable[[], object]
) -> Rush:
    """Asks every question, `connections` at a time; `told` is called at each answer. Raises
    TimeoutError after two minutes."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    allowed = 0

    async def keep_asking() -> None:
        nonlocal allowed
        for question in questions:
            began = time.perf_counter()
            ended = loop.create_future()
            _, asker = await loop.create_connection(
                lambda question=question, ended=ended: _Asker(question, ended),  # type: ignore[misc]  # bound now
                "127.0.0.1",
                port,
            )
            await ended
            latencies.append((time.perf_counter() - began) * 1000)
            allowed += asker.allowed
            told()

    began = time.perf_counter()
    async with asyncio.timeout(_WITHIN_S):
        await asyncio.gather(*(keep_asking() for _ in range(connections)))
    return Rush(len(latencies), allowed, time.perf_counter() - began, tuple(latencies))


class _Asker(asyncio.Protocol):
    def __init__(self, question: bytes, ended: asyncio.Future[None]) -> None:
        self._question = question
        self._ended = ended
        self.allowed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._question)

    def data_received(self, data: bytes) -> None:
        self.allowed = self.allowed or b"ALLOW:" in data
        self._transport.write(b"200 result=1\n")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
