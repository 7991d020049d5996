"""Measures the gate through a real Asterisk, with the dialplan that customers install: calls a
second by the helper leg and by CURL, and what a load of 50 calls a second meets.

Called by `callwarden bench gate`; it starts the lab itself.
"""

import asyncio
import math
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tqdm import tqdm

from callwarden import transport
from callwarden.figures import Figure
from callwarden.memory import resident_mib
from callwarden.settings import Settings
from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1 import oversight_pb2_grpc as oversight_grpc
from gateway.bench import servers
from gateway.bench.measuring import ratio

if TYPE_CHECKING:
    from deploy.lab import Lab, LoadResult

HELPER_BAR: Final = 0.85
P99_BAR_MS: Final = 25.0
RESIDENT_BAR_MIB: Final = 120.0
_CALLS_PER_S: Final = 50.0
_OUT_OF_REACH_PER_S: Final = 2000.0
_AT_ONCE: Final = 50
_TALK_MS: Final = 100


def calls_per_s(folder: Path, calls: int, rounds: int) -> list[Figure]:
    """50 calls at once go through as fast as they can: allowed at once, decided by the helper leg,
    decided by CURL; in turns. Raises LabError."""
    from deploy.lab import Lab, LoadedCall
    from deploy.lab.numbers import open_now

    sides: dict[str, list[float]] = {"at once": [], "helper leg": [], "CURL": []}
    lost = 0
    numbers = iter(range(10**9))
    with (
        Lab.start() as lab,
        servers.at_once() as at_once,
        servers.gateway(folder) as gateway,
        tqdm(total=3 * rounds * calls, desc="asterisk", unit="call", disable=None) as progress,
    ):
        ways = {
            "at once": (f"127.0.0.1:{at_once.port}", ""),
            "helper leg": (f"127.0.0.1:{gateway.port}", ""),
            "CURL": ("", f"http://127.0.0.1:{gateway.http_port}/gate"),
        }
        for _ in range(rounds):
            for name, (address, url) in ways.items():
                lab.set_global("CALLWARDEN_GATE", address)
                lab.set_global("CALLWARDEN_GATE_URL", url)
                result = lab.load(
                    _OUT_OF_REACH_PER_S,
                    calls / _OUT_OF_REACH_PER_S,
                    lambda _: LoadedCall(open_now(next(numbers))),
                    talk_ms=_TALK_MS,
                    at_once=_AT_ONCE,
                )
                answered = result.statuses.get(200, 0)
                lost += calls - answered
                sides[name].append(answered / result.seconds)
                progress.update(calls)
    how = f"{_AT_ONCE} at once, {rounds} rounds of {calls}; {lost} not answered"
    medians = {name: statistics.median(per_s) for name, per_s in sides.items()}
    return [
        ratio(
            "calls/s through Asterisk, helper leg, against at once",
            sides["helper leg"], sides["at once"], bar=HELPER_BAR, how=how,
        ),
        *(
            Figure(f"  calls/s, {name}", value, "1/s", better="higher")
            for name, value in medians.items()
        ),
        Figure("  CURL against the helper leg", medians["CURL"] / medians["helper leg"], ""),
    ]  # fmt: skip


def loaded(seconds: int) -> list[Figure]:
    """50 calls/s through a lab: allowed at once, decided by the gateway, and decided by it while it
    forks the audio of every one of these calls as well. Raises LabError."""
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
            Figure(f"gate p99, {what}", p99_ms, "ms", bar=P99_BAR_MS, how=how),
            Figure(f"INVITE to ringing, {what}, p50", self.result.percentile_ms(50), "ms"),
            Figure(f"INVITE to ringing, {what}, p99", self.result.percentile_ms(99), "ms"),
            Figure(f"resident, {what}", self.resident_mib, "MiB", bar=RESIDENT_BAR_MIB),
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
