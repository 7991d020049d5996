"""A gate on its real parts: the ledger in a temporary folder, the shipped house rules, real TCP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from callwarden.settings import Rules
from callwarden.v1 import oversight_pb2 as oversight
from gateway.bench.agi_caller import Heard, ask, session
from gateway.floor import Floor, Watcher
from gateway.gate import rulebook_reader
from gateway.gate.deciding_rulebook import DecidingRulebook, RulebookRead
from gateway.gate.fastagi import FastAgiServer
from gateway.gate.gatekeeper import Gatekeeper
from gateway.gate.ledger_at_hand import LedgerAtHand
from gateway.gate.rulebook_in_force import RulebookInForce
from gateway.gate.tally import Tally
from gateway.health import Health
from gateway.metrics import Metrics

HOST = "127.0.0.1"


@dataclass
class GateParts:
    """Everything the gate is made of, listening on a free port."""

    floor: Floor
    health: Health
    rulebook: RulebookInForce
    ledger: LedgerAtHand
    metrics: Metrics
    tally: Tally
    keeper: Gatekeeper
    server: FastAgiServer
    events: Watcher

    async def ask(
        self,
        number: str,
        *,
        nonce: str = "n-1",
        scene: str = "marketing.loan",
        customer: str = "",
        linkedid: str = "",
    ) -> Heard:
        question = session(nonce, number, scene, "1001", customer, linkedid)
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
) -> AsyncIterator[GateParts]:
    floor = Floor()
    health = Health(floor)
    rulebook = (
        RulebookInForce(rules, health) if rules else RulebookInForce(Rules(), health, shipped)
    )
    ledger = LedgerAtHand(
        state / "ledger.sqlite3",
        state / "keys" / "ledger.key",
        health,
        deadline_ms=ledger_patience_ms or deadline_ms,
    )
    metrics, tally = Metrics(), Tally()
    keeper = Gatekeeper(
        deadline_ms=deadline_ms,
        rulebook=rulebook,
        ledger=ledger,
        floor=floor,
        metrics=metrics,
        tally=tally,
    )
    server = FastAgiServer(keeper, "CN")
    await rulebook.load()
    if wait_for_ledger:
        await ledger.open()
    await server.start(HOST, 0)
    try:
        with floor.watch() as events:
            yield GateParts(floor, health, rulebook, ledger, metrics, tally, keeper, server, events)
    finally:
        await server.close()
        await keeper.recorded()
        await ledger.close()
