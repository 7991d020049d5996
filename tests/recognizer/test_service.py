"""The service against the real model: live and recorded are one analysis; bad input gets its
status and leaves nothing behind."""

import asyncio
import json
import math
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from callwarden.v1 import recognition_pb2
from callwarden.v1.recognition_pb2 import ListenRequest
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg
from recognizer import listening, recordings, scan
from recognizer.rulebooks import Rulebooks
from tests.recognizer.conftest import (
    WIRE_LEG,
    Serving,
    audio,
    end,
    listen,
    pieces,
    requests_of,
    start,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _in_turn(requests: Iterable[ListenRequest]) -> AsyncIterator[ListenRequest]:
    for each in requests:
        yield each


async def _nothing_is_left(serving: Serving) -> None:
    calls = 1
    async with asyncio.timeout(5):
        while calls:
            await asyncio.sleep(0.02)
            calls = (await serving.stub.Describe(recognition_pb2.DescribeRequest())).calls
    assert serving.server.pools is not None
    assert serving.server.pools.default.lag_s == 0


_OF_A_KIND = {"collection-threat", "refusal-ignored", "no-recording-notice"}
"""What is said, what is answered to, what was not said."""
_CLEAN = {"loan-compliant", "wealth-negated-claims"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=pytest.mark.soak)], ids=["some", "every"]
)
async def test_calls_by_grpc_and_by_scan_give_the_expected_findings(
    serving: Serving, calls_folder: Path, rules: SpeechRulebook, every: bool
) -> None:
    """Those with findings as recordings too. All by scan are in `test_accuracy_kept`."""
    assert serving.server.pools is not None
    pool = serving.server.pools.default
    calls = [
        recordings.open_recording(each, None, "left")
        for each in recordings.find([calls_folder])
        if every or each.name in _OF_A_KIND | _CLEAN
    ]
    live = await asyncio.gather(*(listen(serving.stub, requests_of(each)) for each in calls))
    known = {rule.id for rule in rules.rules}
    for call, listened in zip(calls, live, strict=True):
        truth = json.loads((calls_folder / call.id / "truth.json").read_text(encoding="utf-8"))
        expected = [(each["rule"], WIRE_LEG[Leg(each["leg"])]) for each in truth["expect"]]
        found = [(each.rule, each.leg) for each in listened.findings.values()]
        assert sorted(found) == sorted(each for each in expected if each[0] in known), call.id
        for leg in listened.covered.values():
            assert leg.analysed_s == pytest.approx(call.seconds, abs=0.01), call.id
            assert not leg.causes, call.id
    with_findings = [at for at, each in enumerate(live) if each.findings]
    assert len(with_findings) >= len(_OF_A_KIND)
    recorded = await asyncio.gather(
        *(scan.scan_call(pool, rules, calls[at]) for at in with_findings)
    )
    for at, scanned in zip(with_findings, recorded, strict=True):
        assert {
            (each.finding_id, each.rule, each.start_s, each.end_s, each.heard_text, each.matched)
            for each in scanned.findings
        } == {
            (each.finding_id, each.rule, each.start_s, each.end_s, each.heard_text, each.matched)
            for each in live[at].findings.values()
        }, calls[at].id
    await _nothing_is_left(serving)


async def test_utterances_follow_the_turns_and_grow(serving: Serving, calls_folder: Path) -> None:
    call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    truth = json.loads((calls_folder / call.id / "truth.json").read_text(encoding="utf-8"))
    listened = await listen(serving.stub, requests_of(call))
    assert listened.partials > len(listened.finals)
    for turn in truth["turns"]:
        leg = WIRE_LEG[Leg(turn["leg"])]
        starts = [each.start_s for each in listened.finals if each.leg == leg]
        assert any(abs(each - turn["start"]) < 1.0 for each in starts), turn
    for each in listened.finals:
        assert list(each.token_starts_s) == sorted(each.token_starts_s)
        assert each.start_s <= each.end_s <= call.seconds
        # The calls were made at this level; the turns differ by a few decibels.
        assert -40 < each.voice.loudness_db < -10


async def test_what_must_be_told_is_owed_until_it_is_heard(
    serving: Serving, calls_folder: Path
) -> None:
    call = recordings.open_recording(calls_folder / "loan-compliant", None, "left")
    truth = json.loads((calls_folder / call.id / "truth.json").read_text(encoding="utf-8"))
    listened = await listen(serving.stub, requests_of(call))
    first, last = listened.duties[0], listened.duties[-1]
    assert "disclosure.fees" in first
    assert "disclosure.apr" not in first, "owed once a payment is quoted"
    assert not any(each.HasField("made_s") for each in first.values())
    turns = {
        "opening.recording-notice": 0,
        "disclosure.apr": 3,
        "disclosure.fees": 3,
        "disclosure.early-termination": 4,
        "suitability.purpose": 6,
    }
    assert last.keys() == turns.keys()
    for rule, number in turns.items():
        turn = truth["turns"][number]
        assert turn["start"] < last[rule].made_s < turn["end"] + 0.5, rule
    assert last["disclosure.fees"].before_en == "Sale closed"


def _tone(seconds: float, rate_hz: int, level: int) -> bytes:
    samples = (
        round(level * math.sin(2 * math.pi * 440 * at / rate_hz))
        for at in range(round(seconds * rate_hz))
    )
    return b"".join(struct.pack("<h", each) for each in samples)


@pytest.mark.parametrize(("rate_hz", "level"), [(8000, 0), (16000, 8000)])
async def test_silence_and_a_tone_are_no_utterance(
    serving: Serving, rate_hz: int, level: int
) -> None:
    sound = _tone(4.0, rate_hz, level)
    sent = [start(rate_hz=rate_hz), audio(Leg.CUSTOMER, 0, sound), end(4.0)]
    listened = await listen(serving.stub, _in_turn(sent))
    assert not listened.finals
    assert not listened.partials
    assert listened.covered[WIRE_LEG[Leg.CUSTOMER]].analysed_s == pytest.approx(4.0)


async def test_a_gap_is_not_received_and_a_leg_that_never_came_is_told(serving: Serving) -> None:
    second = _tone(1.0, 8000, 0)
    sent = [start(), audio(Leg.AGENT, 0, second), audio(Leg.AGENT, 40_000, second), end(6.0)]
    listened = await listen(serving.stub, _in_turn(sent))
    agent, customer = (listened.covered[WIRE_LEG[leg]] for leg in Leg)
    assert [agent.received_s, agent.analysed_s] == pytest.approx([2.0, 2.0])
    assert list(agent.causes) == ["not-received"]
    assert (customer.received_s, customer.analysed_s) == (0, 0)
    assert list(customer.causes) == ["not-received"]


async def test_words_after_a_gap_have_the_times_of_the_call(
    serving: Serving, calls_folder: Path
) -> None:
    call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    gap_s = 100.0

    async def late() -> AsyncIterator[ListenRequest]:
        yield start()
        for leg, first_sample, pcm in call.blocks(0.1):
            if leg is Leg.CUSTOMER:
                yield audio(leg, first_sample + round(gap_s * call.rate_hz), pcm)
        yield end(call.seconds + gap_s)

    plain = await listen(serving.stub, requests_of(call))
    delayed = await listen(serving.stub, late())
    leg = WIRE_LEG[Leg.CUSTOMER]
    expected = [each.start_s + gap_s for each in plain.finals if each.leg == leg]
    assert [each.start_s for each in delayed.finals] == pytest.approx(expected, abs=0.25)
    assert delayed.covered[leg].received_s == pytest.approx(call.seconds, abs=0.01)


@pytest.mark.parametrize(("resumed", "late_s"), [(False, 0.0), (True, 0.0), (False, 30.0)])
async def test_who_was_not_heard_from_the_beginning_is_not_accused_of_silence(
    serving: Serving, calls_folder: Path, resumed: bool, late_s: float
) -> None:
    """Nobody told of the recording on this call; only who heard its beginning may say so."""
    call = recordings.open_recording(calls_folder / "no-recording-notice", None, "left")

    async def heard() -> AsyncIterator[ListenRequest]:
        yield start(call.id, call.scene, call.rate_hz, resumed=resumed)
        for leg, first_sample, pcm in call.blocks(0.1):
            yield audio(leg, first_sample + round(late_s * call.rate_hz), pcm)
        yield end(call.seconds + late_s)

    listened = await listen(serving.stub, heard())
    rules_found = {each.rule for each in listened.findings.values()}
    assert ("opening.recording-notice" in rules_found) is not (resumed or late_s > 0)


_SECOND = bytes(16_000)
_BAD: dict[str, Callable[[], list[ListenRequest]]] = {
    "audio first": lambda: [audio(Leg.AGENT, 0, _SECOND)],
    "nothing": lambda: [ListenRequest()],
    "no call id": lambda: [start("")],
    "rate": lambda: [start(rate_hz=44_100)],
    "scene": lambda: [start(scene="Marketing Loan!")],
    "odd": lambda: [start(), audio(Leg.AGENT, 0, b"abc")],
    "empty": lambda: [start(), audio(Leg.AGENT, 0, b"")],
    "long": lambda: [start(), audio(Leg.AGENT, 0, bytes(2 * 8000 * 6))],
    "order": lambda: [start(), audio(Leg.AGENT, 8000, _SECOND), audio(Leg.AGENT, 0, _SECOND)],
    "odd piece": lambda: [
        start(),
        pieces(audio(Leg.AGENT, 0, _SECOND), audio(Leg.CUSTOMER, 0, b"abc")),
    ],
    "far": lambda: [start(), audio(Leg.AGENT, 1 << 60, _SECOND)],
    "twice": lambda: [start(), start()],
    "no leg": lambda: [
        start(),
        ListenRequest(audio=recognition_pb2.Audio(leg=7, samples=_SECOND)),  # type: ignore[arg-type]  # a leg of a newer contract
    ],
    "negative": lambda: [start(), end(-1.0)],
    "nan": lambda: [start(), end(math.nan)],
}


@pytest.mark.parametrize("bad", _BAD)
async def test_bad_input_is_an_invalid_argument(serving: Serving, bad: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await listen(serving.stub, _in_turn(_BAD[bad]()))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details()
    await _nothing_is_left(serving)


async def test_streams_opened_and_dropped_leave_nothing(serving: Serving) -> None:
    for _ in range(200):
        call = serving.stub.Listen(_in_turn([start(), audio(Leg.AGENT, 0, _SECOND)]))
        call.cancel()
    held = serving.stub.Listen()
    await held.write(start())
    await held.write(audio(Leg.AGENT, 0, _SECOND))
    ready = await held.read()
    assert isinstance(ready, recognition_pb2.ListenResponse)
    assert ready.HasField("ready")
    held.cancel()
    await _nothing_is_left(serving)


async def test_health_and_reflection(serving: Serving) -> None:
    health: Any = health_pb2_grpc.HealthStub(serving.channel)
    for service in ("", "callwarden.v1.Recognition"):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(serving.channel)  # type: ignore[arg-type]  # its stubs know the synchronous channel alone
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    async for answered in stub.ServerReflectionInfo(iter([asked])):
        names = {each.name for each in answered.list_services_response.service}
        assert {"callwarden.v1.Recognition", "grpc.health.v1.Health"} <= names


async def test_a_client_that_stops_reading_does_not_fill_the_memory(
    serving: Serving, calls_folder: Path, rules: SpeechRulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "UNREAD_LIMIT", 2)
    call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    assert serving.server.pools is not None
    pools = serving.server.pools
    load = serving.server.load
    stream = listening.Listening(requests_of(call), pools, Rulebooks(rules), date(2026, 3, 2), load)
    responses = stream.responses()
    for _ in range(2):  # ready, and the first words
        await anext(responses)
    async with asyncio.timeout(20):
        await stream.read_to_the_end()
    with pytest.raises(listening.Refused) as refused:
        [_ async for _ in responses]
    assert refused.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    stream.close()
    await _nothing_is_left(serving)
