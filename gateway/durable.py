"""Owns what must reach the ledger after a call was allowed: a row that cannot be written now is
written again until it is on disk.

Used by the PBX side for everything it records of a call, and by `enforcement`. The invariants: rows
of one lane (a call; its suppressions are another lane) are written in their order, so that the last
state of a finding stays the last; what is given up is named in a critical log line, never silently.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import structlog

from gateway.health import Health, HealthStatus
from policy.ledger import LedgerUnavailable, RowRefused

_log = structlog.get_logger(__name__)

Result = TypeVar("Result")
Write = Callable[[], Future[Result]]

UTTERANCE: Final = "utterance"
"""The kind of row that gives way when memory runs out: words are the most, and weigh the least."""
SUPPRESSION: Final = "suppression"
"""The kind of row that is never given up while the gateway runs."""

_MOST_ROWS: Final = 10_000
"""Rows kept while none can be written: at about 2 KB each, 20 MB; some minutes of a busy floor."""
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0
_LAST_WAIT_S: Final = 5.0


@dataclass(frozen=True)
class _Row(Generic[Result]):
    kind: str
    call_id: str
    lane: str
    write: Write[Result]
    then: Callable[[Result], None]


class Durable:
    """One for the gateway, in its event loop. `health` shows the ledger DEGRADED while rows wait
    for it. Close it: what waits is waited for, within a bound."""

    def __init__(self, health: Health, *, most_rows: int = _MOST_ROWS) -> None:
        self._health = health
        self._most_rows = most_rows
        self._lanes: dict[str, deque[_Row[Any]]] = {}
        self._in_flight: deque[tuple[_Row[Any], Future[Any]]] = deque()
        self._waiting = 0
        self._working: asyncio.Task[None] | None = None
        self._unwritable = ""

    def record(
        self,
        kind: str,
        call_id: str,
        write: Write[Result],
        *,
        lane: str = "",
        then: Callable[[Result], None] = lambda _: None,
    ) -> None:
        """Has `write` hand a row to the ledger, again and again until it is on disk; then calls
        `then` with what the ledger resolved to. `lane` is the call's own where not given."""
        row = _Row(kind, call_id, lane or call_id, write, then)
        if self._waiting >= self._most_rows and not self._makes_room_for(row):
            self._lost("too many rows wait for the ledger", [row])
            return
        self._waiting += 1
        self._lanes.setdefault(row.lane, deque()).append(row)
        if self._working is None or self._working.done():
            self._working = asyncio.get_running_loop().create_task(self._work())

    async def close(self) -> None:
        """Waits for what is not on disk yet, within a bound, and names the calls of what is lost.
        Nothing is to be recorded afterwards."""
        if self._working is None:
            return
        await asyncio.wait({self._working}, timeout=_LAST_WAIT_S)
        self._working.cancel()
        await asyncio.wait({self._working})
        left = [row for row, _ in self._in_flight]
        left += [row for lane in self._lanes.values() for row in lane]
        if left:
            self._lost(f"the gateway ends; {self._unwritable}", left)

    def _makes_room_for(self, row: _Row[Any]) -> bool:
        """Gives up the oldest utterance that waits; where none does, only a suppression fits in."""
        for lane in self._lanes.values():
            for each in lane:
                if each.kind == UTTERANCE:
                    lane.remove(each)
                    self._waiting -= 1
                    self._lost("too many rows wait for the ledger", [each])
                    return True
        return row.kind == SUPPRESSION

    async def _work(self) -> None:
        """Writes one row a lane at a time, all lanes at once, until none waits."""
        pause_s = _FIRST_PAUSE_S
        while self._waiting:
            first = [lane.popleft() for lane in self._lanes.values() if lane]
            self._lanes = {name: lane for name, lane in self._lanes.items() if lane}
            self._in_flight.extend((row, _handed_in(row)) for row in first)
            why = await self._written()
            self._tell(why)
            if not why:
                pause_s = _FIRST_PAUSE_S
                continue
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _written(self) -> str:
        """Waits for the rows in flight; those that could not be written are the first of their
        lanes again. Returns why they could not; empty when all are done with."""
        why = ""
        while self._in_flight:
            row, future = self._in_flight[0]
            try:
                row.then(await asyncio.wrap_future(future))
            except LedgerUnavailable as error:
                if not isinstance(error, RowRefused):
                    why = str(error)
                    self._in_flight.popleft()
                    self._lanes.setdefault(row.lane, deque()).appendleft(row)
                    continue
                self._lost(str(error), [row])
            except Exception as error:  # a fault in one row must not hold up the others for ever
                self._lost(f"a fault ({type(error).__name__})", [row])
            self._in_flight.popleft()
            self._waiting -= 1
        return why

    def _tell(self, why: str) -> None:
        if bool(why) != bool(self._unwritable):
            if why:
                _log.error("rows wait for the ledger", rows=self._waiting, why=why)
            else:
                _log.info("what waited for the ledger is recorded")
        self._unwritable = why
        status = HealthStatus.DEGRADED if why else HealthStatus.OK
        message = f"rows of calls are kept and written again: {why}" if why else ""
        self._health.set("ledger", status, message, source="rows")

    def _lost(self, why: str, rows: list[_Row[Any]]) -> None:
        kinds = Counter(row.kind for row in rows)
        _log.critical(
            "not recorded and lost"
            + ("; enter it with `callwarden suppress add`" if kinds[SUPPRESSION] else ""),
            why=why,
            rows=dict(kinds),
            calls=sorted({row.call_id for row in rows}),
        )


def _handed_in(row: _Row[Result]) -> Future[Result]:
    try:
        return row.write()
    except Exception as error:  # told where the others of its kind are
        failed: Future[Result] = Future()
        failed.set_exception(error)
        return failed
