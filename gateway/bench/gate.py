"""Owns `callwarden bench gate`: how fast the gate decides, beside what it is measured against.

Both sides of a pair are measured in turns within one run, and the median of their ratios counts.
It starts everything itself: gateways, a server that does not think, the lab's Asterisk.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from callwarden.command import with_settings
from callwarden.figures import Figure, report
from callwarden.settings import Settings
from gateway.bench import straight


@dataclass(frozen=True)
class _Asked:
    """What the options say."""

    kept: Path
    scratch: Path
    connections: int
    questions: int
    rounds: int
    size: int
    numbers: int
    calls: int
    seconds: int
    spoken: Path | None
    config: Path


def _at_once(asked: _Asked) -> list[Figure]:
    folder = _made(asked, "at-once")
    return straight.against_at_once(folder, asked.connections, asked.questions, asked.rounds)


def _open_loop(asked: _Asked) -> list[Figure]:
    return straight.open_loop(_made(asked, "open-loop"), asked.seconds, asked.rounds)


def _asterisk(asked: _Asked) -> list[Figure]:
    from gateway.bench import through_asterisk

    return through_asterisk.calls_per_s(_made(asked, "asterisk"), asked.calls, asked.rounds)


def _big_ledger(asked: _Asked) -> list[Figure]:
    from gateway.bench import big_ledger

    return big_ledger.against_small(
        asked.kept, asked.size, asked.connections, asked.questions, asked.rounds
    )


def _scrub(asked: _Asked) -> list[Figure]:
    from gateway.bench import scrubbing

    return scrubbing.against_the_engine(asked.kept, asked.numbers, asked.rounds)


def _load(asked: _Asked) -> list[Figure]:
    from gateway.bench import through_asterisk

    return through_asterisk.loaded(20)


def _swamped(asked: _Asked) -> list[Figure]:
    from gateway.bench import swamped

    if asked.spoken is None:
        raise click.UsageError("swamped needs --spoken, a folder of calls")
    folder = _made(asked, "swamped")
    return swamped.beside_a_swamped_recognizer(
        folder, asked.spoken, asked.config, asked.seconds, asked.rounds
    )


def _made(asked: _Asked, name: str) -> Path:
    """A ledger of its own, new for each run."""
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=asked.scratch))


_MEASURED: Final[dict[str, Callable[[_Asked], list[Figure]]]] = {
    "at-once": _at_once,
    "asterisk": _asterisk,
    "open-loop": _open_loop,
    "big-ledger": _big_ledger,
    "scrub": _scrub,
}
_ALSO: Final = {"load": _load, "swamped": _swamped}
"""Only by name: 50 calls a second through Asterisk, heard and not; beside a recognizer that has
more calls than it can carry."""


@click.command(epilog="Example: callwarden bench gate --only at-once --only open-loop --json")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([*_MEASURED, *_ALSO]),
    help="Measure these alone (default: all but load and swamped).",
)
@click.option("--rounds", default=5, show_default=True, help="Rounds of each; medians count.")
@click.option("--connections", default=64, show_default=True, help="FastAGI sessions at a time.")
@click.option("--questions", default=1500, show_default=True, help="Questions a round.")
@click.option("--calls", default=400, show_default=True, help="Calls a round through Asterisk.")
@click.option("--seconds", default=5, show_default=True, help="A round of the open loop.")
@click.option("--size", default=10_000_000, show_default=True, help="Rows in the big ledger.")
@click.option("--numbers", default=300_000, show_default=True, help="A round of scrubbing.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where big ledgers are kept for the next run (default: nowhere).",
)
@click.option(
    "--spoken",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of calls that swamp a recognizer, for --only swamped.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def gate(  # noqa: PLR0917  # click passes options by name
    settings: Settings,
    only: tuple[str, ...],
    rounds: int,
    connections: int,
    questions: int,
    calls: int,
    seconds: int,
    size: int,
    numbers: int,
    keep: Path | None,
    spoken: Path | None,
    as_json: bool,
) -> int:
    """Measure the gate on this box.

    On two cores: at-once, open-loop and asterisk take about a minute each, scrub three, big-ledger
    two and, the first time, ten more and 5 GB of disk to make the ledger.

    Exit code 1: a figure misses its bar.
    """
    from deploy.lab import LabError

    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="callwarden-bench-") as temporary:
        scratch = Path(temporary)
        kept = keep or scratch
        kept.mkdir(parents=True, exist_ok=True)
        config = scratch / "callwarden.yaml"
        config.write_text(settings.model_dump_json(exclude_none=True))  # JSON is YAML
        asked = _Asked(
            kept,
            scratch,
            connections,
            questions,
            rounds,
            size,
            numbers,
            calls,
            seconds,
            spoken,
            config,
        )
        for name in only or _MEASURED:
            try:
                figures += (_MEASURED | _ALSO)[name](asked)
            except LabError as error:
                raise click.ClickException(str(error)) from None
    return report("bench gate", figures, as_json=as_json)
