"""Owns `callwarden rules evaluate` and `callwarden bench noise`: how well the rules find what is on
recorded calls whose truth is known.

Every figure comes with its interval: twelve calls prove little, and the table says so.
"""

import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.figures import Figure, report
from callwarden.problems import Problem, ProblemsFound
from callwarden.settings import Settings
from policy import products, rulebook
from policy.speech.rulebook import SpeechRulebook
from recognizer import line, recordings, truth
from recognizer.accuracy import Expected, Judged, Key, Score, scores, total
from recognizer.models.model import Model
from recognizer.recordings import Recording, Site
from recognizer.scan import model_for, pool_of, scan_call

_DIALECT: Final = "cmn"
_BARS: Final = {"noise at 10 dB": 0.80}
_USUAL_BAR: Final = 0.95
_HEADING: Final = (
    *("rule", "dialect", "codec", "expected", "found", "recall (95 %)", "precision (95 %)"),
    *("false alarms", "an hour", "delay median", "p95"),
)
_ROW: Final = re.compile(
    r"^\| (?P<rule>\S+) \| (?P<dialect>\S+) \| (?P<codec>\S+) \| \d+ \| (?P<found>\d+) \|"
)


@dataclass(frozen=True)
class Call:
    """A recording, where it lies, and what it must have."""

    recording: Recording
    source: Path
    expected: Sequence[Expected]

    @property
    def group(self) -> tuple[str, str]:
        """Dialect and codec."""
        return self.recording.circumstances.dialect or _DIALECT, self.recording.codec


_MODEL = click.option("--model", metavar="NAME|FOLDER", help="Model folder, or the name of one.")
_WORKERS = click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=os.cpu_count() or 1,
    show_default="one a core",
    help="Processes that decode.",
)
_CORPUS = click.argument("corpus", type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.command(
    "evaluate", epilog="Example: callwarden rules evaluate /srv/calls --against docs/accuracy.md"
)
@_CORPUS
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A table written before: exit code 1 when a rule finds less or raises more than then.",
)
@_MODEL
@_WORKERS
@with_settings
def evaluate(
    settings: Settings,
    corpus: Path,
    *,
    as_json: bool,
    against: Path | None,
    model: str | None,
    workers: int,
) -> int:
    """Measure every speech rule on recorded calls whose truth is known.

    CORPUS is a folder of calls as `scan` takes them, each with a truth.json: its turns and the
    findings it must have. By rule, dialect and codec: recall and precision with 95 % intervals
    (Wilson), false alarms an hour of calls, and the delay from the end of the deciding words.
    """
    rules = rulebook.load(settings.rules.folder, settings.rules.packs, settings.rules.speech).speech
    calls = _calls(settings, corpus)
    judged = asyncio.run(_judge(model_for(settings, model), workers, rules, calls))
    found = scores(judged, sorted({rule.id for rule in rules.rules}))
    if as_json:
        click.echo(json.dumps(_fields(found), ensure_ascii=False))
    else:
        click.echo("\n".join(table(found)))
    worse = list(_worse(found, against.read_text(encoding="utf-8"))) if against else []
    for each in worse:
        click.echo(f"{against}: {each}", err=True)
    return 1 if worse else 0


@click.command(epilog="Example: callwarden bench noise /srv/calls")
@_CORPUS
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@_MODEL
@_WORKERS
@with_settings
def noise(
    settings: Settings, corpus: Path, *, as_json: bool, model: str | None, workers: int
) -> int:
    """Measure the speech rules on CORPUS as it is, with noise, lost packets and a low level."""
    rules = rulebook.load(settings.rules.folder, settings.rules.packs, settings.rules.speech).speech
    chosen = model_for(settings, model)
    calls = _calls(settings, corpus)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="callwarden-") as scratch:
        for name, treatment in (("as recorded", None), *line.TREATMENTS.items()):
            heard = calls
            if treatment is not None:
                into = Path(scratch) / str(len(figures))
                heard = [
                    Call(_open(settings, made), made, each.expected)
                    for each in calls
                    for made in [line.treat(each.recording, each.source, into, treatment)]
                ]
            judged = asyncio.run(_judge(chosen, workers, rules, heard, name))
            figures += _conditions(name, total(scores(judged, [])))
    return report("callwarden bench noise", figures, as_json=as_json)


def _conditions(name: str, score: Score) -> Iterator[Figure]:
    low, high = score.recall_interval
    how = f"{score.found} of {score.expected}, 95 % {low:.2f} to {high:.2f}"
    bar = _BARS.get(name, _USUAL_BAR)
    yield Figure(f"recall, {name}", score.recall, "", bar, "higher", how)
    alarms = f"in {score.seconds / 60:.1f} min of calls"
    yield Figure(f"false alarms, {name}", score.false_alarms, "", 0, "lower", alarms)


def _calls(settings: Settings, corpus: Path) -> list[Call]:
    """Every call of the corpus. Raises ProblemsFound with all that cannot be read."""
    calls, problems = list[Call](), list[Problem]()
    for source in recordings.find([corpus]):
        try:
            calls.append(Call(_open(settings, source), source, truth.read(source)))
        except ProblemsFound as error:
            problems += error.problems
    if problems:
        raise ProblemsFound(problems)
    return calls


def _open(settings: Settings, source: Path) -> Recording:
    site = Site(products.load(settings.speech.products), settings.speech.dialect)
    return recordings.open_recording(source, None, "left", site)


async def _judge(
    model: Model,
    workers: int,
    rules: SpeechRulebook,
    calls: Sequence[Call],
    name: str = "calls",
) -> list[Judged]:
    async with pool_of(model, min(workers, max(1, len(calls)))) as pool:
        turns = asyncio.Semaphore(2 * pool.size)

        async def judge(call: Call) -> Judged:
            async with turns:
                scanned = await scan_call(pool, rules, call.recording)
            return Judged(call.recording.seconds, call.group, call.expected, scanned.findings)

        tasks = [asyncio.create_task(judge(each)) for each in calls]
        shown = sys.stderr.isatty()
        for task in tqdm(
            asyncio.as_completed(tasks), total=len(tasks), desc=name, disable=not shown
        ):
            await task
        return [task.result() for task in tasks]


def table(found: dict[Key, Score]) -> Iterator[str]:
    """A Markdown table, a row a rule in a dialect and codec, and all together."""
    yield f"| {' | '.join(_HEADING)} |"
    yield f"| {' | '.join('---' for _ in _HEADING)} |"
    for (rule, dialect, codec), score in found.items():
        yield f"| {rule} | {dialect} | {codec} | {_cells(score)} |"
    yield f"| **all** | | | {_cells(total(found))} |"


def _cells(score: Score) -> str:
    told = bool(score.found + score.false_alarms)
    delay = bool(score.delays_s)
    return " | ".join(
        (
            str(score.expected),
            str(score.found),
            _share(score.recall, score.recall_interval) if score.expected else "–",
            _share(score.precision, score.precision_interval) if told else "–",
            str(score.false_alarms),
            f"{score.false_alarms_an_hour:.1f}",
            f"{score.delay_median_s:.2f} s" if delay else "–",
            f"{score.delay_p95_s:.2f} s" if delay else "–",
        )
    )


def _share(share: float, interval: tuple[float, float]) -> str:
    return f"{share:.2f} ({interval[0]:.2f}–{interval[1]:.2f})"


def _fields(found: dict[Key, Score]) -> dict[str, Any]:
    def fields(score: Score) -> dict[str, Any]:
        return {
            "expected": score.expected,
            "found": score.found,
            "recall": score.recall,
            "recall_95": score.recall_interval,
            "precision": score.precision,
            "precision_95": score.precision_interval,
            "false_alarms": score.false_alarms,
            "false_alarms_an_hour": score.false_alarms_an_hour,
            "delay_median_s": score.delay_median_s,
            "delay_p95_s": score.delay_p95_s,
            "seconds": score.seconds,
        }

    rows = [
        {"rule": rule, "dialect": dialect, "codec": codec, **fields(score)}
        for (rule, dialect, codec), score in found.items()
    ]
    return {"rules": rows, "all": fields(total(found))}


def _worse(found: dict[Key, Score], earlier: str) -> Iterator[str]:
    """What was better in an earlier table, or is not measured any more."""
    for text in earlier.splitlines():
        row = _ROW.match(text)
        if row is None:
            continue
        rule, dialect, codec = row["rule"], row["dialect"], row["codec"]
        score = found.get((rule, dialect, codec))
        cells = [cell.strip() for cell in text.strip("|").split("|")]
        then_found, then_false = int(row["found"]), int(cells[_HEADING.index("false alarms")])
        where = f"{rule} ({dialect}, {codec})"
        if score is None:
            yield f"{where}: was measured then, and is not now"
        elif score.found < then_found:
            yield f"{where}: found {score.found} of {score.expected}, then {then_found}"
        elif score.false_alarms > then_false:
            yield f"{where}: {score.false_alarms} false alarms, then {then_false}"
