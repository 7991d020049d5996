"""Owns finding how many legs a server carries: runs of players, and the search among them.

Called by the bench. A number of legs is carried when 95 of 100 words come within a second.
"""

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import click
from tqdm import tqdm

from recognizer.bench.players import Lags, Server, Speech
from recognizer.footprint import Footprint, footprint

CARRIED_P95_S = 1.0
_STEP = 0.08
"""How far the search goes at once, of the legs that are carried."""
_MOST_STREAMS = 2000


@dataclass(frozen=True)
class Run:
    """One run of players against a server: what it cost the server besides."""

    streams: int
    seconds: float
    lags: Lags
    server_cpu_s: float
    parent_cpu_s: float
    """Of that, of the process that serves, without its workers."""
    memory_mb: float
    own_mb: float
    """Of that, what no file stands behind."""

    @property
    def carried(self) -> bool:
        return self.lags.words > 0 and self.lags.p95_s <= CARRIED_P95_S

    @property
    def cpu_ms(self) -> float:
        """Of the server for a second of one leg."""
        return 1000 * self.server_cpu_s / (self.streams * self.seconds)


@dataclass(frozen=True)
class Spoken:
    """What the players speak, to any number of legs: `warm_s` seconds in which the calls begin one
    by one and the server comes to know the words, then `seconds` that count."""

    legs: list[Path]
    scenes: list[str]
    rate_hz: int
    message_ms: int
    seconds: float
    warm_s: float = 12.0

    async def to(self, server: Server, port: int, pid: int, streams: int) -> Run:
        """One run. Raises click.ClickException when the players fail."""
        async with self.spoken_to(server, port, streams) as process:
            before = await _at_its_next_line(process, pid)
            after = await _at_its_next_line(process, pid)
            told, why = await process.communicate()
        if process.returncode:
            raise click.ClickException(f"the players failed: {why.decode(errors='replace')[-500:]}")
        cpu_s = after.parent_cpu_s + after.workers_cpu_s
        cpu_s -= before.parent_cpu_s + before.workers_cpu_s
        return Run(
            streams,
            self.seconds,
            Lags(**json.loads(told)),
            cpu_s,
            after.parent_cpu_s - before.parent_cpu_s,
            after.pss_mb,
            after.own_mb,
        )

    @contextlib.asynccontextmanager
    async def spoken_to(
        self, server: Server, port: int, streams: int
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """The players, ended with the block if they have not ended by then."""
        speech = Speech(
            server=server,
            port=port,
            streams=streams,
            warm_s=self.warm_s,
            seconds=self.seconds,
            message_ms=self.message_ms,
            rate_hz=self.rate_hz,
            legs=[str(each) for each in self.legs],
            scenes=self.scenes,
        )
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(speech.to_json())
            file.flush()
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "recognizer.bench.players", file.name),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                yield process
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()


async def _at_its_next_line(players: asyncio.subprocess.Process, pid: int) -> Footprint:
    """The server's footprint when the players say the next thing."""
    assert players.stdout is not None  # noqa: S101  # it was made with a pipe
    await players.stdout.readline()
    return footprint(pid)


Runs = Callable[[int], Awaitable[Run]]
"""A run with so many legs."""


async def search(run: Runs, first: int, name: str, *, close: bool = False) -> Run:
    """The run with the most legs that were carried. Begins with `first`; goes up or down by steps
    that grow, unless `close` says that the answer is near, then halves what lies between. Raises
    click.ClickException when not even one call is carried."""
    best: Run | None = None
    too_many = _MOST_STREAMS + 2
    streams, grow = first, _STEP if close else 0.5
    with tqdm(desc=name, unit="run", disable=None) as shown:
        while True:
            one = await run(streams)
            shown.update()
            shown.set_postfix_str(f"{streams} legs: p95 {one.lags.p95_s:.2f} s")
            if one.carried:
                best = one
            else:
                too_many = streams
            floor = best.streams if best else 0
            if too_many - floor <= max(2, _STEP / 2 * floor) or floor == _MOST_STREAMS:
                break
            if best is None:
                streams = min(too_many - 2, _even(too_many / (1 + grow)))
            elif too_many > _MOST_STREAMS:
                streams = min(_MOST_STREAMS, _even(floor * (1 + grow)))
            else:
                streams = _even((floor + too_many) / 2)
            grow *= 1.5
            if streams in (floor, too_many) or not streams:
                break
    if best is None:
        raise click.ClickException("not even one call is carried: is this box busy with others?")
    return best


def _even(streams: float) -> int:
    """A call has two legs."""
    return 2 * max(1, round(streams / 2))
