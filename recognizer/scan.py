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
from policy.speech.heard_call import HeardCall, HeardLeg, JudgedRecording
from policy.speech.not_analysed import written
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Utterance
from recognizer import recordings, results
from recognizer.analysis import Analysis, AnalysisFailed
from recognizer.decoding import Decoding
from recognizer.models import found as models
from recognizer.models import second_pass
from recognizer.models.model import Model
from recognizer.pool import Pool
from recognizer.process import WorkerFailed
from recognizer.recordings import Channel, Recording, Site
from recognizer.results import Results
from recognizer.told import Heard, LegCoverage, Looked

BLOCK_S = 0.5
CALLS_A_WORKER = 2
"""Calls decoded side by side on a worker: while one is read, the other is decoded."""


@dataclass(frozen=True)
class Scanned:
    """A call's result: `findings` in the order of their beginning, the last word on each;
    `utterances`, `looks` and `states` (of findings) as they came."""

    recording: Recording
    findings: list[Finding]
    coverage: list[LegCoverage]
    utterances: list[Utterance]
    looks: list[Looked]
    states: list[Finding]

    def judged(self) -> JudgedRecording:
        """All of it, as it is kept."""
        recording = self.recording
        return JudgedRecording(
            HeardCall(
                recording.kept_as,
                recording.circumstances,
                recording.seconds,
                self.utterances,
                [(each.doubt, each.answer) for each in self.looks],
            ),
            recording.started_at,
            recording.agent,
            recording.customer,
            self.states,
            [
                HeardLeg(each.leg, each.received_s, each.analysed_s, each.causes, each.missing)
                for each in self.coverage
            ],
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.recording.id,
            "recording": self.recording.kept_as,
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
    utterances, looks, states = list[Utterance](), list[Looked](), list[Finding]()

    def take(heard: Heard) -> None:
        if isinstance(heard, Finding):
            latest[heard.finding_id] = heard
            states.append(heard)
        elif isinstance(heard, Looked):
            looks.append(heard)
        elif isinstance(heard, Utterance) and heard.final:
            utterances.append(heard)

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
        return Scanned(recording, kept, analysis.coverage(), utterances, looks, states)
    finally:
        analysis.close()


@asynccontextmanager
async def pool_of(model: Model, workers: int, again: Model | None = None) -> AsyncIterator[Pool]:
    """Raises ProblemsFound when the engine cannot load the model."""
    pool = Pool(model, workers, Decoding(), second_pass=again)
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
@click.option(
    *("-o", "--output"),
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the results, a JSON object a line; each is on disk before the next begins.",
)
@click.option("--resume", is_flag=True, help="Pass over calls whose results are there already.")
@click.option("--into-ledger", is_flag=True, help="Keep what was heard and found in the ledger.")
@with_settings
def scan(settings: Settings, paths: tuple[Path, ...], scene: str | None, **options: Any) -> int:
    """Analyse recorded calls: a stereo file, a folder with agent.wav and customer.wav, or a
    folder of those. WAV (PCM, mu-law, A-law; 8 or 16 kHz), FLAC, MP3, Opus, AAC.

    Exit code 0: nothing found; 1: findings; 2: a file could not be read (the others are analysed).
    """
    output: Path | None = options["output"]
    if options["resume"] and not (output or options["into_ledger"]):
        raise click.UsageError(
            "--resume needs --output FILE or --into-ledger: results to go on with"
        )
    rules = rulebook.load(settings.rules.folder, settings.rules.packs, settings.rules.speech)
    model = model_for(settings, options["model"])
    site = Site(products.load(settings.speech.products), settings.speech.dialect)
    calls, broken = _opened(list(recordings.find(paths)), scene, options["agent_channel"], site)
    keeper = results.ledger_keeper(settings) if options["into_ledger"] else None
    told = Results(output, keeper, resume=options["resume"])
    try:
        if options["resume"]:
            done = [each for each in calls if told.is_done(each)]
            results.told_of(done)
            calls = [each for each in calls if each not in done]
        as_json = options["as_json"] or output is not None
        again = settings.recognizer.second_pass
        passes = model, second_pass.load(again) if again else None
        found = asyncio.run(
            _scan(passes, options["workers"], rules.speech, calls, told, as_json=as_json)
        )
    finally:
        told.close()
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
    passes: tuple[Model, Model | None],
    workers: int,
    rules: SpeechRulebook,
    calls: Sequence[Recording],
    told: Results,
    *,
    as_json: bool,
) -> bool | None:
    """Whether something was found; None when a call could not be analysed."""
    found, failed = False, False
    seconds = sum(each.seconds for each in calls)
    model, again = passes
    async with pool_of(model, min(workers, max(1, len(calls))), again) as pool:
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
                    told.write(_written(scanned, as_json=as_json), scanned.judged())
                except (ProblemsFound, AnalysisFailed, OSError) as error:
                    tqdm.write(f"{call.id}: {error}", file=sys.stderr)
                    failed = True
                    continue
                finally:
                    bar.update(round(call.seconds))
                found = found or bool(scanned.findings)
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
            which = written(leg.missing)
            lines.append(f"  {leg.leg.value}: {lost_s:.1f} s not analysed ({why}): {which}")
    if not scanned.findings:
        lines.append("  nothing found")
    return "\n".join(lines)
