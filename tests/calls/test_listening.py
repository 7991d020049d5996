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
from gateway.floor import Floor
from gateway.health import Health
from gateway.judging import Digests, Judging
from gateway.listening import BEHIND, LOST, UNREACHED, Listening
from gateway.recognizer_link import RecognizerLink
from policy import rulebook_text
from policy.identity import RulebookText
from policy.ledger import Ledger
from policy.on_the_wire import product_of
from policy.speech.circumstances import ProductFacts
from policy.speech.utterance import Leg
from tests.calls.heard import tone, until
from tests.calls.recording_recognizer import LEGS, RecordingRecognizer, serving

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
    link: RecognizerLink
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
) -> AsyncIterator[Call]:
    settings = Settings.model_validate({"recognizer": {"address": f"127.0.0.1:{port}"}})
    health = Health(Floor())
    link, told = RecognizerLink(settings, health, judging), Told()
    listening = Listening("call", "*", link, told, message_ms=100, dialect=dialect, product=product)
    tasks = [asyncio.ensure_future(each) for each in (link.watch(), listening.run())]
    yield Call(listening, told, health, link, tasks[1])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await link.close()


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


async def test_a_stream_that_dies_is_followed_by_another_with_names_of_its_own(
    server: Served,
) -> None:
    recognizer, port = server
    async with _call(port) as call:
        call.speak(0.0)
        await until(lambda: recognizer.streams and len(recognizer.streams[0].audio) == 20)
        await until(lambda: call.listening.coverage(9.0)[Leg.AGENT].analysed_s == 1.0)
        recognizer.streams[0].say.put_nowait(None)
        await until(lambda: call.listening.cause)
        call.speak(7.0)
        await until(lambda: not call.listening.cause)
        await until(lambda: len(recognizer.streams[1].audio) == 20)
        said = conversation.Utterance(utterance_id="agent-1", leg=conversation.LEG_AGENT)
        recognizer.streams[1].say.put_nowait(recognition.ListenResponse(utterance=said))
        await until(lambda: call.told.utterances)
        assert call.told.utterances[0].utterance_id == "agent-1@7"
        assert [each.start.resumed for each in recognizer.streams] == [False, True]
        coverage = await call.end(8.0)
    # Kept while nobody listened, so nothing is missing, and there is no cause to name.
    for each in coverage.values():
        assert (each.received_s, each.analysed_s, list(each.causes)) == (2.0, 2.0, [])


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


async def test_a_recognizer_back_within_what_is_kept_hears_the_last_seconds(
    server: Served,
) -> None:
    recognizer, port = server
    recognizer.refusing = grpc.StatusCode.RESOURCE_EXHAUSTED
    async with _call(port) as call:
        await until(lambda: "full" in call.listening.cause)
        call.speak(0.0, seconds=9)
        recognizer.refusing = None
        await until(lambda: not call.listening.cause)
        coverage = await call.end(9.0)
    (stream,) = recognizer.streams
    assert stream.start.resumed
    assert sum(stream.seconds(leg) for leg in LEGS) == pytest.approx(10.0, abs=0.2)
    assert any(UNREACHED in each.causes for each in coverage.values())
    assert not any(LOST in each.causes or BEHIND in each.causes for each in coverage.values())


async def test_a_recognizer_without_a_model_says_how_to_get_one(server: Served) -> None:
    recognizer, port = server
    recognizer.model, recognizer.missing = "", "no model: callwarden models pull"
    recognizer.refusing = grpc.StatusCode.UNAVAILABLE
    async with _call(port) as call:
        await until(lambda: call.listening.cause == "no model: callwarden models pull")
        assert call.health.model == ""


async def test_talking_follows_the_audio(server: Served) -> None:
    _, port = server
    async with _call(port) as call:
        call.speak(0.0)
        assert call.listening.talking == frozenset(Leg)
