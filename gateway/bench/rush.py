"""Owns asking a FastAGI server: as fast as it answers over a fixed number of connections, or
steadily at a rate.

Called by the measurements of `callwarden bench gate`. Leaner than `agi_caller.ask`, so that the
asking costs less than the answering: one protocol object a session, replies without reading
commands apart.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

_WITHIN_S: Final = 300.0


@dataclass(frozen=True)
class Rush:
    """`latencies_ms`: until the server's hang-up, one a session; of a rush from connecting, of a
    steady rate from the moment the question was due."""

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
    TimeoutError after five minutes."""
    latencies: list[float] = []
    allowed = 0

    async def keep_asking() -> None:
        nonlocal allowed
        for question in questions:
            began = time.perf_counter()
            heard = await _ask(port, question)
            allowed += heard  # not across an await: others add to it meanwhile
            latencies.append((time.perf_counter() - began) * 1000)
            told()

    began = time.perf_counter()
    async with asyncio.timeout(_WITHIN_S):
        await asyncio.gather(*(keep_asking() for _ in range(connections)))
    return Rush(len(latencies), allowed, time.perf_counter() - began, tuple(latencies))


async def steadily(
    port: int, questions: Sequence[bytes], *, per_s: float, told: Callable[[], object]
) -> Rush:
    """Asks each question when its time comes, however many are still open: a server that stands
    still for a while is late with all that fell due meanwhile. Raises TimeoutError as `rush`."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    began = loop.time()

    async def ask(at: int, question: bytes) -> bool:
        due = began + at / per_s
        await asyncio.sleep(due - loop.time())
        allowed = await _ask(port, question)
        latencies.append((loop.time() - due) * 1000)
        told()
        return allowed

    async with asyncio.timeout(_WITHIN_S):
        heard = await asyncio.gather(*(ask(at, each) for at, each in enumerate(questions)))
    return Rush(len(heard), sum(heard), loop.time() - began, tuple(latencies))


async def _ask(port: int, question: bytes) -> bool:
    """One session to its end; whether it was allowed."""
    ended = asyncio.get_running_loop().create_future()
    asker = _Asker(question, ended)
    await asyncio.get_running_loop().create_connection(lambda: asker, "127.0.0.1", port)
    await ended
    return asker.allowed


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
