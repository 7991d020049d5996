"""One call's audio to a recognizer and back, over real gRPC."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from callwarden.settings import Settings
from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1 import recognition_pb2 as recognition
from gateway import heard_so_far, listening
from gateway.floor import Floor
from gateway.health import Health
from gateway.judging import Digests, Judging
from gateway.listening import Listening
from gateway.metrics import Metrics
from gateway.recognizer_stream import FULL, LOST, OVERLOAD, UNREACHED
from gateway.recognizers import Recognizers
from policy import rulebook_text
from policy.identity import RulebookText
from policy.ledger import Ledger
from policy.on_the_wire import product_of
from policy.speech.circumstances import ProductFacts
from policy.speech.utterance import Leg
from tests.calls.heard import tone, until
from tests.calls.recording_recognizer import LEGS, RecordingRecognizer, Stream, serving

_SECOND = tone(300, 1.0)
_NO_PRODUCT = ProductFacts()


@dataclass
class Told:
    """What a call was told: the Outlet of a test."""

    utterances: list[conversation.Utterance] = field(default_factory=list)
    findings: list[conversation.Finding] = field(default_factory=list)
    looks: list[conversation.SecondLook] = field(default_factory=list)
    duties: list[conversation.Duty] = field(default_factory=list)

    def heard(self, utterance: conversation.Utterance) -> None:
        self.utterances.append(utterance)

    def found(self, finding: conversation.Finding) -> None:
        self.findings.append(finding)

    def looked(self, look: conversation.SecondLook) -> None:
        self.looks.append(look)

    def owed(self, duties: Sequence[conversation.Duty]) -> None:
        self.duties = list(duties)

    def changed(self) -> None:
        """Looked at through `Listening` itself."""


@dataclass
class Call:
    listening: Listening
    told: Told
    health: Health
    recognizers: Recognizers
    running: asyncio.Task[None]

    def speak(self, first_s: float, seconds: int = 1) -> None:
        """Both legs, in frames of 20 ms, from this second of the call on."""
        for leg in Leg:
            samples = _SECOND * seconds
            for start in range(0, len(samples), 320):
                place = int(first_s * 8000) + start // 2
                self.listening.hear(leg, place, samples[start : start + 320])

    async def end(self, seconds: float) -> dict[Leg, conversation.LegCoverage]:
        await self.listening.end(seconds, self.running)
        return self.listening.coverage(seconds)


_UNCHOSEN = Judging(Digests, Path("none"), Path("none"))


@contextlib.asynccontextmanager
async def _call(
    port: int,
    dialect: str = "",
    product: ProductFacts = _NO_PRODUCT,
    judging: Judging = _UNCHOSEN,
    *,
    resumed: bool = False,
) -> AsyncIterator[Call]:
    settings = Settings.model_validate({"recognizer": {"address": f"127.0.0.1:{port}"}})
    health = Health(Floor())
    recognizers, told = Recognizers(settings, health, judging, Metrics()), Told()
    listening = Listening(
        *("call", "*", recognizers, told),
        message_ms=100,
        resumed=resumed,
        dialect=dialect,
        product=product,
    )
    tasks = [asyncio.ensure_future(each) for each in (recognizers.watch(), listening.run())]
    yield Call(listening, told, health, recognizers, tasks[1])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await recognizers.close()


@pytest.fixture
async def server() -> AsyncIterator[tuple[RecordingRecognizer, int]]:
    async with serving("127.0.0.1:0") as served:
        yield served


Served = tuple[RecordingRecognizer, int]


async def test_audio_goes_in_messages_and_comes_back_accounted(server: Served) -> None:
    recognizer, port = server
    async with _call(port) as call:
        await until(lambda: not call.listening.cause)
        call.speak(0.1, seconds=2)
        coverage = await call.end(2.1)
    (stream,) = recognizer.streams
    assert (stream.start.call_id, stream.start.sample_rate_hz) == ("call", 8000)
    assert stream.end
    assert stream.end.seconds == 2.1
    assert stream.samples(conversation.LEG_AGENT) == _SECOND * 2
    assert {len(each.samples) for each in stream.audio} == {1600}
    for each in coverage.values():
        assert (each.received_s, each.analysed_s, list(each.causes)) == (2.0, 2.0, [])


async def test_legs_that_speak_side_by_side_share_their_messages(server: Served) -> None:
    recognizer, port = server
    async with _call(port) as call:
        await until(lambda: not call.listening.cause)
        for frame in range(100):
            for leg in Leg:
                call.listening.hear(leg, frame * 160, _SECOND[:320])
            await asyncio.sleep(0)
        await call.end(2.0)
    (stream,) = recognizer.streams
    assert {stream.seconds(leg) for leg in LEGS} == {2.0}
    assert stream.messages <= 20  # alone they would be 40


async def test_a_call_that_another_dialects_model_heard_says_so(server: Served) -> None:
    recognizer, port = server
    recognizer.fallback = "no-pool-for-yue"
    async with _call(port, dialect="yue") as call:
        await until(lambda: not call.listening.cause)
        call.speak(0.0)
        coverage = await call.end(1.0)
    for each in coverage.values():
        assert (list(each.remarks), list(each.causes)) == (["no-pool-for-yue"], [])
        assert each.analysed_s == each.received_s


async def test_a_gap_stays_a_gap(server: Served) -> None:
    recognizer, port = server
    async with _call(port) as call:
        await until(lambda: not call.listening.cause)
        call.speak(0.01)
        call.speak(5.0)
        await call.end(6.0)
    (stream,) = recognizer.streams
    places = [each.first_sample for each in stream.audio if each.leg == conversation.LEG_AGENT]
    assert places == [*range(80, 8080, 800), *range(40_000, 48_000, 800)]


async def test_what_is_heard_and_found_comes_through(server: Served) -> None:
    recognizer, port = server
    async with _call(port) as call:
        await until(lambda: not call.listening.cause)
        (stream,) = recognizer.streams
        said = conversation.Utterance(utterance_id="agent-1", leg=conversation.LEG_AGENT)
        found = conversation.Finding(finding_id="f-1", rule="forbidden.zero-risk")
        owed = conversation.Duty(rule="disclosure.fees")
        duties = recognition.Duties(duties=[owed])
        stream.say.put_nowait(recognition.ListenResponse(utterance=said))
        stream.say.put_nowait(recognition.ListenResponse(duties=duties))
        stream.say.put_nowait(recognition.ListenResponse(finding=found))
        await until(lambda: call.told.findings)
    assert (call.told.utterances, call.told.findings) == ([said], [found])
    assert call.told.duties == [owed]


async def test_what_is_known_before_a_word_is_said_goes_with_the_start(server: Served) -> None:
    recognizer, port = server
    product = ProductFacts(annual_rate_percent=7.2, risk_level="R3")
    async with _call(port, dialect="yue", product=product) as call:
        await until(lambda: not call.listening.cause)
    (stream,) = recognizer.streams
    assert stream.start.dialect == "yue"
    assert product_of(stream.start.product) == product


async def test_the_activated_rulebooks_are_taught_before_a_call_is_judged_by_them(
    server: Served, tmp_path: Path
) -> None:
    recognizer, port = server
    files = tmp_path / "ledger.sqlite3", tmp_path / "ledger.key"
    active, shadow = (_rulebook(version) for version in ("1", "2"))
    now = datetime.now(UTC)
    with Ledger.open(*files) as ledger:
        ledger.activate(active, mode="active", who="Li", now=now).result()
        ledger.activate(shadow, mode="shadow", who="Li", now=now).result()
    chosen = Digests()
    async with _call(port, judging=Judging(lambda: chosen, *files)) as call:
        await until(lambda: not call.listening.cause)
        assert not recognizer.learnt
        chosen = Digests(active.identity.digest, shadow.identity.digest)
        await until(lambda: len(recognizer.learnt) == 2, bound_s=1.0)
    assert recognizer.learnt == {each.identity.digest: each.content for each in (active, shadow)}
    async with _call(port, judging=Judging(lambda: chosen, *files)) as call:
        await until(lambda: not call.listening.cause)
    start = recognizer.streams[-1].start
    assert (start.rulebook_digest, start.shadow_digest) == chosen


def _rulebook(version: str) -> RulebookText:
    return rulebook_text.write(version, [{"version": version}], [], {})


async def test_a_second_look_comes_through_before_what_follows_from_it(server: Served) -> None:
    recognizer, port = server
    look = conversation.SecondLook(doubt_id="d-1", leg=conversation.LEG_CUSTOMER, looked=True)
    async with _call(port) as call:
        await until(lambda: not call.listening.cause)
        (stream,) = recognizer.streams
        found = conversation.Finding(finding_id="f-1", rule="refusal.explicit")
        stream.say.put_nowait(recognition.ListenResponse(second_look=look))
        stream.say.put_nowait(recognition.ListenResponse(finding=found))
        await until(lambda: call.told.findings)
    assert call.told.looks == [look]


def _said(number: int, start_s: float, *, final: bool = True) -> recognition.ListenResponse:
    return recognition.ListenResponse(
        utterance=conversation.Utterance(
            utterance_id=f"agent-{number}",
            leg=conversation.LEG_AGENT,
            start_s=start_s,
            end_s=start_s + 0.5,
            tokens=["hao3"],
            token_starts_s=[start_s],
            final=final,
        )
    )


def _found(at_s: float, status: str = "CERTAIN", rule: str = "r") -> recognition.ListenResponse:
    return recognition.ListenResponse(
        finding=conversation.Finding(
            finding_id=f"{rule}/agent/{at_s}",
            rule=rule,
            leg=conversation.LEG_AGENT,
            start_s=at_s,
            status=conversation.FindingStatus.Value(f"FINDING_STATUS_{status}"),
        )
    )


async def test_a_lost_call_goes_on_where_it_was_and_is_told_nothing_twice(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heard_so_far, "CONTEXT_S", 4.0)  # a short call is enough
    recognizer, port = server
    async with _call(port) as call:
        await until(lambda: recognizer.streams)
        look = conversation.SecondLook(doubt_id="d-1", leg=conversation.LEG_AGENT, looked=True)
        first = recognizer.streams[0].say
        told = (_said(0, 1.0), _said(1, 9.0), _found(1.0), _found(9.1, "PROVISIONAL"))
        for each in (*told, recognition.ListenResponse(second_look=look)):
            first.put_nowait(each)
        first.put_nowait(_said(2, 11.0, final=False))
        call.speak(0.0, seconds=13)
        await until(lambda: call.listening.coverage(13.0)[Leg.AGENT].analysed_s == 13.0)
        first.put_nowait(None)
        await until(lambda: len(recognizer.streams) == 2)
        call.speak(13.0)
        await until(lambda: recognizer.streams[1].seconds(conversation.LEG_CUSTOMER) > 5.4)
        start = recognizer.streams[1].start
        second = recognizer.streams[1].say
        again = (_said(1, 9.0), _found(1.04), _found(9.1, "PROVISIONAL"), _found(9.1))
        for each in (*again, _said(2, 11.0), _found(20.0), _found(1.0, rule="other")):
            second.put_nowait(each)
        await until(lambda: call.told.findings[-1].rule == "other")
        coverage = await call.end(14.0)
    assert not start.resumed
    assert [each.WhichOneof("payload") for each in start.heard] == [
        *2 * ["utterance"],
        "second_look",
    ]
    heard_until = {each.leg: each.until_s for each in start.heard_until}
    # The agent is still speaking, since second 11; the customer has been heard to the end.
    assert heard_until == {conversation.LEG_AGENT: 10.5, conversation.LEG_CUSTOMER: 12.5}
    assert not any(each.missed for each in start.heard_until)
    begin = {leg: _first_second(recognizer.streams[1], leg) for leg in LEGS}
    assert begin == {conversation.LEG_AGENT: 6.5, conversation.LEG_CUSTOMER: 8.5}
    finals = [each.utterance_id for each in call.told.utterances if each.final]
    assert finals == ["agent-0", "agent-1", "agent-2"]
    certain, provisional = (
        conversation.FINDING_STATUS_CERTAIN,
        conversation.FINDING_STATUS_PROVISIONAL,
    )
    assert [(each.finding_id, each.status) for each in call.told.findings] == [
        ("r/agent/1.0", certain),
        ("r/agent/9.1", provisional),
        ("r/agent/9.1", certain),
        ("r/agent/20.0", certain),
        ("other/agent/1.0", certain),
    ]
    assert len(call.told.looks) == 1
    for leg in coverage.values():
        assert (leg.received_s, leg.analysed_s) == (14.0, 14.0)


async def test_no_second_is_counted_twice_or_not_at_all_however_often_a_call_moves(
    server: Served,
) -> None:
    recognizer, port = server
    async with _call(port) as call:
        for moves in range(4):
            await until(lambda moves=moves: len(recognizer.streams) == moves + 1)  # type: ignore[misc]  # bound now
            stream = recognizer.streams[moves]
            call.speak(4.0 * moves, seconds=4)
            # A final after the last coverage; twice the next one dies before it tells any.
            ends = 4 * (moves + 1) * 8000
            await until(lambda stream=stream, ends=ends: _last_samples(stream) == {ends})  # type: ignore[misc]  # bound now
            if moves % 2 == 0:
                stream.say.put_nowait(_said(moves, 4.0 * moves + 3.0))
            stream.say.put_nowait(None)
        await until(lambda: len(recognizer.streams) == 5)
        recognizer.streams[4].say.put_nowait(None)
        await until(lambda: len(recognizer.streams) == 6)
        coverage = await call.end(16.0)
    for leg in coverage.values():
        assert leg.received_s == 16.0
        assert leg.analysed_s == pytest.approx(16.0)
        assert not leg.causes


def _last_samples(stream: Stream) -> set[int]:
    """Where the audio of each leg that came ends."""
    ends = {each.leg: each.first_sample + len(each.samples) // 2 for each in stream.audio}
    return set(ends.values()) if len(ends) == len(LEGS) else set()


def _first_second(stream: Stream, leg: "conversation.Leg.ValueType") -> float:
    return next(each for each in stream.audio if each.leg == leg).first_sample / 8000


async def test_a_doubt_that_the_next_recognizer_does_not_share_is_withdrawn(server: Served) -> None:
    recognizer, port = server
    async with _call(port) as call:
        call.speak(0.0, seconds=2)
        await until(lambda: recognizer.streams)
        recognizer.streams[0].say.put_nowait(_found(1.0, "PROVISIONAL"))
        recognizer.streams[0].say.put_nowait(_found(1.5, rule="other"))
        recognizer.streams[0].say.put_nowait(None)
        await until(lambda: len(recognizer.streams) == 2)
        await call.end(2.0)
    statuses = {each.rule: each.status for each in call.told.findings}
    assert statuses == {
        "r": conversation.FINDING_STATUS_WITHDRAWN,
        "other": conversation.FINDING_STATUS_CERTAIN,
    }


async def test_names_of_an_earlier_gateway_are_not_used_again(server: Served) -> None:
    recognizer, port = server
    async with _call(port, resumed=True) as call:
        call.speak(7.0)
        await until(lambda: recognizer.streams)
        recognizer.streams[0].say.put_nowait(_said(0, 7.5))
        recognizer.streams[0].say.put_nowait(None)
        await until(lambda: len(recognizer.streams) == 2)
        recognizer.streams[1].say.put_nowait(_said(1, 7.9))
        await until(lambda: len(call.told.utterances) == 2)
    assert [each.utterance_id for each in call.told.utterances] == ["agent-0@7", "agent-1@7"]
    assert recognizer.streams[1].start.heard[0].utterance.utterance_id == "agent-0"
    assert all(each.start.resumed for each in recognizer.streams)


async def test_what_nobody_could_take_is_missing_with_its_cause() -> None:
    async with _call(1) as call:
        call.speak(0.0, seconds=20)
        await until(lambda: "unreachable" in call.listening.cause)
        coverage = await call.end(20.0)
        part = call.health.part("recognizer")
        assert part.status.value == oversight.HEALTH_STATUS_DOWN
        assert "callwarden recognizer run" in part.message
    for each in coverage.values():
        assert (each.received_s, each.analysed_s, list(each.causes)) == (20.0, 0.0, [UNREACHED])
        assert _spans(each) == [(0.0, 20.0, UNREACHED)]


async def test_a_recognizer_back_within_what_is_kept_hears_the_last_seconds(
    server: Served,
) -> None:
    recognizer, port = server
    recognizer.refusing = grpc.StatusCode.RESOURCE_EXHAUSTED
    async with _call(port) as call:
        await until(lambda: "full" in call.listening.cause)
        call.speak(0.0, seconds=30)
        recognizer.refusing = None
        await until(lambda: not call.listening.cause)
        coverage = await call.end(30.0)
    (stream,) = recognizer.streams
    assert sum(stream.seconds(leg) for leg in LEGS) == pytest.approx(50.0, abs=0.2)
    for each in coverage.values():
        assert each.analysed_s == pytest.approx(25.0, abs=0.1)
        assert FULL in each.causes
        assert _spans(each) == [(0.0, 5.0, FULL)]
        assert not {LOST, OVERLOAD} & set(each.causes)


async def test_a_recognizer_without_a_model_says_how_to_get_one(server: Served) -> None:
    recognizer, port = server
    recognizer.model, recognizer.missing = "", "no model: callwarden models pull"
    recognizer.refusing = grpc.StatusCode.UNAVAILABLE
    async with _call(port) as call:
        await until(lambda: call.listening.cause == "no model: callwarden models pull")
        assert call.health.model == ""


async def test_audio_that_comes_too_fast_to_be_sent_is_missing_with_its_cause(
    server: Served,
) -> None:
    async with _call(server[1]) as call:
        await until(lambda: not call.listening.cause)
        call.speak(0.0, seconds=40)  # all at once
        coverage = await call.end(40.0)
    for each in coverage.values():
        assert (each.received_s, each.analysed_s, list(each.causes)) == (40.0, 25.0, [OVERLOAD])
        assert _spans(each) == [(0.0, 15.0, OVERLOAD)]


def _spans(leg: conversation.LegCoverage) -> list[tuple[float, float, str]]:
    return [(round(each.start_s, 1), round(each.end_s, 1), each.cause) for each in leg.missing]


async def test_what_a_recognizer_lost_and_what_nobody_took_is_told_by_its_seconds(
    server: Served,
) -> None:
    recognizer, port = server
    lost = conversation.NotAnalysed(start_s=1.0, end_s=2.5, cause="worker-lost")
    recognizer.missing_there = [lost]
    async with _call(port) as call:
        await until(lambda: recognizer.streams)
        call.speak(0.0, seconds=12)
        await until(lambda: call.listening.coverage(12.0)[Leg.AGENT].analysed_s == 10.5)
        recognizer.missing_there = []
        recognizer.refusing = grpc.StatusCode.RESOURCE_EXHAUSTED
        recognizer.streams[0].say.put_nowait(None)
        await until(lambda: "full" in call.listening.cause)
        call.speak(20.0, seconds=30)
        recognizer.refusing = None
        await until(lambda: len(recognizer.streams) == 2)
        coverage = await call.end(50.0)
    for each in coverage.values():
        told = [(start_s, end_s, cause) for start_s, end_s, cause in _spans(each)]
        assert (1.0, 2.5, "worker-lost") in told
        assert (12.0, 20.0, "not-received") in told
        assert told[-1] == (20.0, 25.0, FULL)
        received = [span for span in each.missing if span.cause != "not-received"]
        missed_s = sum(span.end_s - span.start_s for span in received)
        assert missed_s == pytest.approx(each.received_s - each.analysed_s, abs=0.3)


async def test_a_recognizer_that_falls_silent_is_left(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RecordingRecognizer tells a coverage for each message alone; a real one every 2 s."""
    monkeypatch.setattr(listening, "_SILENT_S", 0.3)
    recognizer, port = server
    async with _call(port) as call:
        await until(lambda: len(recognizer.streams) > 1)
        assert "does not answer" in call.listening.cause or not call.listening.cause
    await until(lambda: all(each.over for each in recognizer.streams))


async def test_talking_follows_the_audio(server: Served) -> None:
    _, port = server
    async with _call(port) as call:
        call.speak(0.0)
        assert call.listening.talking == frozenset(Leg)
