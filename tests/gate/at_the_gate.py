"""A gate on its real parts: the ledger in a temporary folder, the shipped house rules, real TCP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import grpc.aio

from callwarden import transport
from callwarden.alert_settings import Alerts
from callwarden.caller import Metadata
from callwarden.settings import Rules, Tls
from callwarden.v1 import oversight_pb2 as oversight
from gateway.acts.acts import Acts
from gateway.acts.desk import Desk
from gateway.alerts.board import Board
from gateway.bench.agi_caller import Heard, ask, session
from gateway.browser.pages import Pages
from gateway.callers import Callers
from gateway.floor import Floor, Watcher
from gateway.gate import rulebook_reader
from gateway.gate.activations import Activations
from gateway.gate.answer import Answer, BadRequest
from gateway.gate.deciding_rulebook import DecidingRulebook, RulebookRead
from gateway.gate.fastagi import FastAgiServer
from gateway.gate.gatekeeper import Gatekeeper, Ruling
from gateway.gate.ledger_at_hand import LedgerAtHand
from gateway.gate.rulebook_in_force import RulebookInForce
from gateway.gate.service import GateServicer
from gateway.gate.tally import Tally
from gateway.health import Health
from gateway.history import History
from gateway.media.tap import Tap
from gateway.metrics import Metrics
from gateway.oversight import OversightServer, Servicer
from gateway.watching import Watching
from policy.dialling.request import DialRequest
from policy.ledger import Ledger
from policy.ledger.acts import ActKind

HOST = "127.0.0.1"
PLAIN = Tls()


@dataclass
class GateParts:
    """Everything the gate is made of, listening on a free port."""

    floor: Floor
    health: Health
    rulebook: RulebookInForce
    activations: Activations
    ledger: LedgerAtHand
    metrics: Metrics
    tally: Tally
    keeper: Gatekeeper
    server: FastAgiServer
    events: Watcher
    alerts: Board | None = None
    """While the operator API is served."""

    async def ask(
        self,
        number: str,
        *,
        nonce: str = "n-1",
        scene: str = "marketing.loan",
        customer: str = "",
        linkedid: str = "",
        agent: str = "1001",
    ) -> Heard:
        question = session(nonce, number, scene, agent, customer, linkedid)
        return await ask(HOST, self.server.port, question)

    async def decision(self) -> oversight.DecisionMade:
        """The next decision that is published."""
        while True:
            event = await anext(self.events)
            if event.HasField("decision"):
                return event.decision

    def counted(self, verdict: str, rule: str) -> float:
        labels = {"verdict": verdict, "rule": rule}
        name = "callwarden_gate_decisions_total"
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


class InOneLoop:
    """Gate parts as their gRPC service sees them."""

    def __init__(self, parts: GateParts) -> None:
        self._parts = parts

    @property
    def rulebook(self) -> DecidingRulebook:
        return self._parts.rulebook.current

    @property
    def open_ledger(self) -> Ledger:
        return self._parts.ledger.current

    async def rule(self, request: DialRequest) -> Ruling:
        return await self._parts.keeper.rule(request)

    async def bad_request(self, wrong: BadRequest) -> Answer:
        return self._parts.keeper.bad_request(wrong)


class NotedPbx:
    """Notes what is done to calls; fails where there is no list to note it in."""

    def __init__(self, hung_up: list[str] | None) -> None:
        self._hung_up = hung_up
        self._listening: list[str] = []

    async def hang_up(self, call_id: str) -> None:
        if self._hung_up is None:
            raise ConnectionError
        self._hung_up.append(call_id)

    async def listen_in(self, call_id: str, act: ActKind, extension: str) -> str:
        if self._hung_up is None:
            raise ConnectionError
        self._listening.append(f"{act.value} {call_id} {extension}")
        return self._listening[-1]

    def tap(self, call_id: str) -> Tap:
        raise KeyError(call_id)

    async def end_listen_in(self, listening_id: str) -> None:
        try:
            self._listening.remove(listening_id)
        except ValueError:
            raise KeyError(listening_id) from None


@asynccontextmanager
async def served(
    parts: GateParts,
    state: Path,
    hung_up: list[str] | None = None,
    *,
    people: Path | None = None,
    tls: Tls = PLAIN,
    client: Tls = PLAIN,
    said: Metadata = (),
) -> AsyncIterator[grpc.aio.Channel]:
    """The operator API over these parts; a hang-up fails where there is no `hung_up` to note it.
    The channel says `said` with each call."""

    files = state / "ledger.sqlite3", state / "keys" / "ledger.key"
    callers = Callers(people, parts.health)
    callers.when_changed(parts.floor.regroup)
    parts.floor.team_of = callers.team_of
    desk = Desk(parts.floor, lambda: parts.ledger.current, files, callers.team_of)
    board = Board(desk, Alerts())
    parts.alerts = board
    servicer = Servicer(
        callers,
        Watching(parts.floor, parts.health, History(*files), callers.team_of, board.events),
        Acts(desk, NotedPbx(hung_up), Pages(), board, Rules()),
    )
    gates = GateServicer(InOneLoop(parts), parts.floor, *files, "CN")
    server = OversightServer(servicer, gates, parts.floor, parts.health)
    port = await server.start("127.0.0.1:0", tls)
    following = asyncio.get_running_loop().create_task(callers.follow())
    try:
        async with transport.channel_to(f"127.0.0.1:{port}", client, said) as channel:
            yield channel
    finally:
        following.cancel()
        await server.close()


@lru_cache
def _shipped() -> RulebookRead:
    return rulebook_reader.read(Rules())


async def shipped(_: Rules) -> DecidingRulebook:
    """The shipped rules, read once for all tests: a process each would take half a second."""
    found = _shipped()
    assert isinstance(found, DecidingRulebook)
    return found


@asynccontextmanager
async def gate(
    state: Path,
    *,
    rules: Rules | None = None,
    deadline_ms: int = 1000,
    wait_for_ledger: bool = True,
    ledger_patience_ms: int | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[GateParts]:
    floor = Floor()
    health = Health(floor)
    rulebook = (
        RulebookInForce(rules, health) if rules else RulebookInForce(Rules(), health, shipped)
    )
    files = state / "ledger.sqlite3", state / "keys" / "ledger.key"
    activations = Activations(*files, rulebook)
    ledger = LedgerAtHand(
        *files,
        health,
        deadline_ms=ledger_patience_ms or deadline_ms,
        before_use=activations.follow,
    )
    metrics, tally = Metrics(), Tally(now)
    keeper = Gatekeeper(
        deadline_ms=deadline_ms,
        rulebook=rulebook,
        ledger=ledger,
        floor=floor,
        metrics=metrics,
        tally=tally,
        now=now,
    )
    server = FastAgiServer(keeper, "CN")
    await rulebook.load()
    if wait_for_ledger:
        await ledger.open()
    await server.start(HOST, 0)
    try:
        with floor.watch() as events:
            yield GateParts(
                floor,
                health,
                rulebook,
                activations,
                ledger,
                metrics,
                tally,
                keeper,
                server,
                events,
            )
    finally:
        await server.close()
        await keeper.recorded()
        await activations.close()
        await ledger.close()
