"""Owns the thread the gate runs in: FastAGI, HTTP, rulebook and ledger in a loop of their own.

Started by `gateway.run`. Beside it the PBX side may be busy with hundreds of forks; the gate's
answers must not wait in line behind them. What the gate has to say to the floor and to health is
handed over to the loop they live in; nothing of theirs is touched from here.
"""

import asyncio
import contextlib
import contextvars
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from callwarden.settings import Settings, split_address
from gateway.floor import Floor
from gateway.gate.activations import Activations
from gateway.gate.answer import Answer, BadRequest
from gateway.gate.arrivals import Handover
from gateway.gate.deciding_rulebook import DecidingRulebook
from gateway.gate.fastagi import FastAgiServer
from gateway.gate.gatekeeper import Gatekeeper, Ruling
from gateway.gate.http import HttpGateServer
from gateway.gate.ledger_at_hand import LedgerAtHand
from gateway.gate.rulebook_in_force import RulebookInForce
from gateway.gate.tally import Tally
from gateway.health import Health, HealthStatus
from gateway.judging import Digests
from gateway.metrics import Metrics
from policy.dialling import number as numbers
from policy.dialling.request import DialRequest
from policy.ledger import Ledger

_FIRST_TRY_S: Final = 2.0
"""How long the start waits for the ledger before it listens without it."""
_SWITCH_S: Final = 0.0005
"""How long another thread may keep the interpreter while the gate wants it; Python's own 5 ms, some
ten times a decision, would be most of what a decision may take."""

Result = TypeVar("Result")


class GateThread:
    """Everything here is called from the loop that `floor` and `health` live in."""

    def __init__(
        self, settings: Settings, floor: Floor, health: Health, metrics: Metrics, tally: Tally
    ) -> None:
        self._settings = settings
        relay = _Relay(floor, health)
        self._rulebook = RulebookInForce(settings.rules, relay)
        files = settings.ledger_file, settings.ledger_key_file
        self._activations = Activations(*files, self._rulebook)
        self._ledger = LedgerAtHand(
            *files,
            relay,
            deadline_ms=settings.gate.deadline_ms,
            before_use=self._activations.follow,
        )
        self._keeper = Gatekeeper(
            deadline_ms=settings.gate.deadline_ms,
            rulebook=self._rulebook,
            ledger=self._ledger,
            floor=relay,
            metrics=metrics,
            tally=tally,
        )
        self._fastagi = FastAgiServer(self._keeper, settings.gate.region)
        self._http = HttpGateServer(self._keeper, settings.gate.region)
        self._http.token = settings.gate.http_token.encode("ascii")
        self._opened: Future[Ledger] = Future()
        self._opened.set_running_or_notify_cancel()  # one who waits in vain cancels it for nobody
        self._opening: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        context = contextvars.copy_context()  # what stands in every log line
        self._thread = threading.Thread(
            target=lambda: context.run(self._loop.run_forever), name="gate", daemon=True
        )

    @property
    def open_sessions(self) -> int:
        return self._fastagi.open_sessions + self._http.open_sessions

    async def start(self) -> int:
        """Loads the rulebook, tries the ledger, listens, and returns the port. Raises OSError when
        it cannot listen; a rulebook or a ledger that fails only makes it refuse."""
        sys.setswitchinterval(_SWITCH_S)
        self._thread.start()
        return await self._there(self._start())

    async def start_http(self, address: str) -> int:
        """Listens for HTTP as well, once started, and returns the port. Raises OSError."""
        return await self._there(self._http.start(*split_address(address)))

    async def ledger(self) -> Ledger:
        """The ledger, once it is open."""
        return await asyncio.wrap_future(self._opened)

    @property
    def open_ledger(self) -> Ledger:
        """The ledger. Raises LedgerUnavailable while it is not open."""
        return self._ledger.current

    @property
    def rulebook(self) -> DecidingRulebook:
        """The one in force. Raises RulebookBroken."""
        return self._rulebook.current

    @property
    def digests(self) -> Digests:
        """Of the rulebooks that were activated, for those who judge what is said."""
        return self._rulebook.digests

    async def rule(self, request: DialRequest) -> Ruling:
        """As `Gatekeeper.rule`."""
        return await self._there(self._keeper.rule(request))

    async def bad_request(self, wrong: BadRequest) -> Answer:
        """As `Gatekeeper.bad_request`."""

        async def refused() -> Answer:
            return self._keeper.bad_request(wrong)

        return await self._there(refused())

    async def reload(self) -> bool:
        """Reads the rulebooks anew; see `RulebookInForce.load`."""
        return await self._there(self._rulebook.load())

    async def close(self) -> None:
        """Stops listening, lets open sessions finish and records what is to be recorded. The
        ledger stays open for those who still write to it."""
        await self._there(self._stop())

    async def close_ledger(self) -> None:
        """The last thing: nothing is asked of the gate afterwards."""
        await self._there(self._close_ledger())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()

    async def _there(self, work: Coroutine[Any, Any, Result]) -> Result:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _start(self) -> int:
        numbers.warm(self._settings.gate.region)
        self._opening = asyncio.get_running_loop().create_task(self._open())
        await self._rulebook.load()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ledger.tried(), _FIRST_TRY_S)
        return await self._fastagi.start(*split_address(self._settings.gate.listen))

    async def _open(self) -> None:
        self._opened.set_result(await self._ledger.open())
        await self._activations.run()

    async def _stop(self) -> None:
        await asyncio.gather(self._fastagi.close(), self._http.close())
        await self._keeper.recorded()

    async def _close_ledger(self) -> None:
        if self._opening:
            self._opening.cancel()
        await self._activations.close()
        await self._ledger.close()


class _Relay:
    """Speaks to the floor and to health from the gate's thread."""

    def __init__(self, floor: Floor, health: Health) -> None:
        self._floor = floor
        self._health = health
        self._told = Handover(asyncio.get_running_loop())

    def tell(self, what: Callable[[Floor], None]) -> None:
        self._told.hand_over(lambda: what(self._floor))

    def set(self, part: str, status: HealthStatus, message: str = "") -> None:
        self._told.hand_over(lambda: self._health.set(part, status, message))
