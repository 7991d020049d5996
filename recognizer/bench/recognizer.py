"""Owns `callwarden bench recognizer`: how many calls this box carries, and what to set therefore;
and the same beside sherpa-onnx's own server.

Every run is a recognizer of its own that is spoken to in real time over gRPC, rules on, by players
that share the box with it: a box whose gateway is elsewhere carries a little more.
"""

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from ruamel.yaml import YAML

from callwarden.command import with_settings
from callwarden.figures import Figure, report
from callwarden.settings import DEFAULT_FILE, Settings
from recognizer import recordings, scan
from recognizer.bench.capacity import CARRIED_P95_S, Run, Runs, Spoken, search
from recognizer.bench.further_call import further_call
from recognizer.bench.served import PEER, Peer, Served
from recognizer.bench.spoken import Audio, legs_of
from recognizer.models.model import Model
from recognizer.recordings import Recording

_BARS: Final[dict[Audio, float]] = {"continuous": 1.0, "conversation": 1.6}
_ADMITTED = 0.9
"""Of the calls carried: not every call is like those that were measured."""
_FIRST_A_CORE = 24


@dataclass(frozen=True)
class _Setting:
    """How the recognizer is set up in a run."""

    workers: int
    threads: int
    pin: bool

    def __str__(self) -> str:
        pinned = ", pinned" if self.pin else ""
        return f"workers: {self.workers}, threads: {self.threads}{pinned}"

    def keys(self) -> dict[str, Any]:
        return {"workers": self.workers, "threads": self.threads, "pin": self.pin}


@click.command(
    epilog="Example: callwarden bench recognizer --calls ./calls --write\n\n"
    "callwarden bench recognizer --calls ./calls --against websocket-server --audio continuous\n\n"
    "callwarden bench recognizer --calls ./calls --memory 5"
)
@click.option(
    "--calls",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of calls, as scan takes them: what is spoken.",
)
@click.option("--model", metavar="NAME|FOLDER", help="Model folder, or the name of one.")
@click.option(
    "--audio",
    type=click.Choice(["continuous", "conversation"]),
    default="conversation",
    show_default=True,
    help="Legs as they were recorded, or with their pauses cut to a breath.",
)
@click.option("--message-ms", type=click.IntRange(20, 500), default=100, show_default=True)
@click.option(
    "--seconds",
    type=click.FloatRange(6, 120),
    default=15.0,
    show_default=True,
    help="How long the players of one run speak.",
)
@click.option("--write", is_flag=True, help="Write what is recommended into the configuration.")
@click.option(
    "--against",
    type=click.Choice(["websocket-server"]),
    help=f"Measure in turns with {PEER}, of the package sherpa-onnx-bin.",
)
@click.option(
    "--memory",
    "memory_minutes",
    type=click.FloatRange(0.2, 60),
    metavar="MINUTES",
    help="Measure instead what a further call needs of memory after so long.",
)
@click.option("--rounds", type=click.IntRange(1, 99), default=5, show_default=True)
@click.option("--legs", type=click.IntRange(2), help="With --against: no search, so many legs.")
@click.option("--json", "as_json", is_flag=True, help="Figures as JSON.")
@with_settings
def recognizer(settings: Settings, calls: Path, **options: Any) -> int:
    """Find how many calls this box carries with 95 % of words told within a second, and print
    the workers, threads and admission limit to set.

    The lag of a word runs from the moment the message with its first sample was sent to the
    moment the first result with the word came. In every run the calls begin one by one, over some
    seconds of which nothing is counted.
    """
    opened = [recordings.open_recording(each, None, "left") for each in recordings.find([calls])]
    rates = {each.rate_hz for each in opened}
    if len(rates) != 1:
        raise click.UsageError("the calls have different sample rates: choose those of one")
    model = scan.model_for(settings, options["model"])
    minutes: float | None = options["memory_minutes"]
    with tempfile.TemporaryDirectory(prefix="callwarden-") as folder:
        bench = _Bench(
            settings,
            model,
            Spoken(
                legs_of(opened, options["audio"], Path(folder)),
                _scenes(opened),
                rates.pop(),
                options["message_ms"],
                60 * minutes if minutes else options["seconds"],
            ),
            options["audio"],
        )
        if minutes:
            figures = asyncio.run(further_call(settings, Path(model.tokens).parent, bench.spoken))
            return report("bench recognizer", figures, as_json=options["as_json"])
        if options["against"]:
            figures = asyncio.run(bench.pairs(options["rounds"], options["legs"]))
            return report("bench recognizer", figures, as_json=options["as_json"])
        setting, run = asyncio.run(bench.sized())
    limit = max(1, int(_ADMITTED * run.streams / 2))
    recommended = {**setting.keys(), "most_calls": limit}
    code = report("bench recognizer", _sized(run, limit), as_json=options["as_json"])
    click.echo("recommended:" if not options["write"] else "written:", err=True)
    click.echo(
        "recognizer:\n" + "\n".join(f"  {key}: {_plain(recommended[key])}" for key in recommended),
        err=True,
    )
    if options["write"]:
        write(_file(), recommended)
    return code


def _file() -> Path:
    """The configuration file that the command was given."""
    given = click.get_current_context().params.get("config_file")
    return given if isinstance(given, Path) else DEFAULT_FILE


def write(file: Path, recommended: dict[str, Any]) -> None:
    """Sets keys of the section `recognizer`; what else stands in the file, comments included,
    stays. Raises OSError."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # a long value stays on its line
    content = yaml.load(file.read_text(encoding="utf-8")) if file.is_file() else None
    content = {} if content is None else content
    section = content.setdefault("recognizer", {})
    if section is None:
        section = content["recognizer"] = {}
    section.update(recommended)
    beside = file.with_name(f"{file.name}.new")
    with beside.open("w", encoding="utf-8") as written:
        yaml.dump(content, written)
    if file.is_file():
        shutil.copymode(file, beside)
    beside.replace(file)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _scenes(calls: Sequence[Recording]) -> list[str]:
    return [each.scene for each in calls]


def _sized(run: Run, limit: int) -> list[Figure]:
    how = f"{run.lags.words} words, p95 {run.lags.p95_s:.2f} s"
    return [
        Figure("calls carried", run.streams // 2, "", better="higher", how=how),
        Figure("admission limit, calls", limit, "", better="higher"),
        Figure("words told within, p50", run.lags.p50_s, "s"),
        Figure("words told within, p95", run.lags.p95_s, "s", bar=CARRIED_P95_S),
        Figure("CPU for a second of one leg", run.cpu_ms, "ms"),
        Figure("memory of the recognizer, workers included (PSS)", run.memory_mb, "MB"),
        Figure("the players' messages left late, p95", 1000 * run.lags.late_s, "ms"),
    ]


@dataclass
class _Bench:
    settings: Settings
    model: Model
    spoken: Spoken
    audio: Audio

    async def sized(self) -> tuple[_Setting, Run]:
        """The set-up that tells words soonest with the calls that the first one carries."""
        cores = len(os.sched_getaffinity(0))
        settings = [_Setting(cores, 1, pin=False), _Setting(cores, 1, pin=True)]
        if cores > 1:
            settings.append(_Setting(1, cores, pin=False))
        chosen = settings[0]
        best = await search(self._ours(chosen), _FIRST_A_CORE * cores, "calls carried")
        for setting in settings[1:]:
            run = await self._ours(setting)(best.streams)
            click.echo(f"{setting}: p95 {run.lags.p95_s:.2f} s", err=True)
            if run.carried and run.lags.p95_s < 0.95 * best.lags.p95_s:
                chosen, best = setting, run
        return chosen, best

    async def pairs(self, rounds: int, legs: int | None) -> list[Figure]:
        """This recognizer and the peer in turns, on as many threads that decode."""
        cores = len(os.sched_getaffinity(0))
        ours_by = self._ours(_Setting(cores, 1, pin=False))
        peers_by = self._peers(_program(), cores)
        ours: list[Run] = []
        peers: list[Run] = []
        for number in range(rounds):
            for mine, run, name in ((peers, peers_by, PEER), (ours, ours_by, "callwarden")):
                if legs:
                    mine.append(await run(legs))
                    continue
                first = mine[-1].streams if mine else _FIRST_A_CORE * cores
                what = f"{name}, round {number + 1}"
                mine.append(await search(run, first, what, close=bool(mine)))
        return list(self._figures(ours, peers, searched=not legs))

    def _figures(
        self, ours: Sequence[Run], peers: Sequence[Run], *, searched: bool
    ) -> Sequence[Figure]:
        pairs = list(zip(ours, peers, strict=True))
        told = f"{self.audio}, medians of {len(pairs)}"
        figures = []
        if searched:
            ratio = statistics.median(one.streams / other.streams for one, other in pairs)
            bar = _BARS[self.audio]
            figures.append(
                Figure("legs carried against the peer", ratio, "times", bar, "higher", told)
            )
        for name, runs in (("callwarden", ours), (PEER, peers)):
            figures += [
                Figure(f"{name}: legs", statistics.median(r.streams for r in runs), ""),
                Figure(
                    f"{name}: CPU for a second of one leg",
                    statistics.median(r.cpu_ms for r in runs),
                    "ms",
                ),
                Figure(
                    f"{name}: of that, the process that serves",
                    statistics.median(r.parent_cpu_s / r.server_cpu_s for r in runs),
                    "times",
                ),
                Figure(
                    f"{name}: words told within, p50",
                    statistics.median(r.lags.p50_s for r in runs),
                    "s",
                ),
                Figure(
                    f"{name}: words told within, p95",
                    statistics.median(r.lags.p95_s for r in runs),
                    "s",
                ),
                Figure(
                    f"{name}: CPU of its players for a second of one leg",
                    statistics.median(1000 * r.lags.cpu_s / (r.streams * r.seconds) for r in runs),
                    "ms",
                ),
                Figure(f"{name}: words", statistics.median(r.lags.words for r in runs), ""),
            ]
        cpu = statistics.median(other.cpu_ms / one.cpu_ms for one, other in pairs)
        figures.append(
            Figure("the peer's CPU for a leg against ours", cpu, "times", better="higher")
        )
        return figures

    def _ours(self, setting: _Setting) -> Runs:
        async def run(streams: int) -> Run:
            folder = Path(self.model.tokens).parent
            async with Served(self.settings, folder, **setting.keys()) as served:
                return await self.spoken.to("recognizer", served.port, served.pid, streams)

        return run

    def _peers(self, program: Path, threads: int) -> Runs:
        async def run(streams: int) -> Run:
            async with Peer(program, self.model, threads, self.spoken.rate_hz) as peer:
                return await self.spoken.to("websocket-server", peer.port, peer.pid, streams)

        return run


def _program() -> Path:
    """The peer's. Raises click.ClickException where it is not installed."""
    beside = Path(sys.executable).parent / PEER
    found = str(beside) if beside.is_file() else shutil.which(PEER)
    if found is None:
        raise click.ClickException(f"{PEER} is not here: pip install sherpa-onnx-bin")
    return Path(found)
