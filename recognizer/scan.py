"""Owns `callwarden scan`: the analysis of live calls, run on recordings as fast as the box can.

One JSON object a call on stdout, in the order in which the calls were given.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.problems import Problem, ProblemsFound
from callwarden.settings import Settings
from policy import products, rulebook
from policy.speech.finding import Finding, FindingStatus
from policy.speech.rulebook import SpeechRulebook
from recognizer import recordings
from recognizer.analysis import Analysis, AnalysisFailed, Heard, LegCoverage
from recognizer.models import found as models
from recognizer.models.model import Model
from recognizer.pool import Pool
from recognizer.process import WorkerFailed
from recognizer.recordings import Channel, Recording, Site

BLOCK_S = 0.5
CALLS_A_WORKER = 2
"""Calls decoded side by side on a worker: while one is read, the other is decoded."""


@dataclass(frozen=True)
class Scanned:
    """A call's result; `findings` in the order of their beginning, the last word on each."""

    recording: Recording
    findings: list[Finding]
    coverage: list[LegCoverage]

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.recording.id,
            "scene": self.recording.scene,
            "seconds": round(self.recording.seconds, 3),
            "findings": [
                {
                    "rule": each.rule,
                    "leg": each.leg.value,
                    "start": round(each.start_s, 2),
                    "end": round(each.end_s, 2),
                    "heard": each.heard_text,
                    "matched": each.matched,
                    "confidence": round(each.confidence, 3),
                    "status": each.status.value,
                }
                for each in self.findings
            ],
            "coverage": [asdict(each) | {"leg": each.leg.value} for each in self.coverage],
        }


async def scan_call(pool: Pool, rules: SpeechRulebook, recording: Recording) -> Scanned:
    """Raises ProblemsFound for audio that breaks off, AnalysisFailed."""
    latest: dict[str, Finding] = {}

    def take(heard: Heard) -> None:
        if isinstance(heard, Finding):
            latest[heard.finding_id] = heard

    analysis = Analysis(
        pool,
        rules,
        recording.circumstances,
        rate_hz=recording.rate_hz,
        deliver=take,
        patient=True,
    )
    try:
        for leg, first_sample, pcm in recording.blocks(BLOCK_S):
            await analysis.hear(leg, first_sample, pcm)
        await analysis.finish(recording.seconds)
        kept = [each for each in latest.values() if each.status is not FindingStatus.WITHDRAWN]
        kept.sort(key=lambda each: (each.start_s, each.rule))
        return Scanned(recording, kept, analysis.coverage())
    finally:
        analysis.close()


@asynccontextmanager
async def pool_of(model: Model, workers: int) -> AsyncIterator[Pool]:
    """Raises ProblemsFound when the engine cannot load the model."""
    pool = Pool(model, workers, threads=1)
    try:
        await pool.start()
    except WorkerFailed as error:
        message = f"{error}; check it with `callwarden models verify`"
        raise ProblemsFound([Problem(model.tokens, 1, 1, "model", message)]) from None
    try:
        yield pool
    finally:
        await pool.close()


def model_for(settings: Settings, named: str | None) -> Model:
    """Raises ProblemsFound when there is none."""
    search = models.search(named or settings.recognizer.model, settings)
    if search.model is None:
        raise ProblemsFound([*search.broken, Problem("scan", 1, 1, "model", search.missing)])
    return search.model


@click.command(
    epilog="Example: callwarden scan /var/spool/asterisk/monitor --scene marketing.loan --json"
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--scene", help="Scene of every call, in place of what call.json says.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a call.")
@click.option(
    "--agent-channel",
    type=click.Choice(["left", "right"]),
    default="left",
    show_default=True,
    help="Where a stereo file has the agent.",
)
@click.option("--model", metavar="NAME|FOLDER", help="Model folder, or the name of one.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=os.cpu_count() or 1,
    show_default="one a core",
    help="Processes that decode.",
)
@with_settings
def scan(settings: Settings, paths: tuple[Path, ...], scene: str | None, **options: Any) -> int:
    """Analyse recorded calls: a stereo file, a folder with agent.wav and customer.wav, or a
    folder of those.

    Exit code 0: nothing found; 1: findings; 2: a file could not be read (the others are analysed).
    """
    rules = rulebook.load(settings.rules.folder, settings.rules.packs, settings.rules.speech)
    model = model_for(settings, options["model"])
    site = Site(products.load(settings.speech.products), settings.speech.dialect)
    calls, broken = _opened(list(recordings.find(paths)), scene, options["agent_channel"], site)
    found = asyncio.run(
        _scan(model, options["workers"], rules.speech, calls, as_json=options["as_json"])
    )
    if broken or found is None:
        return 2
    return 1 if found else 0


def _opened(
    paths: Sequence[Path], scene: str | None, agent_channel: Channel, site: Site
) -> tuple[list[Recording], bool]:
    """The calls that can be read, and whether some could not; those are told on stderr."""
    calls, broken = list[Recording](), False
    for path in paths:
        try:
            calls.append(recordings.open_recording(path, scene, agent_channel, site))
        except ProblemsFound as error:
            click.echo(str(error), err=True)
            broken = True
    return calls, broken


async def _scan(
    model: Model,
    workers: int,
    rules: SpeechRulebook,
    calls: Sequence[Recording],
    *,
    as_json: bool,
) -> bool | None:
    """Whether something was found; None when a call could not be analysed."""
    found, failed = False, False
    seconds = sum(each.seconds for each in calls)
    async with pool_of(model, min(workers, max(1, len(calls)))) as pool:
        turns = asyncio.Semaphore(pool.size * CALLS_A_WORKER)

        async def in_turn(call: Recording) -> Scanned:
            async with turns:
                return await scan_call(pool, rules, call)

        tasks = [asyncio.create_task(in_turn(each)) for each in calls]
        with tqdm(
            total=round(seconds), unit=" s", desc="audio", disable=not sys.stderr.isatty()
        ) as bar:
            for call, task in zip(calls, tasks, strict=True):
                try:
                    scanned = await task
                except (ProblemsFound, AnalysisFailed, OSError) as error:
                    tqdm.write(f"{call.id}: {error}", file=sys.stderr)
                    failed = True
                    continue
                finally:
                    bar.update(round(call.seconds))
                found = found or bool(scanned.findings)
                tqdm.write(_written(scanned, as_json=as_json), file=sys.stdout)
    return None if failed else found


def _written(scanned: Scanned, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(scanned.as_json(), ensure_ascii=False)
    call = scanned.recording
    lines = [f"{call.id}  {call.scene or '(no scene)'}  {call.seconds:.1f} s"]
    lines += [
        f"  {each.start_s:7.2f}–{each.end_s:<7.2f} {each.leg.value:<8} {each.rule:<36} "
        f"{each.status.value:<11} {each.confidence:.2f}  {each.heard_text}  ({each.matched})"
        for each in scanned.findings
    ]
    for leg in scanned.coverage:
        lost_s = call.seconds - leg.analysed_s
        if leg.causes:
            why = ", ".join(leg.causes)
            lines.append(f"  {leg.leg.value}: {lost_s:.1f} s not analysed ({why})")
    if not scanned.findings:
        lines.append("  nothing found")
    return "\n".join(lines)
