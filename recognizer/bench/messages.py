"""Owns `callwarden bench messages`: what the recognizer needs on this box, and how soon it says
what it found.

Plays recorded calls in real time to a recognizer of its own, over gRPC, as a gateway would. Every
figure is measured on the process that serves, not on a model of it.
"""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from callwarden import transport
from callwarden.command import with_settings
from callwarden.settings import Settings, Tls
from callwarden.v1 import conversation_pb2, recognition_pb2
from callwarden.v1.recognition_pb2 import ListenRequest
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from policy.speech.utterance import Leg
from recognizer import recordings, scan
from recognizer.bench.served import Served
from recognizer.footprint import Footprint, footprint
from recognizer.recordings import Recording

MESSAGES_MS = (20, 40, 100, 200)
_LEGS = {Leg.AGENT: conversation_pb2.LEG_AGENT, Leg.CUSTOMER: conversation_pb2.LEG_CUSTOMER}
_PHRASE_SLACK_S = 1.0


@dataclass
class Run:
    """Calls played side by side in real time with one size of message."""

    message_ms: int
    legs: int
    audio_s: float = 0.0
    wall_s: float = 0.0
    rss_mb: float = 0.0
    pss_mb: float = 0.0
    parent_rss_mb: float = 0.0
    worker_rss_mb: float = 0.0
    parent_cpu_s: float = 0.0
    worker_cpu_s: float = 0.0
    phrase_to_finding_s: list[float] = field(default_factory=list)
    word_to_partial_s: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        return {
            "message_ms": self.message_ms,
            "legs": self.legs,
            "rss_mb": round(self.rss_mb),
            "pss_mb": round(self.pss_mb),
            "parent_rss_mb": round(self.parent_rss_mb),
            "worker_rss_mb": round(self.worker_rss_mb),
            "parent_cpu_ms_per_leg_second": round(1000 * self.parent_cpu_s / self.audio_s, 2),
            "worker_cpu_ms_per_leg_second": round(1000 * self.worker_cpu_s / self.audio_s, 2),
            "word_to_partial_s": _spread(self.word_to_partial_s),
            "phrase_to_finding_s": _spread(self.phrase_to_finding_s),
            "findings": len(self.phrase_to_finding_s),
        }


def _spread(values: Sequence[float]) -> dict[str, float]:
    if len(values) < 2:
        return {"p50": round(values[0], 3)} if values else {}
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return {"p50": round(cuts[9], 3), "p95": round(cuts[18], 3), "max": round(max(values), 3)}


@click.command(epilog="Example: callwarden bench messages --calls ./calls --legs 20")
@click.option(
    "--calls",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of calls, as scan takes them; truth.json beside one gives the ends of its turns.",
)
@click.option("--legs", type=click.IntRange(2, 400), default=20, show_default=True)
@click.option("--seconds", type=click.FloatRange(5), help="Of each call; all of it by default.")
@click.option(
    "--message-ms",
    "messages_ms",
    type=click.IntRange(10, 1000),
    multiple=True,
    default=MESSAGES_MS,
    show_default=True,
    help="Audio a message.",
)
@click.option("--model", metavar="NAME|FOLDER", help="Model folder, or the name of one.")
@click.option("--json", "as_json", is_flag=True, help="Figures as one JSON object.")
@with_settings
def messages(settings: Settings, calls: Path, **options: Any) -> int:
    """Measure the recognizer: memory, CPU, and how soon findings come."""
    opened = [recordings.open_recording(each, None, "left") for each in recordings.find([calls])]
    model = scan.model_for(settings, options["model"])
    bench = _Bench(settings, Path(model.tokens).parent, opened, options["legs"], calls)
    figures = asyncio.run(bench.figures(options["messages_ms"], options["seconds"]))
    click.echo(json.dumps(figures, indent=1) if options["as_json"] else _table(figures))
    return 0


@dataclass
class _Bench:
    settings: Settings
    model: Path
    calls: Sequence[Recording]
    legs: int
    folder: Path

    async def figures(self, messages_ms: Sequence[int], seconds: float | None) -> dict[str, Any]:
        runs = [await self._run(each, seconds) for each in messages_ms]
        return {"model": self.model.name, "runs": [each.figures() for each in runs]}

    async def _run(self, message_ms: int, seconds: float | None) -> Run:
        run = Run(message_ms, self.legs)
        async with Served(self.settings, self.model) as served:
            before = footprint(served.pid)
            chosen = [self.calls[at % len(self.calls)] for at in range(self.legs // 2)]
            begun = time.monotonic()
            # Calls do not begin at the same moment.
            playing = [
                asyncio.create_task(self._play(served.port, each, run, at / len(chosen), seconds))
                for at, each in enumerate(chosen)
            ]
            watching = asyncio.create_task(_watch(served.pid, run))
            try:
                await asyncio.gather(*playing)
            finally:
                watching.cancel()
            run.wall_s = time.monotonic() - begun
            after = footprint(served.pid)
            run.parent_cpu_s = after.parent_cpu_s - before.parent_cpu_s
            run.worker_cpu_s = after.workers_cpu_s - before.workers_cpu_s
        return run

    async def _play(
        self, port: int, call: Recording, run: Run, delay_s: float, limit_s: float | None
    ) -> None:
        await asyncio.sleep(delay_s)
        seconds = min(call.seconds, limit_s or call.seconds)
        run.audio_s += 2 * seconds
        ends = self._turn_ends(call)
        async with transport.channel_to(f"127.0.0.1:{port}", Tls()) as channel:
            began = time.monotonic()
            requests = _in_real_time(call, run.message_ms / 1000, seconds, began)
            known: dict[str, int] = {}
            async for response in RecognitionStub(channel).Listen(requests):
                now_s = time.monotonic() - began
                match response.WhichOneof("payload"):
                    case "finding":
                        _note_finding(response.finding, ends, now_s, run)
                    case "utterance":
                        _note_words(response.utterance, known, now_s, run)

    def _turn_ends(self, call: Recording) -> list[tuple[int, float, float]]:
        """Leg, start and end of each turn, where they are known."""
        file = self.folder / call.id / "truth.json"
        if not file.is_file():
            return []
        turns = json.loads(file.read_text(encoding="utf-8"))["turns"]
        return [(_LEGS[Leg(each["leg"])], each["start"], each["end"]) for each in turns]


async def _in_real_time(
    call: Recording, block_s: float, seconds: float, began: float
) -> AsyncIterator[ListenRequest]:
    """A message leaves when its last sample has been spoken."""
    start = recognition_pb2.CallStart(
        call_id=call.id, scene=call.scene, sample_rate_hz=call.rate_hz
    )
    yield ListenRequest(start=start)
    for leg, first_sample, pcm in call.blocks(block_s):
        spoken_s = first_sample / call.rate_hz + len(pcm) / 2 / call.rate_hz
        if spoken_s > seconds:
            break
        await asyncio.sleep(max(0.0, began + spoken_s - time.monotonic()))
        audio = recognition_pb2.Audio(leg=_LEGS[leg], first_sample=first_sample, samples=pcm)
        yield ListenRequest(audio=audio)
    yield ListenRequest(end=recognition_pb2.CallEnd(seconds=seconds))


def _note_finding(
    finding: conversation_pb2.Finding,
    ends: Sequence[tuple[int, float, float]],
    now_s: float,
    run: Run,
) -> None:
    """From the end of the phrase. A finding whose phrase is not in a turn that just ended, such as
    something that was left unsaid, is not about latency."""
    if finding.status != conversation_pb2.FINDING_STATUS_CERTAIN:
        return
    spoken = [end for leg, start, end in ends if leg == finding.leg and start <= finding.end_s]
    phrase_end_s = min(finding.end_s, max(spoken)) if spoken else finding.end_s
    if now_s - phrase_end_s < 5 * _PHRASE_SLACK_S:
        run.phrase_to_finding_s.append(now_s - phrase_end_s)


def _note_words(
    utterance: conversation_pb2.Utterance, known: dict[str, int], now_s: float, run: Run
) -> None:
    """From the beginning of each new token to the message that first had it."""
    new = utterance.token_starts_s[known.get(utterance.utterance_id, 0) :]
    run.word_to_partial_s += [now_s - each for each in new]
    known[utterance.utterance_id] = len(utterance.token_starts_s)


async def _watch(pid: int, run: Run) -> None:
    """Keeps the largest footprint seen."""
    while True:
        seen: Footprint = await asyncio.to_thread(footprint, pid)
        run.rss_mb = max(run.rss_mb, seen.rss_mb)
        run.pss_mb = max(run.pss_mb, seen.pss_mb)
        run.parent_rss_mb = max(run.parent_rss_mb, seen.parent_rss_mb)
        run.worker_rss_mb = max(run.worker_rss_mb, seen.rss_mb - seen.parent_rss_mb)
        await asyncio.sleep(2.0)


def _table(figures: dict[str, Any]) -> str:
    head = (
        "message  legs   RSS   PSS  parent  workers   CPU ms a leg second   word to partial s"
        "    phrase to finding s\n"
        "     ms          MB    MB      MB       MB      parent   workers       p50    p95"
        "      p50    p95   (n)"
    )
    lines = [figures["model"], head]
    for run in figures["runs"]:
        words, phrases = run["word_to_partial_s"], run["phrase_to_finding_s"]
        lines.append(
            f"{run['message_ms']:7} {run['legs']:5} {run['rss_mb']:5} {run['pss_mb']:5} "
            f"{run['parent_rss_mb']:7} {run['worker_rss_mb']:8} "
            f"{run['parent_cpu_ms_per_leg_second']:11.2f} "
            f"{run['worker_cpu_ms_per_leg_second']:9.2f} "
            f"{words.get('p50', 0):9.2f} {words.get('p95', 0):6.2f} "
            f"{phrases.get('p50', 0):8.2f} {phrases.get('p95', 0):6.2f} {run['findings']:5}"
        )
    return "\n".join(lines)
