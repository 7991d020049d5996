"""Which recognizer a call goes to, over real gRPC."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from callwarden.settings import Settings
from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1 import recognition_pb2 as recognition
from gateway import recognizers
from gateway.floor import Floor
from gateway.health import Health
from gateway.judging import Digests, Judging
from gateway.listening import Listening
from gateway.metrics import Metrics
from gateway.recognizers import Recognizers, Resolve, by_dns
from policy.speech.utterance import Leg
from tests.calls.fleet import Told, free_ports
from tests.calls.heard import tone, until
from tests.calls.recording_recognizer import RecordingRecognizer, serving


@pytest.fixture(autouse=True)
def asked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what has changed is seen sooner."""
    monkeypatch.setattr(recognizers, "_EVERY_S", 0.4)
    monkeypatch.setattr(recognizers, "_RESOLVED_EVERY_S", 0.4)


@dataclass
class Gateway:
    recognizers: Recognizers
    health: Health
    metrics: Metrics
    calls: list[tuple[Listening, "asyncio.Task[None]"]] = field(default_factory=list)

    def call(self) -> Listening:
        listening = Listening(
            f"call-{len(self.calls)}", "*", self.recognizers, Told(), message_ms=100
        )
        self.calls.append((listening, asyncio.ensure_future(listening.run())))
        return listening

    def count(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"callwarden_calls_{name}_total")


@contextlib.asynccontextmanager
async def _gateway(*addresses: str, resolve: Resolve = by_dns) -> AsyncIterator[Gateway]:
    settings = Settings.model_validate({"recognizer": {"address": addresses}})
    health, metrics = Health(Floor()), Metrics()
    judging = Judging(Digests, Path("none"), Path("none"))
    made = Gateway(Recognizers(settings, health, judging, metrics, resolve), health, metrics)
    watching = asyncio.ensure_future(made.recognizers.watch())
    try:
        yield made
    finally:
        tasks = [watching, *(running for _, running in made.calls)]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await made.recognizers.close()


@contextlib.asynccontextmanager
async def _two() -> AsyncIterator[tuple[RecordingRecognizer, RecordingRecognizer, Gateway]]:
    async with (
        serving("127.0.0.1:0") as (one, first),
        serving("127.0.0.1:0") as (other, second),
        _gateway(f"127.0.0.1:{first}", f"127.0.0.1:{second}") as gateway,
    ):
        await until(lambda: gateway.health.part("recognizer").status.name == "OK")
        yield one, other, gateway


async def test_calls_spread_over_the_recognizers() -> None:
    async with _two() as (one, other, gateway):
        calls = [gateway.call() for _ in range(6)]
        await until(lambda: not any(each.cause for each in calls))
        assert [len(one.streams), len(other.streams)] == [3, 3]


async def test_who_takes_more_gets_more() -> None:
    async with _two() as (one, other, gateway):
        one.describing.most_calls, other.describing.most_calls = 10, 20
        await until(lambda: [each.most_calls for each in _told(gateway)] == [10, 20], bound_s=5)
        calls = [gateway.call() for _ in range(6)]
        await until(lambda: not any(each.cause for each in calls))
        assert [len(one.streams), len(other.streams)] == [2, 4]


def _told(gateway: Gateway) -> Sequence[oversight.RecognizerHealth]:
    return gateway.health.changed().recognizers


async def test_a_call_that_one_refuses_goes_to_the_other_and_is_counted() -> None:
    async with _two() as (one, other, gateway):
        one.refusing = grpc.StatusCode.RESOURCE_EXHAUSTED
        calls = [gateway.call() for _ in range(4)]
        await until(lambda: not any(each.cause for each in calls))
        assert len(other.streams) == 4
        assert (gateway.count("not_admitted") or 0) >= 1
        assert gateway.count("moved") == 0


async def test_a_call_that_all_refuse_says_so_and_is_heard_when_there_is_room() -> None:
    async with _two() as (one, other, gateway):
        one.refusing = other.refusing = grpc.StatusCode.RESOURCE_EXHAUSTED
        call = gateway.call()
        await until(lambda: "full" in call.cause)
        other.refusing = None
        await until(lambda: not call.cause)


async def test_who_drains_gets_no_call_and_keeps_those_it_has() -> None:
    async with _two() as (one, other, gateway):
        first = [gateway.call(), gateway.call()]
        await until(lambda: not any(each.cause for each in first))
        one.describing.draining = True
        await until(lambda: "ends" in _told(gateway)[0].message, bound_s=5)
        more = [gateway.call(), gateway.call()]
        await until(lambda: not any(each.cause for each in more))
        assert [len(one.streams), len(other.streams)] == [1, 3]
        assert not one.streams[0].over


async def test_health_tells_of_each_recognizer() -> None:
    async with _two() as (one, _, gateway):
        one.describing.MergeFrom(
            recognition.DescribeResponse(degraded=["second-pass"], lag_s=1.5, workers=1)
        )
        await until(lambda: _told(gateway)[0].degraded, bound_s=5)
        first, second = _told(gateway)
        assert first.status == oversight.HEALTH_STATUS_DEGRADED
        assert "second-pass" in first.message
        assert (first.lag_s, second.status) == (1.5, oversight.HEALTH_STATUS_OK)
        part = gateway.health.part("recognizer")
        assert part.status.name == "DEGRADED"
        assert first.address in part.message
        assert second.address not in part.message


async def test_all_that_a_name_stands_for_are_found_as_they_come_and_go() -> None:
    (port,) = free_ports(1)
    named = [f"127.0.0.1:{port}", f"127.0.0.2:{port}"]

    async def resolve(host: str, of: int) -> Sequence[str]:
        assert (host, of) == ("localhost", port)
        return tuple(named)

    async with (
        serving(named[0]) as (one, _),
        serving(named[1]) as (other, _),
        _gateway(f"dns:///localhost:{port}", resolve=resolve) as gateway,
    ):
        calls = [gateway.call(), gateway.call()]
        await until(lambda: not any(each.cause for each in calls))
        await until(lambda: gateway.health.part("recognizer").status.name == "OK", bound_s=5)
        assert [len(one.streams), len(other.streams)] == [1, 1]
        one.streams[0].say.put_nowait(recognition.ListenResponse(closing=recognition.Coverage()))
        named.pop(0)
        await until(lambda: [each.address for each in _told(gateway)] == named, bound_s=12)
        assert not other.streams[0].over


async def test_a_name_is_resolved_as_the_box_does() -> None:
    async with serving("127.0.0.1:0") as (one, port), _gateway(f"dns:///localhost:{port}") as made:
        call = made.call()
        call.hear(Leg.AGENT, 0, tone(300, 1.0))
        await until(lambda: one.streams and one.streams[0].seconds(conversation.LEG_AGENT) == 1.0)


async def test_a_name_that_nobody_knows_is_told() -> None:
    async def resolve(host: str, of: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    async with _gateway("dns:///localhost:1", resolve=resolve) as gateway:
        await until(lambda: "cannot be resolved" in gateway.recognizers.cause)
        assert "localhost" in gateway.health.part("recognizer").message
