"""Doubts of the rules, answered while a call runs: the same live, by scan and replayed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from callwarden import transport
from callwarden.settings import Recognizer, Settings, Tls
from callwarden.v1 import recognition_pb2
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from policy import rulebook
from policy.on_the_wire import finding_of, second_look_of, utterance_of
from policy.speech.conversation import Conversation
from policy.speech.finding import Finding, FindingStatus
from policy.speech.rulebook import SpeechRulebook
from recognizer import planned, recordings, scan
from recognizer.models.model import Model
from recognizer.service import RecognizerServer
from tests.recognizer.conftest import requests_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

_PACK = """\
pack: looks
version: "1"
title: {zh: 再听, en: Looks}
patterns:
  promises:
    phrases: [保本]
    second_look: {heard: [保本], instead: [不保本]}
  refuses:
    phrases: [不要再打]
    second_look: {heard: [不要再打], instead: [晚点再打]}
rules:
  - {id: forbidden.promise, kind: said, title: {zh: 保, en: P}, severity: major, scenes: ["*"],
     citation: house rule, leg: agent, patterns: [promises]}
  - {id: refusal.plain, kind: said, title: {zh: 拒, en: R}, severity: major, scenes: ["*"],
     citation: house rule, leg: customer, patterns: [refuses]}
"""


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> SpeechRulebook:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "speech" / "looks").mkdir(parents=True)
    (folder / "speech" / "looks" / "looks.yaml").write_text(_PACK, encoding="utf-8")
    return rulebook.load(folder, (), ("looks",)).speech


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(model: Model, looking: SpeechRulebook) -> AsyncIterator[RecognizerServer]:
    settings = Settings(recognizer=Recognizer(listen="127.0.0.1:0"))
    async with RecognizerServer(
        settings, looking, [planned.single(settings.recognizer, model)], ""
    ) as served:
        yield served


async def _listened(port: int, call: recordings.Recording) -> list[recognition_pb2.ListenResponse]:
    async with transport.channel_to(f"127.0.0.1:{port}", Tls()) as channel:
        return [each async for each in RecognitionStub(channel).Listen(requests_of(call))]


def _certain(findings: list[Finding]) -> set[tuple[str, float]]:
    """Those that stand at the end."""
    last = {each.finding_id: each for each in findings}
    return {
        (each.rule, each.start_s) for each in last.values() if each.status is FindingStatus.CERTAIN
    }


@pytest.mark.parametrize(
    "case",
    [
        ("refusal-ignored", "refusal.plain", "不要再打"),
        ("wealth-negated-claims", "", "不保本"),
        ("wealth-guaranteed-return", "forbidden.promise", "保本"),
    ],
)
async def test_a_second_look_decides_and_is_told_before_what_follows(
    server: RecognizerServer,
    calls_folder: Path,
    looking: SpeechRulebook,
    case: tuple[str, str, str],
) -> None:
    name, rule, heard = case
    call = recordings.open_recording(calls_folder / name, None, "left")
    responses = await _listened(server.port, call)
    looks = [second_look_of(each.second_look) for each in responses if each.HasField("second_look")]
    assert looks
    assert all(answer.looked for _, answer in looks)
    if heard != "保本":  # of 保本保息 the spotter hears nothing, and the words stand as heard
        assert heard in [answer.heard for _, answer in looks]
    found = [finding_of(each.finding) for each in responses if each.HasField("finding")]
    assert {each for each, _ in _certain(found)} == ({rule} if rule else set())

    kinds = [each.WhichOneof("payload") for each in responses]
    certain = [
        at
        for at, each in enumerate(responses)
        if kinds[at] == "finding" and finding_of(each.finding).status is FindingStatus.CERTAIN
    ]
    assert all(kinds.index("second_look") < at for at in certain)

    assert server.pools is not None
    scanned = await scan.scan_call(server.pools.default, looking, call)
    assert _certain(scanned.findings) == _certain(found)

    # What the gateway stores is enough to find the same again.
    replayed = Conversation(looking, replace(call.circumstances, on=None))
    again = []
    for each in responses:
        if each.HasField("utterance") and each.utterance.final:
            again += replayed.hear(utterance_of(each.utterance))
    answers = {doubt.doubt_id: answer for doubt, answer in looks}
    for doubt in replayed.doubts():
        again += replayed.look(answers[doubt.doubt_id])
    again += replayed.finish(call.seconds)
    assert _certain(again) == _certain(found)


async def test_the_doubts_and_their_cost_are_described(
    server: RecognizerServer, calls_folder: Path
) -> None:
    call = recordings.open_recording(calls_folder / "refusal-ignored", None, "left")
    await _listened(server.port, call)
    async with transport.channel_to(f"127.0.0.1:{server.port}", Tls()) as channel:
        described = await RecognitionStub(channel).Describe(recognition_pb2.DescribeRequest())
    assert described.doubts >= described.second_looks >= 1
    assert described.second_looks_cpu_s > 0
