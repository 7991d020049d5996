"""Measures scrubbing a dial list through a running gateway against the pure engine in a loop on
facts that are in memory already.

Called by `callwarden bench gate`.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tqdm import tqdm

from callwarden import settings, transport
from callwarden.figures import Figure
from callwarden.v1 import gate_pb2 as wire
from callwarden.v1.gate_pb2_grpc import GateStub
from gateway.bench import servers
from gateway.bench.big_ledger import SMALL, prepared
from gateway.bench.measuring import ratio
from policy import rulebook
from policy.dialling.evaluate import evaluate
from policy.dialling.request import DialRequest
from policy.dialling.rulebook import DiallingRulebook
from policy.ledger import LedgerReader
from policy.ruling_on_the_wire import call_message

BAR: Final = 0.50
_BATCH: Final = 1000


def against_the_engine(folder: Path, numbers: int, rounds: int) -> list[Figure]:
    """Each round takes other numbers, one in fifty with an entry or a call in the ledger."""
    return asyncio.run(_against_the_engine(prepared(folder, SMALL), numbers, rounds))


async def _against_the_engine(home: Path, numbers: int, rounds: int) -> list[Figure]:
    engine: list[float] = []
    scrub: list[float] = []
    with (
        servers.gateway(home) as gateway,
        tqdm(total=2 * rounds * numbers, desc="scrub", unit="number", disable=None) as progress,
    ):
        assert gateway.config is not None  # noqa: S101 - every gateway has one
        configured = settings.load(gateway.config)
        rules = rulebook.load(None, configured.rules.packs, ()).dialling
        for at in range(rounds):
            requests = [_request(index) for index in range(at * numbers, (at + 1) * numbers)]
            engine.append(_engine_per_s(configured, rules, requests))
            progress.update(numbers)
            scrub.append(await _scrub_per_s(gateway.oversight_port, requests))
            progress.update(numbers)
    how = f"{rounds} rounds of {numbers}, through a gateway, its processes' start included"
    return [
        ratio("scrub against the pure engine in a loop", scrub, engine, bar=BAR, how=how),
        Figure("  scrub, numbers/s", statistics.median(scrub), "1/s", better="higher"),
        Figure("  engine alone, evaluations/s", statistics.median(engine), "1/s", better="higher"),
    ]


def _request(index: int) -> DialRequest:
    number = f"+86137{index // 100:08d}" if index % 50 == 0 else f"+86135{index:08d}"
    return DialRequest("", number, "marketing.loan")


def _engine_per_s(
    configured: settings.Settings, rules: DiallingRulebook, requests: Sequence[DialRequest]
) -> float:
    now = datetime.now(UTC)
    with LedgerReader.open(configured.ledger_file, configured.ledger_key_file) as reader:
        facts = [each for some in _slices(requests) for each in reader.facts_of(some, now)]
    began = time.perf_counter()
    for request, known in zip(requests, facts, strict=True):
        evaluate(request, known, rules, now)
    return len(requests) / (time.perf_counter() - began)


async def _scrub_per_s(port: int, requests: Sequence[DialRequest]) -> float:
    batches = [wire.ScrubRequest(calls=map(call_message, some)) for some in _slices(requests)]
    scrubbed = 0
    began = time.perf_counter()
    async with transport.channel_to(f"127.0.0.1:{port}", settings.Tls()) as channel:
        async for response in GateStub(channel).Scrub(iter(batches)):
            scrubbed += len(response.scrubbed)
    return scrubbed / (time.perf_counter() - began)


def _slices(requests: Sequence[DialRequest]) -> Iterator[Sequence[DialRequest]]:
    return (requests[at : at + _BATCH] for at in range(0, len(requests), _BATCH))
