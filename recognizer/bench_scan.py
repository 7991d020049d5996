"""Owns `callwarden bench scan`: scan against a bare sherpa-onnx loop on the same audio and threads.

Each round runs both, one after the other, on as many cores; the ratio is taken within the round, so
that a busy box slows both. Loading the model counts for neither.
"""

import asyncio
import os
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.figures import Figure, report
from callwarden.settings import Settings
from policy import rulebook
from policy.speech.rulebook import SpeechRulebook
from recognizer import recordings, scan
from recognizer.models.model import Model
from recognizer.recordings import Recording

_LEAST_RATIO = 0.80


@dataclass(frozen=True)
class _Took:
    """Wall-clock and CPU seconds, child processes included."""

    wall_s: float
    cpu_s: float


@click.command("scan", epilog="Example: callwarden bench scan --calls ../shared/calls")
@click.option(
    "--calls",
    "folder",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of calls, a folder with agent.wav and customer.wav each.",
)
@click.option("--rounds", type=click.IntRange(1, 99), default=5, show_default=True)
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    default=os.cpu_count() or 1,
    show_default="one a core",
    help="Threads of the loop, and workers of scan.",
)
@click.option("--model", metavar="NAME|FOLDER", help="Model folder, or the name of one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def bench_scan(settings: Settings, folder: Path, **options: Any) -> int:
    """Measure scan against a bare loop of the engine. Exit code 1 when it is below its bar."""
    calls = [recordings.open_recording(each, None, "left") for each in recordings.find([folder])]
    rules = rulebook.load(settings.rules.folder, settings.rules.packs, settings.rules.speech)
    model, threads = scan.model_for(settings, options["model"]), options["threads"]
    pairs = asyncio.run(_pairs(model, rules.speech, calls, threads, options["rounds"]))
    return report("bench scan", _figures(calls, pairs, threads), as_json=options["as_json"])


def _figures(
    calls: Sequence[Recording], pairs: Sequence[tuple[_Took, _Took]], threads: int
) -> list[Figure]:
    audio_s = sum(call.seconds * len(call.files) for call in calls)
    how = f"{threads} threads, medians of {len(pairs)}"
    speeds = [audio_s / took.wall_s for _, took in pairs]
    return [
        Figure(
            "scan against a bare loop, wall clock",
            statistics.median(bare.wall_s / took.wall_s for bare, took in pairs),
            "times",
            bar=_LEAST_RATIO,
            better="higher",
            how=how,
        ),
        Figure(
            "the same in CPU seconds",
            statistics.median(bare.cpu_s / took.cpu_s for bare, took in pairs),
            "times",
            better="higher",
        ),
        Figure(
            "audio of one leg scanned a second",
            statistics.median(speeds),
            "s",
            better="higher",
            how=f"{audio_s:.0f} s of audio",
        ),
    ]


async def _pairs(
    model: Model, rules: SpeechRulebook, calls: Sequence[Recording], threads: int, rounds: int
) -> list[tuple[_Took, _Took]]:
    pairs: list[tuple[_Took, _Took]] = []
    for _ in tqdm(range(rounds), unit="round", disable=None):
        bare = await _bare(model, calls, threads)
        pairs.append((bare, await _scanned(model, rules, calls, threads)))
    return pairs


async def _bare(model: Model, calls: Sequence[Recording], threads: int) -> _Took:
    files = [str(file) for call in calls for file in call.files.values()]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "recognizer.bare_loop"),
        *(model.to_json(), str(threads), *files),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    told, _ = await process.communicate()
    if process.returncode:
        raise click.ClickException("the bare loop failed: check the model with `models verify`")
    wall_s, cpu_s = map(float, told.split())
    return _Took(wall_s, cpu_s)


async def _scanned(
    model: Model, rules: SpeechRulebook, calls: Sequence[Recording], threads: int
) -> _Took:
    async with scan.pool_of(model, threads) as pool:
        loaded_s = sum(map(_cpu_of, pool.worker_pids)) + _own_cpu_s()
        began_s = time.monotonic()
        turns = asyncio.Semaphore(threads * scan.CALLS_A_WORKER)

        async def in_turn(call: Recording) -> None:
            async with turns:
                await scan.scan_call(pool, rules, call)

        await asyncio.gather(*map(in_turn, calls))
        wall_s = time.monotonic() - began_s
        cpu_s = sum(map(_cpu_of, pool.worker_pids)) + _own_cpu_s() - loaded_s
    return _Took(wall_s, cpu_s)


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
