"""Pools by dialect: which one hears a call, what is said when it is another's, and the figures."""

import asyncio
import os
import signal
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from callwarden import settings as settings_file
from callwarden import transport
from callwarden.problems import ProblemsFound
from callwarden.settings import Recognizer, RecognizerPool, Settings, Tls
from callwarden.v1 import recognition_pb2
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from policy.speech.rulebook import SpeechRulebook
from recognizer import planned, recordings
from recognizer.models import folder
from recognizer.models.model import Model
from recognizer.pools import NoPoolAlive, PoolPlan, Pools
from recognizer.service import RecognizerServer
from tests.recognizer import onnx_files
from tests.recognizer.conftest import Listened, Serving, listen, requests_of


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def serving(model: Model, rules: SpeechRulebook) -> AsyncIterator[Serving]:
    """Two pools of the one real model: for Cantonese, and for Mandarin with its branches."""
    settings = Settings(recognizer=Recognizer(listen="127.0.0.1:0", metrics="127.0.0.1:0"))
    plans = [
        PoolPlan(model, dialects=("yue",)),
        PoolPlan(replace(model, name="second"), dialects=("cmn", "cmn-sichuan"), hears=("cmn",)),
        PoolPlan(replace(model, name="third"), hears=("wuu",)),
    ]
    async with RecognizerServer(settings, rules, plans, "") as server:
        channel = transport.channel_to(f"127.0.0.1:{server.port}", Tls())
        async with channel:
            yield Serving(server, channel, RecognitionStub(channel))


async def _ready(serving: Serving, dialect: str) -> recognition_pb2.Ready:
    start = recognition_pb2.CallStart(call_id="c", sample_rate_hz=8000, dialect=dialect)
    call = serving.stub.Listen(iter([recognition_pb2.ListenRequest(start=start)]))
    first = await anext(aiter(call))
    call.cancel()
    return first.ready


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("dialect", "model_name", "fallback"),
    [
        ("yue", "", ""),
        ("cmn", "second", ""),
        ("cmn-sichuan", "second", ""),
        ("cmn-henan", "second", "no-pool-for-cmn-henan"),
        ("yue-taishan", "", "no-pool-for-yue-taishan"),
        ("nan", "third", "no-pool-for-nan"),
        ("wuu", "third", ""),
        ("", "third", ""),
    ],
)
async def test_the_dialect_chooses_the_pool(
    serving: Serving, model: Model, dialect: str, model_name: str, fallback: str
) -> None:
    ready = await _ready(serving, dialect)
    assert (ready.model, ready.fallback) == (model_name or model.name, fallback)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_call_is_heard_by_its_pool_and_the_figures_tell(
    serving: Serving, calls_folder: Path
) -> None:
    call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    requests = [each async for each in requests_of(call)]
    requests[0].start.dialect = "yue"

    async def sent() -> AsyncIterator[recognition_pb2.ListenRequest]:
        for each in requests:
            yield each

    heard = await listen(serving.stub, sent())
    assert heard.finals
    described = await serving.stub.Describe(recognition_pb2.DescribeRequest())
    assert [list(each.dialects) for each in described.pools] == [
        ["yue"],
        ["cmn", "cmn-sichuan"],
        [],
    ]
    assert [each.device for each in described.pools] == ["cpu"] * 3
    assert (described.workers, described.workers_alive) == (3, 3)

    url = f"http://127.0.0.1:{serving.server.metrics_port}/metrics"
    async with asyncio.timeout(10):
        while True:
            scraped = (await asyncio.to_thread(urllib.request.urlopen, url)).read().decode()
            told = dict(line.rsplit(" ", 1) for line in scraped.splitlines() if line[0] != "#")
            labels = f'{{device="cpu",model="{described.pools[0].model}",pool="yue"}}'
            decoded = float(told[f"callwarden_recognizer_decoded_seconds_total{labels}"])
            if decoded > 0.2 * 2 * call.seconds:
                break
            await asyncio.sleep(0.1)
    assert float(told[f"callwarden_recognizer_heard_seconds_total{labels}"]) > call.seconds
    assert float(told[f"callwarden_recognizer_stream_steps_total{labels}"]) > 0
    assert 0 < float(told[f"callwarden_recognizer_decoding_seconds_total{labels}"]) < call.seconds
    second = 'callwarden_recognizer_decoded_seconds_total{device="cpu",model="second"'
    assert all(float(each) == 0 for name, each in told.items() if name.startswith(second))
    assert not any(
        word in scraped for each in heard.finals for word in each.tokens if len(word) > 3
    )


@pytest.mark.asyncio(loop_scope="module")
async def test_a_pool_whose_workers_are_dead_is_passed_over_and_told(serving: Serving) -> None:
    assert serving.server.pools is not None
    yue, *_ = serving.server.pools.by_plan.values()
    (pid,) = yue.worker_pids
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        while yue.alive:  # noqa: ASYNC110  # the death of a process sets no event of ours
            await asyncio.sleep(0.005)
    ready = await _ready(serving, "yue")
    assert (ready.model, ready.fallback) == ("third", "pool-down-for-yue")
    assert serving.server.pools.fallbacks["pool-down-for-yue"] == 1


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("labelled", "models", "fallback"),
    [("yue", ["default", "sv"], ""), ("zh", ["default", "default"], "")],
)
async def test_the_language_that_is_spoken_chooses_the_pool(  # fixtures
    model: Model,
    rules: SpeechRulebook,
    calls_folder: Path,
    tmp_path: Path,
    *,
    labelled: str,
    models: list[str],
    fallback: str,
) -> None:
    """The model of the Cantonese pool says what it hears; it is asked by two seconds of speech."""
    sense_voice = folder.load(onnx_files.sense_voice_folder(tmp_path / "sv", labelled))
    default = replace(model, name="default")
    plans = [PoolPlan(default, hears=("cmn",)), PoolPlan(sense_voice, dialects=("yue",))]
    settings = Settings(recognizer=Recognizer(listen="127.0.0.1:0", identify_s=2.0))
    call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    async with (
        RecognizerServer(settings, rules, plans, "") as server,
        transport.channel_to(f"127.0.0.1:{server.port}", Tls()) as channel,
    ):
        stub = RecognitionStub(channel)
        ready: list[recognition_pb2.Ready] = []
        heard = Listened()
        async for response in stub.Listen(requests_of(call)):
            if response.HasField("ready"):
                ready.append(response.ready)
            heard.take(response)
    assert [each.model for each in ready] == models
    assert ready[-1].fallback == fallback
    words = {token for each in heard.finals for token in each.tokens}
    assert (words == {"好"}) == (labelled == "yue")
    for leg in heard.covered.values():
        assert leg.received_s == pytest.approx(call.seconds, abs=0.05)
        assert leg.received_s - leg.analysed_s < 0.1


def test_without_any_worker_nobody_is_chosen(model: Model) -> None:
    with pytest.raises(NoPoolAlive):
        Pools([PoolPlan(model)], lambda: None).choose("")


def test_pools_are_read_from_the_configuration(model_folder: Path, tmp_path: Path) -> None:
    settings = Settings(
        recognizer=Recognizer(
            pools=(
                RecognizerPool(model=model_folder, dialects=("yue",), threads=2),
                RecognizerPool(model=model_folder, workers=3, second_pass=model_folder),
            )
        )
    )
    yue, rest = planned.plan(settings).pools
    assert (yue.name, yue.decoding.threads, yue.second_pass) == ("yue", 2, None)
    assert (yue.decoding.first, rest.decoding.first) == (0, 1)
    assert (rest.name, rest.workers, rest.hears) == ("default", 3, ("cmn",))
    assert rest.second_pass == rest.model
    (named,) = planned.plan(settings, str(model_folder)).pools
    assert named.name == "default"
    gpu = settings.recognizer.pools[0].model_copy(update={"device": "cuda:1"})
    lost = settings.recognizer.pools[0].model_copy(update={"model": tmp_path / "lost"})
    broken = settings.recognizer.model_copy(update={"pools": (gpu, lost)})
    with pytest.raises(ProblemsFound) as refused:
        planned.plan(settings.model_copy(update={"recognizer": broken}))
    assert "cuda:1: the installed sherpa-onnx computes on the CPU alone" in str(refused.value)
    assert "no such folder" in str(refused.value)


def test_two_pools_for_one_dialect_are_a_problem_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "callwarden.yaml"
    file.write_text("recognizer:\n  pools: [{model: a}, {model: b}]\n")
    with pytest.raises(ProblemsFound, match=r"2:3: recognizer\.pools: two pools take the calls of"):
        settings_file.load(file)
    file.write_text("recognizer:\n  pools: [{model: a, device: gpu}]\n")
    with pytest.raises(ProblemsFound, match=r"recognizer\.pools\[0\]\.device"):
        settings_file.load(file)
