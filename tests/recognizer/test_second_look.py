"""Second looks: seconds of doubt listened to once more, with the real model in real workers."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from policy.speech.doubt import Doubt
from policy.speech.utterance import Leg
from recognizer import recordings, wire
from recognizer.decoding import Decoding
from recognizer.leg_stream import KEPT_S, LegStream
from recognizer.models.model import Model
from recognizer.pool import Pool
from recognizer.wire import Kind

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(model: Model) -> AsyncIterator[Pool]:
    one = Pool(model, workers=1, decoding=Decoding())
    await one.start()
    yield one
    await one.close()


async def _played(pool: Pool, folder: Path, leg: Leg, until_s: float = 1000.0) -> LegStream:
    """One leg of a call, as far as it is wanted, not finished."""
    call = recordings.open_recording(folder, None, "left")
    stream = pool.open(call.rate_hz, lambda _: None, lambda _: None)
    for of, first_sample, pcm in call.blocks(0.1):
        if of is leg and first_sample < until_s * call.rate_hz:
            await stream.push(first_sample, pcm)
    return stream


def _doubt(leg: Leg, start_s: float, end_s: float, *phrases: str) -> Doubt:
    return Doubt("d-1", leg, start_s, end_s, phrases)


@pytest.mark.parametrize(
    ("call", "doubt", "heard"),
    [
        ("refusal-ignored", (Leg.CUSTOMER, 7.2, 9.7, "不要再打", "晚点再打"), "不要再打"),
        ("wealth-negated-claims", (Leg.AGENT, 10.0, 13.1, "保本", "不保本"), "不保本"),
        ("wealth-guaranteed-return", (Leg.AGENT, 16.5, 19.3, "零风险", "不是零风险"), "零风险"),
        ("collection-third-party", (Leg.CUSTOMER, 7.7, 10.0, "我是本人", "不是本人"), "不是本人"),
        ("refusal-and-stop", (Leg.AGENT, 10.9, 13.2, "保本", "上门", "验证码"), ""),
    ],
)
async def test_it_hears_which_of_the_phrases_was_said(
    pool: Pool, calls_folder: Path, call: str, doubt: tuple[Leg, float, float, str], heard: str
) -> None:
    asked = _doubt(*doubt)
    stream = await _played(pool, calls_folder / call, asked.leg, asked.end_s + 1.0)
    look = await pool.looks.look(stream, asked, patient=True)
    pool.close_stream(stream)
    assert look.looked
    assert look.heard == heard
    assert (look.confidence >= 0.5) == bool(heard)
    assert pool.restarts == 0


async def test_a_phrase_must_be_heard_as_surely_as_its_pack_says(
    pool: Pool, calls_folder: Path
) -> None:
    usual = _doubt(Leg.CUSTOMER, 7.7, 10.0, "不是本人")
    stream = await _played(pool, calls_folder / "collection-third-party", Leg.CUSTOMER, 11.0)
    surer = replace(usual, thresholds=(("不是本人", 1.0),))
    heard = [(await pool.looks.look(stream, each, patient=True)).heard for each in (usual, surer)]
    assert heard == ["不是本人", ""]


async def test_it_waits_for_audio_that_is_still_to_come(pool: Pool, calls_folder: Path) -> None:
    stream = await _played(pool, calls_folder / "refusal-ignored", Leg.CUSTOMER, 9.0)
    doubt = _doubt(Leg.CUSTOMER, 7.2, 9.7, "不要再打")
    looking = asyncio.ensure_future(pool.looks.look(stream, doubt, patient=True))
    _, waiting = await asyncio.wait({looking}, timeout=0.3)
    assert waiting
    call = recordings.open_recording(calls_folder / "refusal-ignored", None, "left")
    for leg, first_sample, pcm in call.blocks(0.1):
        if leg is Leg.CUSTOMER and first_sample >= stream.expected_sample:
            await stream.push(first_sample, pcm)
    assert (await asyncio.wait_for(looking, 20)).heard == "不要再打"
    pool.close_stream(stream)


async def test_where_nobody_can_listen_it_says_so(pool: Pool, calls_folder: Path) -> None:
    folder = calls_folder / "wealth-slow-answer"
    stream = await _played(pool, folder, Leg.AGENT)
    async with asyncio.timeout(20):
        while stream.waiting_s > 1:  # noqa: ASYNC110  # the leg tells its position to its owner
            await asyncio.sleep(0.02)
    gone = _doubt(Leg.AGENT, 1.0, 3.0, "录音")
    assert not (await pool.looks.look(stream, gone, patient=True)).looked
    kept_from_s = stream.position_s - KEPT_S + 1.0
    kept = _doubt(Leg.AGENT, kept_from_s, kept_from_s + 2.0, "录音")
    assert (await pool.looks.look(stream, kept, patient=True)).looked
    unspelled = _doubt(Leg.AGENT, kept_from_s, kept_from_s + 2.0, "8")
    assert not (await pool.looks.look(stream, unspelled, patient=True)).looked
    pool.close_stream(stream)


async def test_a_unit_that_the_model_lacks_never_reaches_the_engine(pool: Pool) -> None:
    asked = wire.Look(8000, [["b ǎo", "qqq x"]], [0.2], bytes(16_000))
    told = await pool.errands.run(Kind.LOOK, wire.look_payload(asked), patient=True)
    assert told is not None
    assert wire.looked_of(told).looked is False
    assert (pool.alive, pool.restarts) == (1, 0)


async def test_a_worker_that_dies_over_a_look_is_followed_by_another(
    model: Model, calls_folder: Path
) -> None:
    pool = Pool(model, workers=2, decoding=Decoding())
    await pool.start()
    try:
        stream = await _played(pool, calls_folder / "refusal-ignored", Leg.CUSTOMER, 10.5)
        doubt = _doubt(Leg.CUSTOMER, 7.2, 9.7, "不要再打")
        looking = asyncio.ensure_future(pool.looks.look(stream, doubt, patient=True))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert pool.errands.open
        os.kill(pool.worker_pids[0], signal.SIGKILL)
        assert (await asyncio.wait_for(looking, 20)).heard == "不要再打"
    finally:
        await pool.close()


async def test_what_it_costs_is_accounted(pool: Pool, calls_folder: Path) -> None:
    asked, answered, cpu_s = pool.looks.asked, pool.looks.answered, pool.looks.cpu_s
    stream = await _played(pool, calls_folder / "refusal-ignored", Leg.CUSTOMER, 10.5)
    await pool.looks.look(stream, _doubt(Leg.CUSTOMER, 7.2, 9.7, "不要再打"), patient=True)
    pool.close_stream(stream)
    assert (pool.looks.asked, pool.looks.answered) == (asked + 1, answered + 1)
    assert 0.01 < pool.looks.cpu_s - cpu_s < 5
