"""The operator API over real gRPC: what a console is told, and what it may ask."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1 import oversight_pb2_grpc
from deploy.lab.numbers import open_now, shut_now
from gateway.health import HealthStatus
from gateway.oversight import GATE, SERVICE
from policy.dialling import number as numbers
from policy.speech.finding import FindingStatus
from policy.speech.utterance import Leg, Token, Utterance
from tests.calls.test_enforcement import REFUSED
from tests.gate.at_the_gate import gate, served
from tests.gate.waiting import until
from tui.view import View

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


async def until_live(watch: AsyncIterator[oversight.Event]) -> list[oversight.Event]:
    """The present state, up to and with `live`."""
    told = []
    async with asyncio.timeout(5):
        async for event in watch:
            told.append(event)
            if event.HasField("live"):
                break
    return told


async def test_a_watcher_is_told_the_present_the_past_and_then_each_event(tmp_path: Path) -> None:
    number, suppressed = open_now(1), open_now(2)
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        await parts.ask(number, nonce="n-1")
        await parts.ask(shut_now(1), nonce="n-2")
        await asyncio.wrap_future(
            parts.ledger.current.suppress(suppressed, source="manual", now=datetime.now(UTC))
        )
        stub = oversight_pb2_grpc.OversightStub(channel)
        watch = aiter(stub.Watch(oversight.WatchRequest(history=10)))
        told = await until_live(watch)
        kinds = [event.WhichOneof("payload") for event in told]
        assert kinds == ["decision", "decision", "suppression", "call", "health", "live"]
        assert told[0].decision.number_masked == numbers.masked(number)
        assert told[1].decision.reasons[0].rule
        assert told[2].suppression.source == "manual"
        assert told[3].call.call_id == "n-1"
        assert {event.sequence for event in told} == {told[-1].sequence}

        await parts.ask(number, nonce="n-3")
        following = [await anext(watch) for _ in range(2)]
        assert [event.WhichOneof("payload") for event in following] == ["call", "decision"]
        assert [event.sequence - told[-1].sequence for event in following] == [1, 2]
        everything = str(told) + str(following)
        assert number not in everything
        assert suppressed not in everything


def said(number: int, *, final: bool = True) -> Utterance:
    tokens = (Token("nin2", float(number)), Token("hao3", number + 0.25))
    return Utterance(
        f"agent-{number}",
        Leg.AGENT,
        float(number),
        number + 0.5,
        tokens,
        final,
        2,
        f"您好 {number}",
    )


async def test_a_watcher_that_comes_late_is_told_all_that_was_said_on_a_live_call(
    tmp_path: Path,
) -> None:
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        ledger = parts.ledger.current
        for nonce, number in (("n-1", open_now(1)), ("n-2", open_now(2)), ("n-3", open_now(3))):
            await parts.ask(number, nonce=nonce)
        certain = replace(REFUSED, status=FindingStatus.CERTAIN)
        for row in (
            ledger.add_utterance("n-1", said(1)),
            ledger.add_utterance("n-1", said(2)),
            ledger.add_finding("n-1", replace(certain, status=FindingStatus.PROVISIONAL), NOW),
            ledger.add_finding("n-1", certain, NOW),
            ledger.add_utterance("n-2", said(3)),
            ledger.add_utterance("n-3", said(4)),
        ):
            await asyncio.wrap_future(row)
        parts.floor.ended("n-3")
        owed = conversation.Duty(rule="disclosure.fees", title_en="Fees")
        parts.floor.owe("n-2", [owed])

        stub = oversight_pb2_grpc.OversightStub(channel)
        told = await until_live(aiter(stub.Watch(oversight.WatchRequest(history=0))))
        heard = [each.utterance for each in told if each.HasField("utterance")]
        assert [(each.call_id, each.utterance.utterance_id) for each in heard] == [
            ("n-1", "agent-1"),
            ("n-1", "agent-2"),
            ("n-2", "agent-3"),
        ]
        first = heard[0].utterance
        assert (first.text, first.final, first.leg) == ("您好 1", True, conversation.LEG_AGENT)
        assert (list(first.tokens), list(first.token_starts_s)) == (["nin2", "hao3"], [1.0, 1.25])
        (found,) = [each.finding for each in told if each.HasField("finding")]
        assert (found.call_id, found.finding.finding_id) == ("n-1", REFUSED.finding_id)
        assert found.finding.status == conversation.FINDING_STATUS_CERTAIN
        (duty,) = [each.duty for each in told if each.HasField("duty")]
        assert (duty.call_id, list(duty.duties)) == ("n-2", [owed])
        assert {event.sequence for event in told} == {told[-1].sequence}

        view = View()
        for event in told:
            view.apply(event)
        assert list(view.calls["n-1"].utterances) == ["agent-1", "agent-2"]
        assert len(view.live_calls()) == 2


async def test_of_a_long_call_a_watcher_is_told_the_end(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        await parts.ask(open_now(1), nonce="n-1")
        rows = [parts.ledger.current.add_utterance("n-1", said(each)) for each in range(250)]
        await asyncio.gather(*map(asyncio.wrap_future, rows))
        stub = oversight_pb2_grpc.OversightStub(channel)
        told = await until_live(aiter(stub.Watch(oversight.WatchRequest(history=0))))
    heard = [each.utterance.utterance for each in told if each.HasField("utterance")]
    assert [each.utterance_id for each in heard] == [f"agent-{each}" for each in range(50, 250)]


async def test_a_watcher_without_history_or_ledger_is_told_the_present(tmp_path: Path) -> None:
    async with (
        gate(tmp_path, wait_for_ledger=False) as parts,
        served(parts, tmp_path) as channel,
    ):
        stub = oversight_pb2_grpc.OversightStub(channel)
        told = await until_live(aiter(stub.Watch(oversight.WatchRequest(history=5))))
        assert [event.WhichOneof("payload") for event in told] == ["health", "live"]


async def test_a_watcher_that_goes_is_forgotten(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        call = oversight_pb2_grpc.OversightStub(channel).Watch(oversight.WatchRequest())
        await until_live(aiter(call))
        watchers = parts.floor.watchers
        call.cancel()
        await until(lambda: parts.floor.watchers == watchers - 1)


async def test_a_live_call_is_hung_up_and_no_other(tmp_path: Path) -> None:
    hung_up: list[str] = []
    async with gate(tmp_path) as parts, served(parts, tmp_path, hung_up) as channel:
        await parts.ask(open_now(3), nonce="n-1")
        stub = oversight_pb2_grpc.OversightStub(channel)
        await stub.HangUp(oversight.HangUpRequest(call_id="n-1", operator="lead"))
        assert hung_up == ["n-1"]
        parts.floor.ended("n-1")
        for call_id in ("n-1", "unknown"):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.HangUp(oversight.HangUpRequest(call_id=call_id))
            assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert hung_up == ["n-1"]


async def test_an_asterisk_that_does_not_hang_up_is_reported(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        await parts.ask(open_now(4), nonce="n-1")
        stub = oversight_pb2_grpc.OversightStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.HangUp(oversight.HangUpRequest(call_id="n-1"))
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_health_checking_tells_whether_the_gate_can_allow(tmp_path: Path) -> None:
    serving = health_pb2.HealthCheckResponse
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        parts.health.set("gate", HealthStatus.OK)
        checks = aiter(stub.Watch(health_pb2.HealthCheckRequest(service=GATE)))
        async with asyncio.timeout(5):
            while (await anext(checks)).status != serving.SERVING:
                pass
            parts.health.set("ledger", HealthStatus.DOWN, "the disk is full")
            assert (await anext(checks)).status == serving.NOT_SERVING
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=SERVICE))
        assert answer.status == serving.SERVING


async def test_reflection_names_the_service(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        stub: Any = cast(Any, reflection_pb2_grpc.ServerReflectionStub)(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        answers = aiter(stub.ServerReflectionInfo(iter([asked])))
        names = [each.name for each in (await anext(answers)).list_services_response.service]
        assert SERVICE in names
