"""Owns `callwarden bench gate`: how fast the gate decides, straight over FastAGI and through a real
Asterisk.

Straight, the gateway and a server that allows at once (same protocol code) are asked in turns
within one run, and medians are compared. With `--lab`, 50 calls a second go through the lab's
Asterisk and the dialplan that customers install. It starts everything itself.
"""

import asyncio
import math
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from tqdm import tqdm

from callwarden import transport
from callwarden.command import with_settings
from callwarden.figures import Figure, percentile, report
from callwarden.memory import resident_mib
from callwarden.settings import Settings
from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1 import oversight_pb2_grpc as oversight_grpc
from gateway.bench import servers
from gateway.bench.agi_caller import session
from gateway.bench.rush import Rush, rush

if TYPE_CHECKING:
    from deploy.lab import Lab, LoadedCall, LoadResult

_P99_BAR_MS: Final = 25.0
_RESIDENT_BAR_MIB: Final = 120.0
_CALLS_PER_S: Final = 50.0


@click.command(epilog="Example: callwarden bench gate --lab --json")
@click.option("--connections", default=64, show_default=True, help="FastAGI sessions at a time.")
@click.option("--questions", default=1500, show_default=True, help="Questions a round.")
@click.option("--rounds", default=5, show_default=True, help="Rounds of each; medians count.")
@click.option("--lab", "with_lab", is_flag=True, help="Also place calls through a real Asterisk.")
@click.option("--seconds", default=20, show_default=True, help="How long the lab is loaded.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def gate(  # noqa: PLR0917  # click passes options by name
    _settings: Settings,
    connections: int,
    questions: int,
    rounds: int,
    with_lab: bool,
    seconds: int,
    as_json: bool,
) -> int:
    """Measure the gate on this box. Exit code 1: a figure misses its bar."""
    with tempfile.TemporaryDirectory(prefix="callwarden-bench-") as folder:
        figures = asyncio.run(_straight(Path(folder), connections, questions, rounds))
    if with_lab:
        from deploy.lab import LabError

        try:
            figures += _through_asterisk(seconds)
        except LabError as error:
            raise click.ClickException(str(error)) from None
    return report("bench gate", figures, as_json=as_json)


async def _straight(folder: Path, connections: int, questions: int, rounds: int) -> list[Figure]:
    deciding: list[Rush] = []
    allowing: list[Rush] = []
    asked = _questions()
    with (
        servers.gateway(folder) as gateway,
        servers.at_once() as at_once,
        tqdm(total=2 * rounds * questions, desc="asked", unit="call", disable=None) as progress,
    ):

        async def ask(port: int) -> Rush:
            some = iter([next(asked) for _ in range(questions)])
            return await rush(port, some, connections=connections, told=progress.update)

        for _ in range(rounds):
            allowing.append(await ask(at_once.port))
            deciding.append(await ask(gateway.port))
        resident = resident_mib(gateway.pid)
    refused = sum(each.asked - each.allowed for each in deciding)
    latencies = [each for one in deciding for each in one.latencies_ms]
    per_s = statistics.median(each.per_s for each in deciding)
    ratio = statistics.median(
        each.per_s / bare.per_s for each, bare in zip(deciding, allowing, strict=True)
    )
    bare_per_s = statistics.median(each.per_s for each in allowing)
    how = f"{connections} at a time, {rounds} rounds of {questions}, medians; {refused} refused"
    return [
        Figure("decisions, durable before the answer", per_s, "1/s", better="higher", how=how),
        Figure("a server that allows at once", bare_per_s, "1/s", better="higher"),
        Figure("the one to the other", ratio, "", better="higher"),
        Figure("a session at full rush, p50", percentile(latencies, 0.5), "ms"),
        Figure("a session at full rush, p99", percentile(latencies, 0.99), "ms"),
        Figure("gateway resident after it", resident, "MiB", bar=_RESIDENT_BAR_MIB),
    ]


def _questions() -> Iterator[bytes]:
    """Calls that the house rules allow now: each customer's first."""
    from deploy.lab.numbers import open_now

    index = 0
    while True:
        nonce = f"bench-{index}"
        yield session(nonce, open_now(index), "marketing.loan", "1001", "", nonce)
        index += 1


def _through_asterisk(seconds: int) -> list[Figure]:
    """50 calls/s through a lab: allowed at once, decided by the gateway, and decided by it while it
    forks the audio of every one of these calls as well."""
    from deploy.lab import Lab

    with Lab.start() as lab:
        with servers.at_once(lab.addresses.gate):
            bare = _load(lab, seconds, "allowed at once")
        deaf = _Loaded.by_gateway(lab, seconds, "decided", asterisk=servers.NO_ASTERISK)
        hearing = _Loaded.by_gateway(lab, seconds, "decided and heard")
    return [
        Figure("INVITE to ringing, allowed at once, p50", bare.percentile_ms(50), "ms"),
        Figure("INVITE to ringing, allowed at once, p99", bare.percentile_ms(99), "ms"),
        *deaf.figures("decided"),
        *hearing.figures("decided, every call forked"),
    ]


@dataclass(frozen=True)
class _Loaded:
    """What a load did to one gateway."""

    result: "LoadResult"
    gate_p99_ms: float
    resident_mib: float

    @classmethod
    def by_gateway(cls, lab: "Lab", seconds: int, what: str, **sections: Any) -> "_Loaded":
        from deploy.lab.appliance import Appliance

        state = str(lab.folder / what.replace(" ", "-"))
        appliance = Appliance.start(lab, recognizer=False, state=state, **sections)
        try:
            result = _load(lab, seconds, what)
            p99_ms = asyncio.run(_gate_p99_ms(appliance.settings))
            return cls(result, p99_ms, resident_mib(appliance.gateway.pid))
        finally:
            appliance.gateway.terminate()
            appliance.gateway.wait()

    def figures(self, what: str) -> list[Figure]:
        answered, total = self.result.statuses.get(200, 0), sum(self.result.statuses.values())
        how = f"{_CALLS_PER_S:g} calls/s, {answered} of {total} answered"
        p99_ms = self.gate_p99_ms
        return [
            Figure(f"gate p99, {what}", p99_ms, "ms", bar=_P99_BAR_MS, how=how),
            Figure(f"INVITE to ringing, {what}, p50", self.result.percentile_ms(50), "ms"),
            Figure(f"INVITE to ringing, {what}, p99", self.result.percentile_ms(99), "ms"),
            Figure(f"resident, {what}", self.resident_mib, "MiB", bar=_RESIDENT_BAR_MIB),
        ]


def _load(lab: "Lab", seconds: int, what: str) -> "LoadResult":
    from deploy.lab import LoadedCall
    from deploy.lab.numbers import open_now

    def call(index: int) -> "LoadedCall":
        return LoadedCall(open_now(index))

    with (
        ThreadPoolExecutor(1) as pool,
        tqdm(total=seconds, desc=what, unit="s", disable=None) as progress,
    ):
        loading = pool.submit(lab.load, _CALLS_PER_S, seconds, call)
        began = time.monotonic()
        while not loading.done():
            time.sleep(0.2)
            progress.update(min(seconds, math.floor(time.monotonic() - began)) - progress.n)
        return loading.result()


async def _gate_p99_ms(settings: Settings) -> float:
    """From question to answer, of the last 2000 decisions, as the gateway has it."""
    async with transport.channel_to(settings.oversight.address, settings.tls) as channel:
        stub = oversight_grpc.OversightStub(channel)
        async for event in stub.Watch(oversight.WatchRequest()):
            if event.HasField("health"):
                return event.health.gate_p99_ms
    return math.nan
