"""Owns the way from one thread into another one's event loop, for much at once: what is handed over
while the loop has not yet looked travels together, for one wake-up.

Used between the ledger's thread, which settles a group of decisions at a time, the gate's loop and
the loop of the floor. What was handed over is done in its order.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import structlog

Result = TypeVar("Result")

_log = structlog.get_logger(__name__)


class Handover:
    """To be done in `loop`, handed over from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], object]] = deque()
        self._woken = False

    def hand_over(self, what: Callable[[], object]) -> None:
        """Has `what` done soon. Raises RuntimeError when the loop is closed."""
        self._waiting.append(what)
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._do)

    def _do(self) -> None:
        # Before anything is taken: what is handed over from here on wakes the loop again.
        self._woken = False
        while self._waiting:
            what = self._waiting.popleft()
            try:
                what()
            except Exception as error:  # one that fails must not take the others with it
                _log.exception("handed over, and failed", kind=type(error).__name__)


class Arrivals:
    """Futures of another thread, awaited in the loop of the first one who does."""

    def __init__(self) -> None:
        self._handover: Handover | None = None

    def of(self, there: Future[Result]) -> asyncio.Future[Result]:
        """As `asyncio.wrap_future`: cancelled here, it is cancelled there if it has not begun."""
        loop = asyncio.get_running_loop()
        if self._handover is None:
            self._handover = Handover(loop)
        handover, here = self._handover, loop.create_future()

        # Refers to `there` by its argument alone: in a circle it would wait for the garbage
        # collector, with twenty objects a decision.
        def arrived(settled: Future[Result]) -> None:
            handover.hand_over(lambda: _settle(here, settled))

        def given_up(_: asyncio.Future[Result]) -> None:
            if here.cancelled():
                there.cancel()

        here.add_done_callback(given_up)
        there.add_done_callback(arrived)
        return here


def _settle(here: asyncio.Future[Result], there: Future[Result]) -> None:
    if here.done():
        return
    if there.cancelled():
        here.cancel()
    elif error := there.exception():
        here.set_exception(error)
    else:
        here.set_result(there.result())
