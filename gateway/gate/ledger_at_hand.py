"""Owns the gateway's ledger from the first try to open it: kept trying until it opens.

Called by the gatekeeper for each decision and by `gateway.run`. While it is not open the gate runs
and refuses; what writes to the ledger later reports here, so that health tells the truth.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog

from gateway.enforcement import REFUSAL
from gateway.health import HealthReport, HealthStatus
from policy.ledger import Ledger, LedgerUnavailable

_AGAIN_S: Final = 1.0

_log = structlog.get_logger(__name__)


class LedgerAtHand:
    def __init__(
        self,
        file: Path,
        key_file: Path,
        health: HealthReport,
        *,
        deadline_ms: int,
        before_use: Callable[[], Awaitable[None]],
    ) -> None:
        """Another process' lock is waited for during half of `deadline_ms`, so that a refusal can
        say that it was a lock. `before_use` is awaited when the ledger is open and before anybody
        gets it; it may raise LedgerUnavailable."""
        self._file = file
        self._key_file = key_file
        self._busy_ms = deadline_ms // 2
        self._health = health
        self._before_use = before_use
        self._ledger: Ledger | None = None
        self._trouble: str | None = None
        self._tried = asyncio.Event()

    @property
    def current(self) -> Ledger:
        """The open ledger. Raises LedgerUnavailable while there is none."""
        if self._ledger is None:
            raise LedgerUnavailable("the ledger is not open yet")
        return self._ledger

    async def open(self) -> Ledger:
        """Opens the ledger, trying again every second, for ever. Health says why it does not."""
        while self._ledger is None:
            try:
                ledger = await asyncio.to_thread(
                    Ledger.open, self._file, self._key_file, busy_ms=self._busy_ms
                )
                self._ledger = await self._enforced(ledger)
            except LedgerUnavailable as error:
                self.failed(error)
                self._tried.set()
                await asyncio.sleep(_AGAIN_S)
        self.succeeded()
        self._tried.set()
        return self._ledger

    async def _enforced(self, ledger: Ledger) -> Ledger:
        """The ledger, in which every refusal heard suppresses, and the rulebook in force is the one
        activated, before the first decision: also what a gateway heard that died before it
        suppressed. Raises LedgerUnavailable."""
        try:
            calls = await asyncio.wrap_future(ledger.suppress_left_over(REFUSAL))
            await self._before_use()
        except LedgerUnavailable:
            await asyncio.to_thread(ledger.close)
            raise
        if calls:
            _log.warning("suppressed what an earlier gateway heard", calls=calls)
        return ledger

    async def tried(self) -> None:
        """Waits until opening has succeeded or failed once."""
        await self._tried.wait()

    def succeeded(self) -> None:
        if self._trouble != "":
            self._trouble = ""
            self._health.set("ledger", HealthStatus.OK)

    def failed(self, error: LedgerUnavailable) -> None:
        if self._trouble != str(error):
            self._trouble = str(error)
            self._health.set("ledger", HealthStatus.DOWN, f"every call is refused: {error}")

    async def close(self) -> None:
        """Waits for what is being written, then closes."""
        if self._ledger is not None:
            await asyncio.to_thread(self._ledger.close)
