"""Measures the gate straight over FastAGI: how many decisions a second against a server that does
not think, and how long one takes at a steady 200 a second.

Called by `callwarden bench gate`.
"""

import asyncio
import statistics
from pathlib import Path
from typing import Final

from tqdm import tqdm

from callwarden.figures import Figure, percentile
from gateway.bench import servers
from gateway.bench.measuring import questions, ratio
from gateway.bench.rush import Rush, rush, steadily

AT_ONCE_BAR: Final = 0.35
P99_BAR_MS: Final = 25.0
RATE: Final = 200.0


def against_at_once(folder: Path, connections: int, asked: int, rounds: int) -> list[Figure]:
    """The gateway and a server that allows at once (same protocol code, same loop), in turns."""
    return asyncio.run(_against_at_once(folder, connections, asked, rounds))


async def _against_at_once(folder: Path, connections: int, asked: int, rounds: int) -> list[Figure]:
    deciding: list[Rush] = []
    allowing: list[Rush] = []
    ours, theirs = questions(), questions()
    with (
        servers.gateway(folder) as gateway,
        servers.at_once() as at_once,
        tqdm(total=2 * rounds * asked, desc="at once", unit="call", disable=None) as progress,
    ):

        async def ask(port: int, some: list[bytes]) -> Rush:
            return await rush(port, iter(some), connections=connections, told=progress.update)

        for _ in range(rounds):
            allowing.append(await ask(at_once.port, [next(theirs) for _ in range(asked)]))
            deciding.append(await ask(gateway.port, [next(ours) for _ in range(asked)]))
    per_s, bare_per_s = [each.per_s for each in deciding], [each.per_s for each in allowing]
    refused = sum(each.asked - each.allowed for each in deciding)
    latencies = [each for one in deciding for each in one.latencies_ms]
    how = f"{connections} connections, {rounds} rounds of {asked}; {refused} refused"
    return [
        ratio(
            "decisions/s, durable, against a server that allows at once",
            per_s, bare_per_s, bar=AT_ONCE_BAR, how=how,
        ),
        Figure("  decisions/s", statistics.median(per_s), "1/s", better="higher"),
        Figure("  allowed at once", statistics.median(bare_per_s), "1/s", better="higher"),
        Figure("  a session at full rush, p99", percentile(latencies, 0.99), "ms"),
    ]  # fmt: skip


def open_loop(folder: Path, seconds: int, rounds: int) -> list[Figure]:
    """200 decisions a second, asked when their time comes whatever became of the last."""
    return asyncio.run(_open_loop(folder, seconds, rounds))


async def _open_loop(folder: Path, seconds: int, rounds: int) -> list[Figure]:
    count = round(RATE * seconds)
    asked = questions()
    taken: list[Rush] = []
    with (
        servers.gateway(folder) as gateway,
        tqdm(total=rounds * count, desc="open loop", unit="call", disable=None) as progress,
    ):
        for _ in range(rounds):
            some = [next(asked) for _ in range(count)]
            taken.append(await steadily(gateway.port, some, per_s=RATE, told=progress.update))
    p99s = [percentile(each.latencies_ms, 0.99) for each in taken]
    p50 = statistics.median(percentile(each.latencies_ms, 0.5) for each in taken)
    refused = sum(each.asked - each.allowed for each in taken)
    how = f"{rounds} rounds of {seconds} s, from the moment it was due; {refused} refused"
    how += f"; {min(p99s):.1f} to {max(p99s):.1f}"
    return [
        Figure(
            "p99 at 200 decisions/s, open loop", statistics.median(p99s), "ms",
            bar=P99_BAR_MS, how=how,
        ),
        Figure("  p50", p50, "ms"),
    ]  # fmt: skip
