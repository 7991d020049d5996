"""Owns whose fork is being made: a few at a time, the others in the order in which they asked.

Kept by `fork.Stasis` for all forks of a gateway. Many calls answered at once would otherwise take
the box from the gate; those that wait are shown as unheard, and those that end waiting are counted.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

_AT_ONCE: Final = 4
"""Legs. Asterisk works on our requests one after the other, so more gain nothing."""


class Turns:
    """`shed` is called for each that ended before its turn came."""

    def __init__(self, shed: Callable[[], None]) -> None:
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._shed = shed
        self.waiting = 0
        """How many wait now."""

    @asynccontextmanager
    async def turn(self, waits: Callable[[], None]) -> AsyncIterator[Callable[[], None]]:
        """Waits for a turn, after calling `waits` when there is a wait; gives what ends the turn
        before the context ends."""
        if self._free.locked():
            waits()
        self.waiting += 1
        try:
            await self._free.acquire()
        except asyncio.CancelledError:
            self._shed()
            raise
        finally:
            self.waiting -= 1
        over = False

        def end() -> None:
            nonlocal over
            if not over:
                over = True
                self._free.release()

        try:
            yield end
        finally:
            end()
