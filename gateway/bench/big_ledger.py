"""Measures what a large ledger costs: decisions a second with millions of attempts and do-not-call
entries against a hundred thousand of each, and the gateway's memory over them.

Called by `callwarden bench gate`. Ledgers of 10 million take some ten minutes and 5 GB to make, so
they are kept where a folder is given for it.
"""

import asyncio
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tqdm import tqdm

from callwarden.figures import Figure
from callwarden.memory import resident_mib
from gateway.bench import servers
from gateway.bench.measuring import questions, ratio
from gateway.bench.rush import Rush, rush
from policy.ledger.bulk import fill

BAR: Final = 0.90
RESIDENT_BAR_MB: Final = 250.0
SMALL: Final = 100_000
_MB_OF_MIB: Final = 1.048576
_ASKED_NUMBERS: Final = 100_000
"""So many of the attempts are to numbers that may be asked about, the same in both ledgers."""


def against_small(
    folder: Path, size: int, connections: int, asked: int, rounds: int
) -> list[Figure]:
    """`size` attempts and as many entries against `SMALL` of each, in turns; ledgers that `folder`
    already holds are used again."""
    small, large = (prepared(folder, each) for each in (SMALL, size))
    measuring = _against_small(
        small, large, size, connections=connections, asked=asked, rounds=rounds
    )
    return asyncio.run(measuring)


def prepared(folder: Path, size: int) -> Path:
    """The folder of a gateway whose ledger holds `size` attempts and as many entries."""
    ready = folder / f"{size}-ready"
    home = folder / str(size)
    if not ready.exists():
        (home / "state" / "keys").mkdir(parents=True, exist_ok=True)
        file, key_file = home / "state" / "ledger.sqlite3", home / "state" / "keys" / "ledger.key"
        for left in home.glob("state/ledger.sqlite3*"):
            left.unlink()
        with tqdm(total=2 * size, desc=f"ledger of {size}", unit="row", disable=None) as progress:
            fill(
                file,
                key_file,
                attempts=_attempts(size),
                suppressed=(f"+86137{index:08d}" for index in range(size)),
                now=datetime.now(UTC),
                told=progress.update,
            )
        ready.touch()
    return home


def _attempts(size: int) -> Iterator[str]:
    from deploy.lab.numbers import of_any_zone

    for index in range(min(size, _ASKED_NUMBERS)):
        yield of_any_zone(index)
    for index in range(size - _ASKED_NUMBERS):
        yield f"+86139{index:08d}"


async def _against_small(
    small: Path, large: Path, size: int, *, connections: int, asked: int, rounds: int
) -> list[Figure]:
    at_small: list[Rush] = []
    at_large: list[Rush] = []
    ours, theirs = questions(), questions()
    with (
        servers.gateway(small) as few,
        servers.gateway(large) as many,
        tqdm(total=2 * rounds * asked, desc="big ledger", unit="call", disable=None) as progress,
    ):

        async def ask(port: int, some: list[bytes]) -> Rush:
            return await rush(port, iter(some), connections=connections, told=progress.update)

        for _ in range(rounds):
            at_small.append(await ask(few.port, [next(theirs) for _ in range(asked)]))
            at_large.append(await ask(many.port, [next(ours) for _ in range(asked)]))
        resident_mb = resident_mib(many.pid) * _MB_OF_MIB
    per_s, small_per_s = [each.per_s for each in at_large], [each.per_s for each in at_small]
    refused = sum(each.asked - each.allowed for each in (*at_small, *at_large))
    how = f"{connections} connections, {rounds} rounds of {asked}; {refused} refused"
    return [
        ratio(
            f"decisions/s with {size:,} attempts and entries against {SMALL:,}",
            per_s, small_per_s, bar=BAR, how=how,
        ),
        Figure(f"  decisions/s with {size:,}", statistics.median(per_s), "1/s", better="higher"),
        Figure(f"gateway resident with {size:,}", resident_mb, "MB", bar=RESIDENT_BAR_MB),
    ]  # fmt: skip
