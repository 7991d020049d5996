"""A worker is killed while calls run: the same words are heard at the same times, the same findings
come, and at most three seconds late."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from policy.speech.finding import Finding, FindingStatus
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Utterance
from recognizer import recordings
from recognizer.analysis import Analysis
from recognizer.decoding import Decoding
from recognizer.models.model import Model
from recognizer.pool import Pool
from recognizer.recordings import Recording
from recognizer.told import Heard

_LATE_S = 3.0
_Found = dict[tuple[str, str, str], float]
"""When each certain finding was told: its call, rule and leg with a number, in seconds."""
_Said = dict[tuple[str, str], tuple[object, ...]]
"""The words of each final utterance with their times, and how loud they were."""


async def _played(
    pool: Pool, rules: SpeechRulebook, calls: Sequence[Recording], speed: float, kill_s: float
) -> tuple[_Found, _Said]:
    """The calls side by side, `speed` times as fast as they were; a worker dies after `kill_s`
    seconds by the clock, 0: none."""
    found: _Found = {}
    said: _Said = {}
    began = time.monotonic()

    async def play(call: Recording) -> None:
        def take(heard: Heard) -> None:
            if isinstance(heard, Utterance) and heard.final:
                said[call.id, heard.utterance_id] = heard.tokens, heard.voice
            if isinstance(heard, Finding) and heard.status is FindingStatus.CERTAIN:
                key = (call.id, heard.rule, heard.finding_id)
                found.setdefault(key, time.monotonic() - began)

        analysis = Analysis(pool, rules, call.circumstances, rate_hz=call.rate_hz, deliver=take)
        try:
            for leg, first, pcm in call.blocks(0.1):
                spoken_s = (first + len(pcm) / 2) / call.rate_hz / speed
                await asyncio.sleep(began + spoken_s - time.monotonic())
                await analysis.hear(leg, first, pcm)
            await analysis.finish(call.seconds)
            lost = [each for each in analysis.coverage() if each.causes]
            assert not lost
        finally:
            analysis.close()

    async def kill() -> None:
        await asyncio.sleep(kill_s)
        os.kill(pool.worker_pids[0], signal.SIGKILL)

    await asyncio.gather(*map(play, calls), *([kill()] if kill_s else []))
    return found, said


async def _kills(
    model: Model,
    rules: SpeechRulebook,
    calls: Sequence[Recording],
    speed: float,
    runs: int,
) -> None:
    chosen = random.Random(20251123)
    longest_s = max(each.seconds for each in calls) / speed
    pool = Pool(model, 2, Decoding())
    await pool.start()
    try:
        undisturbed, undisturbed_said = await _played(pool, rules, calls, speed, 0)
        late_s: list[float] = []
        for run in range(runs):
            killed_at_s = chosen.uniform(0.5, longest_s - 0.5)
            found, said = await _played(pool, rules, calls, speed, killed_at_s)
            assert said == undisturbed_said, f"killed at {killed_at_s:.2f} s"
            assert found.keys() == undisturbed.keys(), f"killed at {killed_at_s:.2f} s"
            late_s.append(max(found[each] - undisturbed[each] for each in found))
            print(
                f"killed at {killed_at_s:.1f} s: {len(said)} utterances, {len(found)} findings, "
                f"{late_s[-1]:.2f} s late"
            )
            async with asyncio.timeout(20):
                while pool.restarts <= run:  # noqa: ASYNC110  # the pool sets no event of ours
                    await asyncio.sleep(0.05)
        assert max(late_s) <= _LATE_S
    finally:
        await pool.close()


async def test_a_kill_takes_no_finding_away_and_delays_none(
    model: Model, rules: SpeechRulebook, calls_folder: Path
) -> None:
    call = recordings.open_recording(calls_folder / "refusal-ignored", None, "left")
    await _kills(model, rules, [call], speed=4, runs=1)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_thirty_kills_over_all_calls(
    model: Model, rules: SpeechRulebook, calls_folder: Path
) -> None:
    calls = [
        recordings.open_recording(each, None, "left") for each in recordings.find([calls_folder])
    ]
    await _kills(model, rules, calls, speed=2, runs=30)
