"""A model that does not stream hears live calls in finished stretches of speech."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from policy.speech.circumstances import CallCircumstances
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Utterance
from recognizer import recordings, scan
from recognizer.analysis import Analysis
from recognizer.decoding import Decoding
from recognizer.models import folder
from recognizer.models.model import Model
from recognizer.pool import Pool
from recognizer.segments import CUT_WITHIN_S, LONGEST_S
from recognizer.told import Heard
from tests.recognizer import onnx_files


@pytest.fixture(scope="module")
def call(calls_folder: Path) -> recordings.Recording:
    return recordings.open_recording(calls_folder / "refusal-ignored", None, "left")


@pytest.fixture
async def segments(model: Model, shared_folder: Path) -> AsyncIterator[Pool]:
    """The real model, heard in stretches that the real voice detector has looked at."""
    vad = str(shared_folder / "models" / "silero_vad.onnx")
    async with _running(replace(model, segments=True, vad=vad)) as pool:
        yield pool


@pytest.fixture
async def sense_voice(tmp_path: Path) -> AsyncIterator[Pool]:
    async with _running(folder.load(onnx_files.sense_voice_folder(tmp_path / "sv"))) as pool:
        yield pool


class _running:  # noqa: N801  # reads as a function
    def __init__(self, model: Model) -> None:
        self._pool = Pool(model, 1, Decoding())

    async def __aenter__(self) -> Pool:
        await self._pool.start()
        return self._pool

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()


async def test_stretches_are_heard_as_well_as_a_stream(
    segments: Pool, model: Model, rules: SpeechRulebook, call: recordings.Recording
) -> None:
    in_stretches = await scan.scan_call(segments, rules, call)
    async with _running(model) as pool:
        streamed = await scan.scan_call(pool, rules, call)
    assert [each.rule for each in in_stretches.findings] == [
        each.rule for each in streamed.findings
    ]
    for leg in in_stretches.coverage:
        assert leg.received_s - leg.analysed_s < 0.1
        assert not leg.causes


async def test_a_non_streaming_model_hears_both_legs_in_finals(
    sense_voice: Pool, rules: SpeechRulebook, call: recordings.Recording
) -> None:
    heard, analysis = await _listen(sense_voice, rules, call)
    assert heard
    assert all(each.final for each in heard)
    assert {token.text for each in heard for token in each.tokens} == {"好"}
    for leg in analysis.coverage():
        assert leg.received_s - leg.analysed_s < 0.1
    starts = [(each.leg.value, each.start_s) for each in heard]
    assert len(set(starts)) == len(starts)
    loud = [each for each in heard if each.voice is not None and each.voice.loudness_db > -45]
    assert len(loud) == len(heard)


async def test_who_does_not_pause_is_told_all_the_same(sense_voice: Pool) -> None:
    """Speech without a gap in it is cut, and what grows is no backlog: the source never waits."""
    rate_hz, seconds = 8000, 30
    told: list[float] = []
    leg = sense_voice.open(rate_hz, lambda words: told.append(words.until_s), lambda _: None)
    speech = _speech_without_pauses(rate_hz, seconds)
    for at in range(0, len(speech) // 2, 1600):
        async with asyncio.timeout(10):
            await leg.push(at, speech[2 * at : 2 * (at + 1600)])
        if at == 4 * LONGEST_S * rate_hz // 2:
            assert leg.position_s <= at / rate_hz
    leg.finish()
    await leg.drained()
    assert leg.analysed_s == pytest.approx(seconds)
    ends = [0.0, *told, float(seconds)]
    assert len(told) >= seconds // LONGEST_S
    assert max(b - a for a, b in pairwise(ends)) <= LONGEST_S + CUT_WITHIN_S
    sense_voice.close_stream(leg)


async def test_a_worker_that_dies_within_a_stretch_costs_no_words(
    sense_voice: Pool, rules: SpeechRulebook, call: recordings.Recording
) -> None:
    undisturbed, _ = await _listen(sense_voice, rules, call)
    disturbed, analysis = await _listen(sense_voice, rules, call, kill_at_s=9.0)
    assert sense_voice.restarts == 1
    assert _told(disturbed) == _told(undisturbed)
    assert not any("worker-lost" in leg.causes for leg in analysis.coverage())


def _told(heard: list[Utterance]) -> list[tuple[str, float]]:
    """Each word once, to a fifth of a second: a new worker may cut its first stretch elsewhere."""
    return sorted({(each.leg.value, round(5 * each.start_s) / 5) for each in heard})


async def _listen(
    pool: Pool, rules: SpeechRulebook, call: recordings.Recording, kill_at_s: float | None = None
) -> tuple[list[Utterance], Analysis]:
    heard: list[Utterance] = []

    def take(told: Heard) -> None:
        if isinstance(told, Utterance):
            heard.append(told)

    analysis = Analysis(
        pool, rules, CallCircumstances(call.scene), rate_hz=call.rate_hz, deliver=take, patient=True
    )
    for leg, first_sample, pcm in call.blocks(0.1):
        if kill_at_s is not None and first_sample >= kill_at_s * call.rate_hz:
            kill_at_s = None
            os.kill(pool.worker_pids[0], signal.SIGKILL)
            async with asyncio.timeout(20):
                while not pool.restarts:  # noqa: ASYNC110  # other processes set no event of ours
                    await asyncio.sleep(0.02)
        await analysis.hear(leg, first_sample, pcm)
    await analysis.finish(call.seconds)
    analysis.close()
    return heard, analysis


def _speech_without_pauses(rate_hz: int, seconds: int) -> bytes:
    """A buzz of changing loudness, never below what the gate takes for speech."""
    import numpy as np

    times = np.arange(rate_hz * seconds) / rate_hz
    buzz = np.sign(np.sin(2 * np.pi * 140 * times)) * (0.3 + 0.2 * np.sin(2 * np.pi * 0.9 * times))
    return (buzz * 20000).astype("<i2").tobytes()
