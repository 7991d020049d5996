"""Workers die; calls go on, and what was lost is told."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg, Utterance
from recognizer import recordings
from recognizer.analysis import Analysis
from recognizer.decoding import Decoding
from recognizer.models.model import Model
from recognizer.pool import Pool
from recognizer.process import WorkerFailed
from recognizer.told import Heard
from tests.gate.waiting import until

_WAIT_S = 20.0


@pytest.fixture
async def pool(model: Model) -> AsyncIterator[Pool]:
    one = Pool(model, 1, Decoding())
    await one.start()
    yield one
    await one.close()


async def _listen(
    pool: Pool,
    rules: SpeechRulebook,
    call: recordings.Recording,
    kill_at_s: tuple[float, ...] = (),
) -> tuple[list[Heard], Analysis]:
    """The call as fast as it goes; the worker is killed when it has analysed so many seconds."""
    heard: list[Heard] = []
    analysis = Analysis(pool, rules, call.circumstances, rate_hz=call.rate_hz, deliver=heard.append)
    kills = list(kill_at_s)
    for leg, first_sample, pcm in call.blocks(0.1):
        await analysis.hear(leg, first_sample, pcm)
        if kills and first_sample >= kills[0] * call.rate_hz and leg is Leg.CUSTOMER:
            deaths = pool.restarts
            os.kill(pool.worker_pids[0], signal.SIGKILL)
            await until(lambda deaths=deaths: pool.restarts > deaths, _WAIT_S)  # type: ignore[misc]  # bound now
            kills.pop(0)
    await analysis.finish(call.seconds)
    return heard, analysis


def _finals(heard: list[Heard]) -> list[tuple[str, int]]:
    finals = [each for each in heard if isinstance(each, Utterance) and each.final]
    return [(each.leg.value, round(each.start_s)) for each in finals]


async def test_a_killed_worker_costs_nothing_that_can_be_heard_again(
    pool: Pool, rules: SpeechRulebook, calls_folder: Path
) -> None:
    call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    undisturbed, _ = await _listen(pool, rules, call)
    heard, analysis = await _listen(pool, rules, call, (4.0, 9.0))
    assert pool.restarts == 2
    assert sorted(_finals(heard)) == pytest.approx(sorted(_finals(undisturbed)))
    for leg in analysis.coverage():
        assert leg.analysed_s == pytest.approx(leg.received_s)
        assert leg.received_s == pytest.approx(call.seconds, abs=0.01)
        assert leg.causes == ()
    analysis.close()


async def test_audio_over_which_workers_keep_dying_is_lost_and_told(
    pool: Pool, rules: SpeechRulebook, calls_folder: Path
) -> None:
    call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    heard, analysis = await _listen(pool, rules, call, (4.0, 4.0, 4.0, 4.0))
    coverage = {each.leg: each for each in analysis.coverage()}
    assert any("worker-lost" in each.causes for each in coverage.values())
    for leg in coverage.values():
        assert ("worker-lost" in leg.causes) == (leg.analysed_s < leg.received_s - 0.001)
        assert leg.analysed_s > call.seconds - 8
        assert {each.cause for each in leg.missing} <= {"worker-lost"}
        lost_s = sum(each.missing_s for each in leg.missing)
        assert lost_s == pytest.approx(leg.received_s - leg.analysed_s, abs=0.001)
        within = [0.0 <= each.start_s < each.end_s <= call.seconds for each in leg.missing]
        assert all(within), leg.missing
    assert any(second > 6 for _, second in _finals(heard))
    analysis.close()


async def test_an_engine_that_cannot_load_is_told(pool: Pool, model: Model, tmp_path: Path) -> None:
    broken = tmp_path / "encoder.onnx"
    broken.write_bytes(b"\x08" + bytes(5000))
    bad = Model(**{**model.__dict__, "encoder": str(broken)})
    with pytest.raises(WorkerFailed, match="the engine ended"):
        await Pool(bad, 1, Decoding()).start()


async def test_no_worker_outlives_a_killed_recognizer(model: Model) -> None:
    program = (
        "import asyncio, sys\n"
        "from recognizer.decoding import Decoding\n"
        "from recognizer.models.model import Model\n"
        "from recognizer.pool import Pool\n"
        "async def main():\n"
        "    pool = Pool(Model.from_json(sys.argv[1]), 1, Decoding())\n"
        "    await pool.start()\n"
        "    print(pool.worker_pids[0], flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    python = sys.executable
    parent = await asyncio.create_subprocess_exec(
        *(python, "-c", program, model.to_json()), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    worker = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    stat = Path(f"/proc/{worker}/stat")
    await until(lambda: not stat.exists() or ") Z " in stat.read_text(), _WAIT_S)
