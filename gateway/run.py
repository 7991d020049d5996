"""Owns `callwarden gateway run`: the gate, the PBX side and the operator API in one event loop.

The one invariant: the gate stands alone. It listens as soon as it can refuse; a ledger that does
not open, a rulebook that is broken, an Asterisk that is away or a PBX side that fails leave it
answering (DENY where it must), and health says what is wrong.
"""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Awaitable
from functools import partial
from typing import Final, TypeVar

import click
import structlog

from callwarden import log, transport
from callwarden.command import with_settings
from callwarden.settings import Settings, split_address
from gateway.acts.acts import Acts
from gateway.acts.desk import Desk
from gateway.alerts.board import Board
from gateway.alerts.raising import Raising
from gateway.alerts.webhook import Webhook
from gateway.browser.pages import Pages
from gateway.callers import Callers
from gateway.checkpointing import Checkpointing
from gateway.floor import Floor
from gateway.gate.fail_closed import RulebookBroken
from gateway.gate.gate_thread import GateThread
from gateway.gate.service import GateServicer
from gateway.gate.tally import Tally, limits_used
from gateway.health import Figures, Health, HealthStatus
from gateway.history import History
from gateway.metrics import Metrics
from gateway.oversight import OversightServer, Servicer
from gateway.pbx_at_hand import PbxAtHand
from gateway.room import room_of
from gateway.sd_notify import notify
from gateway.watching import Watching
from policy import products
from policy.ledger import LedgerUnavailable

_AGAIN_S: Final = 1.0
_COLLECTED: Final = 2_000, 20, 50
"""When the garbage collector looks, which stops every thread: at so many new objects, and each so
many times at what is older. Python's own 700, 10, 10 looks through all calls on the floor every
some thousand decisions, for as long as several decisions take, and finds next to nothing."""

_log = structlog.get_logger(__name__)
Bound = TypeVar("Bound")


@click.command(
    help="Run the gateway: the gate before each call, the fork of its audio, the operator API.",
    epilog="Example: callwarden gateway run --config /etc/callwarden/callwarden.yaml",
)
@with_settings
def run(settings: Settings) -> int:
    """Runs until SIGTERM or SIGINT; SIGHUP reads the rulebooks anew. Exit code 2: a port is taken
    or a setting cannot be used."""
    transport.require_usable(
        settings.tls,
        served={"oversight.listen": settings.oversight.listen}
        | ({"oversight.browser": browser} if (browser := settings.oversight.browser) else {}),
        dialled={"recognizer.address": settings.recognizer.addresses},
    )
    products.load(settings.speech.products)
    log.configure(settings.log, "gateway")
    asyncio.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    await _Gateway(settings).run()


class _Gateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._floor = Floor()
        self._health = Health(self._floor)
        self._metrics = Metrics()
        self._checkpointing = Checkpointing(settings.ledger, self._health)
        self._tally = Tally()
        self._history = History(settings.ledger_file, settings.ledger_key_file)
        self._gate = GateThread(settings, self._floor, self._health, self._metrics, self._tally)
        self._pbx = PbxAtHand()
        self._pages = Pages()
        self._callers = Callers(settings.oversight.people, self._health)
        self._callers.when_changed(self._floor.regroup)
        self._floor.team_of = self._callers.team_of
        desk = Desk(
            self._floor,
            lambda: self._gate.open_ledger,
            (settings.ledger_file, settings.ledger_key_file),
            self._callers.team_of,
        )
        alerts = settings.alerts
        self._webhook = Webhook(alerts.webhook, alerts.webhook_secret) if alerts.webhook else None
        self._alerts = Board(desk, alerts, self._webhook)
        self._raising = Raising(self._floor, self._alerts.raise_, alerts.uncovered_s)
        servicer = Servicer(
            self._callers,
            Watching(
                self._floor,
                self._health,
                self._history,
                self._callers.team_of,
                self._alerts.events,
            ),
            Acts(desk, self._pbx, self._pages, self._alerts, settings.rules),
        )
        gate = GateServicer(
            self._gate,
            self._floor,
            settings.ledger_file,
            settings.ledger_key_file,
            settings.gate.region,
        )
        self._oversight = OversightServer(servicer, gate, self._floor, self._health)
        self._health.figures = self._figures
        self._health.room = partial(room_of, settings.ledger_file)
        self._metrics.watch(
            open_sessions=lambda: self._gate.open_sessions,
            live_calls=lambda: len(self._floor.calls()),
            legs_waiting=lambda: self._pbx.pbx.legs_waiting if self._pbx.pbx else 0,
        )

    async def run(self) -> None:
        """Starts everything, says so in one line, and stops it in order when told to."""
        self._listen_to_signals()
        async with contextlib.AsyncExitStack() as undo:
            addresses = await self._start(undo)
            _log.info("ready", **addresses)
            notify("READY=1")
            await self._stop.wait()
            notify("STOPPING=1")
            _log.info("stopping")

    async def _start(self, undo: contextlib.AsyncExitStack) -> dict[str, str]:
        settings = self._settings
        addresses = {}

        host, _ = split_address(settings.gate.listen)
        undo.push_async_callback(self._gate.close_ledger)
        undo.push_async_callback(self._checkpointing.close)
        undo.push_async_callback(self._alerts.close)
        undo.push_async_callback(self._cancel_tasks)
        port = await _bound("gate.listen", settings.gate.listen, self._gate.start())
        undo.push_async_callback(self._stop_gate)
        addresses["gate"] = f"{host}:{port}"
        if settings.gate.http:
            host, _ = split_address(settings.gate.http)
            serving = self._gate.start_http(settings.gate.http)
            port = await _bound("gate.http", settings.gate.http, serving)
            addresses["http"] = f"{host}:{port}"
        self._health.set("gate", HealthStatus.OK)

        host, _ = split_address(settings.oversight.listen)
        serving = self._oversight.start(settings.oversight.listen, settings.tls)
        port = await _bound("oversight.listen", settings.oversight.listen, serving)
        undo.push_async_callback(self._oversight.close)
        addresses["oversight"] = f"{host}:{port}"

        if settings.oversight.browser:
            serving = self._pages.start(settings.oversight.browser, settings.tls)
            port = await _bound("oversight.browser", settings.oversight.browser, serving)
            undo.push_async_callback(self._pages.close)
            addresses["browser"] = f"{split_address(settings.oversight.browser)[0]}:{port}"

        if settings.metrics:
            host, port = split_address(settings.metrics)
            scraped = asyncio.to_thread(self._metrics.serve, host, port)
            port, stop = await _bound("metrics", settings.metrics, scraped)
            undo.callback(stop)
            addresses["metrics"] = f"{host}:{port}"

        self._supervise(self._count_today())
        self._supervise(self._health.run())
        self._supervise(self._keep_checkpoints())
        self._supervise(self._callers.follow())
        self._supervise(self._recall_alerts())
        self._supervise(self._raising.run())
        if self._webhook:
            self._supervise(self._webhook.run())
        self._supervise(self._keep_pbx())
        _leave_alone_what_is_there()
        return addresses

    async def _count_today(self) -> None:
        await self._gate.ledger()
        try:
            today = await asyncio.to_thread(self._history.today)
        except LedgerUnavailable as error:
            _log.warning("today's counts begin at 0", why=str(error))
        else:
            self._tally.begin_with(today.decisions, today.denials, today.denials_by_rule)

    async def _keep_checkpoints(self) -> None:
        await self._checkpointing.run(await self._gate.ledger())

    async def _recall_alerts(self) -> None:
        await self._gate.ledger()
        await self._alerts.recall()

    async def _keep_pbx(self) -> None:
        """Runs the PBX side for ever. Whatever it dies of, the gate does not notice."""
        ledger = await self._gate.ledger()
        # Loaded here: libraries for audio that are missing or broken must not stop the gate.
        from gateway.asterisk.pbx import Pbx

        pbx = self._pbx.pbx = Pbx(
            self._settings,
            self._floor,
            ledger,
            self._health,
            self._metrics,
            digests=lambda: self._gate.digests,
        )
        _leave_alone_what_is_there()
        try:
            while True:
                try:
                    await pbx.run()
                except Exception as error:  # the PBX side never touches the gate; it starts again
                    _log.exception("PBX side failed", kind=type(error).__name__)
                    text = f"the PBX side failed ({type(error).__name__}) and starts again"
                    self._health.set("asterisk-ari", HealthStatus.DOWN, text)
                await asyncio.sleep(_AGAIN_S)
        finally:
            await pbx.close()

    async def _stop_gate(self) -> None:
        self._health.set("gate", HealthStatus.DOWN, "stopping")
        await self._gate.close()

    async def _reload(self) -> None:
        notify("RELOADING=1")
        await self._gate.reload()
        notify("READY=1")

    def _figures(self) -> Figures:
        try:
            rulebook = self._gate.rulebook
        except RulebookBroken:
            rulebook = None
        return Figures(
            open_gate_sessions=self._gate.open_sessions,
            decisions_today=self._tally.decisions_today,
            denials_today=self._tally.denials_today,
            gate_p99_ms=self._tally.p99_ms,
            limits=limits_used(rulebook.dialling.limits, self._tally) if rulebook else (),
            rulebook=rulebook.identity if rulebook else None,
            judged_by_it=bool(rulebook and rulebook.activated),
        )

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._supervise(self._reload()))

    def _supervise(self, work: Awaitable[None]) -> asyncio.Task[None]:
        async def supervised() -> None:
            try:
                await work
            except Exception as error:  # a part of the gateway that ends must not end the gate
                _log.exception("a part failed", kind=type(error).__name__)

        task = asyncio.get_running_loop().create_task(supervised())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _cancel_tasks(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _leave_alone_what_is_there() -> None:
    """What was made at the start stays for ever: the garbage collector, which stops every thread,
    need not visit it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED)


async def _bound(key: str, address: str, serving: Awaitable[Bound]) -> Bound:
    """What `serving` returns. A port that cannot be had becomes a message and exit code 2."""
    try:
        return await serving
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else "the address cannot be had"
        text = (
            f"{key}: {address}: {why}. Does another gateway run? Stop it, or set {key} to "
            "another HOST:PORT (port 0 takes a free one)."
        )
        raise click.ClickException(text) from None
