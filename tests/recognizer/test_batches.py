"""Models that batch hear several calls in one go, in the words of one at a time; others are spared.

The engine is real. Two of the models are made by the test; the one that does not batch is real too.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from recognizer import preflight, recordings
from recognizer.decoding import Decoding
from recognizer.leg_stream import Words
from recognizer.models import folder
from recognizer.models.model import LARGEST_BATCH, Model
from recognizer.pool import Pool
from recognizer.wire import Work
from tests.recognizer import onnx_files

_LEGS = 6
_SECONDS = 20
_MADE: dict[str, Callable[[Path], Path]] = {
    "streaming": onnx_files.transducer_folder,
    "in stretches": lambda path: onnx_files.sense_voice_folder(path, batches=True),
}


@pytest.fixture(scope="module")
def speech(calls_folder: Path) -> recordings.Recording:
    return recordings.open_recording(calls_folder / "refusal-ignored", None, "left")


@pytest.mark.parametrize("made", _MADE)
async def test_what_is_heard_in_one_go_is_what_is_heard_alone(
    made: str, speech: recordings.Recording, tmp_path: Path
) -> None:
    model = folder.load(_MADE[made](tmp_path / "model"))
    assert model.batch == LARGEST_BATCH
    async with _running(model) as pool:
        assert pool.model.batch == LARGEST_BATCH
        together = await _hear(pool, speech)
        work = await _work(pool)
    assert work.stream_steps > 1.5 * work.steps
    async with _running(replace(model, batch=1)) as pool:
        alone = await _hear(pool, speech)
        one_by_one = await _work(pool)
    assert one_by_one.stream_steps == one_by_one.steps == work.stream_steps
    assert together == alone
    assert all(together)
    assert together[0] != together[1]


async def test_a_model_for_one_stream_is_found_out_when_its_pool_starts(
    model: Model, speech: recordings.Recording
) -> None:
    """The catalogue knows it; as a folder of another name it would be tried."""
    assert model.batch == 1
    async with _running(replace(model, batch=LARGEST_BATCH)) as pool:
        assert pool.model.batch == 1
        heard = await _hear(pool, speech, legs=2)
        work = await _work(pool, legs=2)
        assert work.stream_steps == work.steps
        assert pool.restarts == 0
    assert any(heard)


def test_a_model_that_the_engine_ends_on_is_given_one_stream_at_a_time(tmp_path: Path) -> None:
    model = folder.load(onnx_files.sense_voice_folder(tmp_path / "model"))
    assert preflight.batch(model) == 1
    Path(model.model).write_bytes(b"nothing")
    assert preflight.batch(model) == 1


def test_a_folder_says_how_many_streams_its_model_is_given(tmp_path: Path) -> None:
    where = onnx_files.sense_voice_folder(tmp_path / "model", batches=True)
    text = "kind: sense-voice\nmodel: model.int8.onnx\nbatch: 3\n"
    (where / "callwarden-model.yaml").write_text(text, encoding="utf-8")
    assert folder.load(where).batch == 3


@asynccontextmanager
async def _running(model: Model) -> AsyncIterator[Pool]:
    pool = Pool(model, 1, Decoding())
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


async def _hear(
    pool: Pool, speech: recordings.Recording, legs: int = _LEGS
) -> list[list[tuple[str, float]]]:
    """The words of each leg with their times; all come at once, each from another second on."""
    rate_hz = speech.rate_hz
    pcm = b"".join(block for leg, _, block in speech.blocks(0.1) if leg.value == "customer")
    starts = [2 * rate_hz * each for each in range(legs)]
    return await asyncio.gather(
        *(_hear_leg(pool, rate_hz, pcm[at : at + 2 * _SECONDS * rate_hz]) for at in starts)
    )


async def _hear_leg(pool: Pool, rate_hz: int, pcm: bytes) -> list[tuple[str, float]]:
    finals: list[Words] = []
    leg = pool.open(rate_hz, lambda words: finals.append(words) if words.final else None, _ignored)
    block = 2 * rate_hz // 5
    async with asyncio.timeout(30):
        for at in range(0, len(pcm), block):
            await leg.push(at // 2, pcm[at : at + block])
        leg.finish()
        await leg.drained()
    pool.close_stream(leg)
    return [(word.text, word.start_s) for words in finals for word in words.heard]


async def _work(pool: Pool, legs: int = _LEGS) -> Work:
    """Of the worker, told at the end of the last leg."""
    async with asyncio.timeout(5):
        while pool.work.heard_s < legs * _SECONDS - 0.01:  # noqa: ASYNC110  # no event is set for it
            await asyncio.sleep(0.02)
    return pool.work


def _ignored(_: float) -> None:
    """Where a leg stands is of no interest."""
