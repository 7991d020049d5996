"""SIGKILL at a random moment while 2,000 sessions reserve, over real FastAGI: no customer has had
more calls allowed than his limit, every ALLOW that reached a socket is in the ledger, and the
ledger opens clean. `CALLWARDEN_FUZZ_SEED` sets the moments.
"""

import asyncio
import os
import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from deploy.lab.numbers import open_now
from gateway.bench.agi_caller import ask, session
from policy.ledger import Ledger, LedgerReader
from tests.gate.gateway_process import GatewayProcess

SEED = int(os.environ.get("CALLWARDEN_FUZZ_SEED", "20260301"))
LIMIT = 3
"""A day, of the house rules."""
EACH_ASKS = 5


@pytest.mark.parametrize(
    ("runs", "sessions", "at_once"),
    [(2, 300, 64), pytest.param(50, 2000, 2000, marks=pytest.mark.soak)],
)
def test_a_gateway_killed_while_it_reserves_forgets_no_allow(
    tmp_path: Path, runs: int, sessions: int, at_once: int
) -> None:
    rng = random.Random(SEED)
    state = tmp_path / "state"
    files = state / "ledger.sqlite3", state / "keys" / "ledger.key"
    allowed_in_all = unheard_in_all = 0
    for run in range(runs):
        customers = [f"c-{run}-{each}" for each in range(sessions // EACH_ASKS)]
        patient = {"listen": "127.0.0.1:0", "deadline_ms": 1400}
        with GatewayProcess(tmp_path, gate=patient).start() as gateway:
            port = gateway.ready()["gate"][1]
            asking = _asked_until_killed(gateway, port, customers, rng, at_once)
            heard = asyncio.run(asking)
        allowed_in_all += len(heard)
        with closing(sqlite3.connect(files[0])) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            reserved = {nonce for (nonce,) in db.execute("SELECT nonce FROM attempts")}
        assert set(heard) <= reserved, "an ALLOW that was heard is not in the ledger"
        unheard_in_all += len(
            {each for each in reserved if each.startswith(f"{run}-")} - set(heard)
        )
        with Ledger.open(*files), LedgerReader.open(*files) as reader:
            per_customer: Counter[str] = Counter()
            for nonce in reserved:
                if nonce.startswith(f"{run}-"):
                    recorded = reader.decision_by_nonce(nonce)
                    assert recorded is not None
                    assert recorded.decision.allowed
                    per_customer[recorded.request.customer] += 1
        assert max(per_customer.values(), default=0) <= LIMIT
    assert allowed_in_all, "every run was killed before anything was allowed"
    assert unheard_in_all, "no run was killed while something was under way"


async def _asked_until_killed(
    gateway: GatewayProcess, port: int, customers: list[str], rng: random.Random, at_once: int
) -> list[str]:
    """The nonces whose ALLOW reached the socket whole, of all customers' calls. The gateway is
    killed once so many have, and a few milliseconds."""
    heard: list[str] = []
    enough = asyncio.Event()
    last = rng.randrange(1, len(customers))
    run = customers[0].split("-")[1]
    turn = asyncio.Semaphore(at_once)

    async def reserve(at: int, customer: str) -> None:
        nonce = f"{run}-{at}"
        question = session(nonce, open_now(at), "marketing.loan", "1001", customer, "")
        try:
            async with turn:
                said = await ask("127.0.0.1", port, question, within_s=30)
        except OSError:
            return
        if said.verdict == f"ALLOW:{nonce}":
            heard.append(nonce)
            if len(heard) >= last:
                enough.set()

    async def kill() -> None:
        await enough.wait()
        await asyncio.sleep(rng.uniform(0, 0.02))  # the random moment itself
        gateway.process.kill()

    calls = [customer for customer in customers for _ in range(EACH_ASKS)]
    rng.shuffle(calls)
    killing = asyncio.create_task(kill())
    await asyncio.gather(*(reserve(at, each) for at, each in enumerate(calls)))
    enough.set()
    await killing
    return heard
