"""Measures the gate on a box whose recognizer has more calls than it can carry, against the same
gate with that recognizer at rest.

Called by `callwarden bench gate`; the recognizer is a program that it tells when to do what.
"""

import asyncio
import contextlib
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import click
from tqdm import tqdm

from callwarden.figures import Figure, percentile
from gateway.bench import servers
from gateway.bench.measuring import questions
from gateway.bench.rush import Rush, steadily

RATE: Final = 50.0
P99_BAR_MS: Final = 25.0


class _Recognizer:
    """`address` is where it serves."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.address = self._line()

    def is_told(self, what: Literal["swamp", "rest"]) -> None:
        """Returns when that is so. Raises click.ClickException when it fails."""
        assert self._process.stdin is not None  # noqa: S101  # it was started with a pipe
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        self._line()

    def _line(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise click.ClickException("the recognizer could not be started or swamped")
        return line.strip()


@contextlib.contextmanager
def _recognizer(calls: Path, config: Path) -> Iterator[_Recognizer]:
    process = subprocess.Popen(
        [sys.executable, "-m", "recognizer.bench.swamp", str(calls), str(config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield _Recognizer(process)
    finally:
        process.communicate()


def beside_a_swamped_recognizer(
    folder: Path, calls: Path, config: Path, seconds: int, rounds: int
) -> list[Figure]:
    """50 decisions a second, open loop, in turns."""
    asked = questions()
    count = round(RATE * seconds)
    taken: dict[Literal["rest", "swamp"], list[Rush]] = {"rest": [], "swamp": []}
    with (
        _recognizer(calls, config) as recognizer,
        servers.gateway(folder, recognizer={"address": recognizer.address}) as gateway,
        tqdm(total=2 * rounds * count, desc="swamped", unit="call", disable=None) as progress,
    ):
        for _ in range(rounds):
            for state, rushes in taken.items():
                recognizer.is_told(state)
                some = [next(asked) for _ in range(count)]
                rushes.append(
                    asyncio.run(steadily(gateway.port, some, per_s=RATE, told=progress.update))
                )
    rest, swamped = ([percentile(each.latencies_ms, 0.99) for each in taken[s]] for s in taken)
    refused = sum(each.asked - each.allowed for each in taken["swamp"])
    how = f"{rounds} rounds of {seconds} s in turns; {refused} refused"
    ratio = statistics.median(one / other for one, other in zip(swamped, rest, strict=True))
    return [
        Figure(
            "p99 at 50 decisions/s, recognizer swamped", statistics.median(swamped), "ms",
            bar=P99_BAR_MS, how=f"{how}; {min(swamped):.1f} to {max(swamped):.1f}",
        ),
        Figure(
            "  recognizer at rest", statistics.median(rest), "ms",
            how=f"{min(rest):.1f} to {max(rest):.1f}",
        ),
        Figure("  the one to the other, medians of pairs", ratio, "times"),
        *(
            Figure(
                f"  p50, recognizer {name}",
                statistics.median(percentile(each.latencies_ms, 0.5) for each in rushes), "ms",
            )
            for name, rushes in (("swamped", taken["swamp"]), ("at rest", taken["rest"]))
        ),
    ]  # fmt: skip
