"""Owns scrubbing a dial list of any length: batches in, verdicts out in their order, memory flat.

Called by the gateway's service Gate, and by `callwarden scrub` where no gateway runs. A scrubber
process for each core does the work; a batch is taken only when one of them is about to be free.
"""

import asyncio
import os
import pickle
import sys
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import AsyncExitStack
from typing import Final

from callwarden.v1 import gate_pb2 as wire
from policy.ledger import LedgerUnavailable
from policy.scrubber import LENGTH_BYTES, Mark, Scrubbing

_AHEAD: Final = 2
"""Batches handed to a process at a time: one it works on, one that waits."""
_MOST_PROCESSES: Final = 8


async def scrubbed(
    batches: AsyncIterable[wire.ScrubRequest], by: Scrubbing, *, processes: int = 0
) -> AsyncGenerator[wire.ScrubResponse, None]:
    """The answer to each batch, in their order. `processes` 0: one a core.

    Raises ValueError for a batch that is none, LedgerUnavailable, and whatever `batches` raises.
    """
    count = processes or min(os.cpu_count() or 1, _MOST_PROCESSES)
    async with AsyncExitStack() as undo:
        # The lists of one process each, in turns: so the answers' order is the batches' own.
        workers = [await undo.enter_async_context(_Scrubber(by)) for _ in range(count)]
        handed_in: asyncio.Queue[_Scrubber | None] = asyncio.Queue()
        room = asyncio.Semaphore(_AHEAD * count)

        async def hand_in() -> None:
            try:
                turn = 0
                async for batch in batches:
                    await room.acquire()
                    worker = workers[turn % count]
                    await worker.write(batch.SerializeToString())
                    handed_in.put_nowait(worker)
                    turn += 1
            finally:
                handed_in.put_nowait(None)

        handing_in = asyncio.get_running_loop().create_task(hand_in())
        try:
            while worker := await handed_in.get():
                yield _response(await worker.read())
                room.release()
            await handing_in
        finally:
            handing_in.cancel()
            await asyncio.gather(handing_in, return_exceptions=True)


def _response(frame: bytes) -> wire.ScrubResponse:
    mark, content = frame[:1], frame[1:]
    if mark == Mark.INVALID:
        raise ValueError(content.decode())
    if mark == Mark.UNAVAILABLE:
        raise LedgerUnavailable(content.decode())
    return wire.ScrubResponse.FromString(content)


class _Scrubber:
    """One process, killed at the end."""

    def __init__(self, by: Scrubbing) -> None:
        self._by = by

    async def __aenter__(self) -> "_Scrubber":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "policy.scrubber",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        await self.write(pickle.dumps(self._by))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def write(self, content: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(len(content).to_bytes(LENGTH_BYTES, "little") + content)
        try:
            await self._process.stdin.drain()
        except ConnectionError:
            # Its end shows, with the reason, where its answer is waited for.
            return

    async def read(self) -> bytes:
        """Raises LedgerUnavailable when the process has ended; its message is on standard error."""
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        try:
            length = await self._process.stdout.readexactly(LENGTH_BYTES)
            return await self._process.stdout.readexactly(int.from_bytes(length, "little"))
        except asyncio.IncompleteReadError:
            code = await self._process.wait()
            raise LedgerUnavailable(f"a scrubber process ended with {code}") from None
