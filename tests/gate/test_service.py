"""The service Gate over real gRPC: Check, Reserve, Settle; an ALLOW only for what is on disk."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from callwarden.v1 import gate_pb2 as wire
from callwarden.v1 import gate_pb2_grpc
from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab.numbers import open_now, shut_now
from gateway.floor import CallState
from gateway.gate.service import SERVICE
from policy.ledger import LedgerReader
from policy.ruling_on_the_wire import decision_of
from tests.gate.at_the_gate import gate, served
from tests.gate.test_fail_closed import locked_by_another
from tests.gate.waiting import until

SCENE = "marketing.loan"


def reserving(number: str, nonce: str = "n-1", **call: Any) -> wire.ReserveRequest:
    return wire.ReserveRequest(nonce=nonce, call=wire.Call(number=number, scene=SCENE, **call))


def checking(number: str, at: float = 0.0, **call: Any) -> wire.CheckRequest:
    return wire.CheckRequest(call=wire.Call(number=number, scene=SCENE, **call), at=at)


async def test_a_check_says_what_the_gate_would_and_leaves_no_trace(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        stub = gate_pb2_grpc.GateStub(channel)
        for _ in range(5):
            passes = (await stub.Check(checking(open_now(1)))).ruling
        refused = (await stub.Check(checking(shut_now(1)))).ruling
        later = (await stub.Check(checking(shut_now(1), refused.earliest))).ruling
        assert parts.tally.decisions_today == 0
        with _reader(tmp_path) as reader:
            assert reader.recent_decisions(1) == []
        heard = await parts.ask(shut_now(1))
    assert passes.verdict == oversight.VERDICT_ALLOW
    assert passes.q850_cause == 0
    assert refused.verdict == oversight.VERDICT_DENY
    assert (refused.reasons[0].rule, str(refused.q850_cause)) == (
        heard.rule,
        heard.variables["CALLWARDEN_CAUSE"],
    )
    assert later.verdict == oversight.VERDICT_ALLOW
    assert decision_of(passes).rulebook.digest == refused.rulebook.digest != ""


async def test_what_is_reserved_is_in_the_ledger_on_the_floor_and_counts(tmp_path: Path) -> None:
    number = open_now(2)
    about = {"debt": "d-1", "product": "p-1", "campaign": "k", "customer": "c-1"}
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        stub = gate_pb2_grpc.GateStub(channel)
        given = await stub.Reserve(reserving(number, **about))
        assert given.ruling.verdict == oversight.VERDICT_ALLOW
        assert given.nonce == "n-1"
        with _reader(tmp_path) as reader:
            recorded = reader.decision_by_nonce("n-1")
        assert recorded is not None
        assert recorded.decision_id == given.decision_id
        call = parts.floor.call("n-1")
        assert call is not None
        assert (call.product, call.campaign, call.customer) == ("p-1", "k", "c-1")
        assert parts.counted("ALLOW", "") == 1
        for at in range(2, 6):
            last = await stub.Reserve(reserving(number, f"n-{at}"))
        assert last.ruling.verdict == oversight.VERDICT_DENY
        assert last.decision_id
        heard = await parts.ask(number, nonce="n-6")
    assert [each.rule for each in last.ruling.reasons] == [heard.rule]


async def test_a_nonce_is_reserved_once(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        stub = gate_pb2_grpc.GateStub(channel)
        await stub.Reserve(reserving(open_now(3)))
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.Reserve(reserving(open_now(4)))
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (reserving(open_now(5), ""), "nonce"),
        (reserving(open_now(5), 'n"'), "nonce"),
        (reserving(open_now(5), "n" * 129), "nonce"),
        (reserving(""), "number"),
        (reserving("anonymous"), "number"),
        (reserving(open_now(5), agent="a\nb"), "agent"),
        (reserving(open_now(5), debt='"'), "debt"),
        (reserving(open_now(5), party="friend"), "party"),
        (wire.ReserveRequest(nonce="n-1"), "number"),
    ],
)
async def test_what_is_no_question_is_an_invalid_argument(
    tmp_path: Path, request_: wire.ReserveRequest, named: str
) -> None:
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await gate_pb2_grpc.GateStub(channel).Reserve(request_)
        assert parts.counted("DENY", "gate.bad-request") == 1
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert str(raised.value.details()).startswith(named)


@pytest.mark.parametrize(
    "request_",
    [checking(""), checking(open_now(5), party="x"), checking(open_now(5), float("inf")),
     checking(open_now(5), float("nan")), checking(open_now(5), 1e300)],
)  # fmt: skip
async def test_a_check_of_nothing_is_an_invalid_argument(
    tmp_path: Path, request_: wire.CheckRequest
) -> None:
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await gate_pb2_grpc.GateStub(channel).Check(request_)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_what_cannot_be_decided_is_unavailable_and_help_is_called_all_the_same(
    tmp_path: Path,
) -> None:
    async with (
        gate(tmp_path, deadline_ms=100, ledger_patience_ms=2000) as parts,
        served(parts, tmp_path) as channel,
    ):
        stub = gate_pb2_grpc.GateStub(channel)
        with locked_by_another(tmp_path / "ledger.sqlite3"):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stub.Reserve(reserving(open_now(6)))
            help_ = await stub.Reserve(reserving("120", "n-2"))
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert str(raised.value.details()).startswith("gate.deadline")
    assert help_.ruling.verdict == oversight.VERDICT_ALLOW
    assert help_.decision_id == ""


async def test_without_a_ledger_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").mkdir()
    async with (
        gate(tmp_path, wait_for_ledger=False) as parts,
        served(parts, tmp_path) as channel,
    ):
        stub = gate_pb2_grpc.GateStub(channel)
        for asked in (
            stub.Reserve(reserving(open_now(6))),
            stub.Check(checking(open_now(6))),
            stub.Settle(wire.SettleRequest(nonce="n-1")),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await asked
            assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_settled_attempt_counts_as_what_it_was_and_leaves_the_floor(tmp_path: Path) -> None:
    number = open_now(7)
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        stub = gate_pb2_grpc.GateStub(channel)
        await stub.Reserve(reserving(number))
        settling = wire.SettleRequest(
            nonce="n-1", disposition="ANSWER", q850_cause=16, connected=True, talk_seconds=61.5
        )
        await stub.Settle(settling)
        with _reader(tmp_path) as reader:
            (attempt,) = reader.facts(number, "", datetime.now(UTC) + timedelta(1)).attempts
        call = parts.floor.call("n-1")
        unknown = await _code(stub, replaced(settling, nonce="n-2"))
        wrong = [
            await _code(stub, replaced(settling, **each))
            for each in (
                {"nonce": ""}, {"nonce": "a b"}, {"disposition": "x" * 65}, {"disposition": "a\n"},
                {"q850_cause": 128}, {"talk_seconds": -1.0}, {"talk_seconds": float("nan")},
            )
        ]  # fmt: skip
    assert (attempt.connected, attempt.talk_seconds) == (True, 61.5)
    assert call is not None
    assert (call.state, call.q850_cause) == (CallState.ENDED, 16)
    assert unknown is grpc.StatusCode.NOT_FOUND
    assert set(wrong) == {grpc.StatusCode.INVALID_ARGUMENT}


def replaced(settling: wire.SettleRequest, **changes: Any) -> wire.SettleRequest:
    other = wire.SettleRequest()
    other.CopyFrom(settling)
    for name, value in changes.items():
        setattr(other, name, value)
    return other


async def _code(stub: "gate_pb2_grpc.GateAsyncStub", settling: wire.SettleRequest) -> object:
    try:
        await stub.Settle(settling)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return None


async def test_health_is_asked_for_the_service_itself(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        asked = health_pb2.HealthCheckRequest(service=SERVICE)
        stub: Any = health_pb2_grpc.HealthStub(channel)
        said = await stub.Check(asked)
        assert said.status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert parts.health.part("gate").message == "starting"


def _reader(state: Path) -> LedgerReader:
    return LedgerReader.open(state / "ledger.sqlite3", state / "keys" / "ledger.key")


def list_of(numbers: Sequence[str], at: float = 0.0) -> wire.ScrubRequest:
    return wire.ScrubRequest(calls=[wire.Call(number=each, scene=SCENE) for each in numbers], at=at)


async def test_a_list_is_scrubbed_batch_by_batch_in_its_order(tmp_path: Path) -> None:
    batches = [
        [open_now(1), shut_now(1), "12345"],
        [],
        *([shut_now(each), open_now(each)] for each in range(20)),
    ]
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        suppressed = parts.ledger.current.suppress(
            open_now(7), source="refusal", now=datetime.now(UTC)
        )
        await asyncio.wrap_future(suppressed)
        stub = gate_pb2_grpc.GateStub(channel)
        responses = [each async for each in stub.Scrub(map(list_of, batches))]
        checked = (await stub.Check(checking(shut_now(1)))).ruling
        assert parts.tally.decisions_today == 0
    told = [
        [
            (each.verdict, [response.reasons[at].rule for at in each.reasons])
            for each in response.scrubbed
        ]
        for response in responses
    ]
    allowed: tuple[int, list[str]] = (oversight.VERDICT_ALLOW, [])
    shut = [each.rule for each in checked.reasons]
    assert told[:2] == [
        [allowed, (oversight.VERDICT_DENY, shut), (oversight.VERDICT_DENY, ["number.unparsable"])],
        [],
    ]
    assert told[2 + 6] == [(oversight.VERDICT_DENY, shut), allowed]
    assert told[2 + 7][1] == (oversight.VERDICT_DENY, ["house.refused"])
    assert len(told) == len(batches)
    assert responses[0].scrubbed[1].earliest == pytest.approx(checked.earliest)
    assert responses[0].rulebook == checked.rulebook


@pytest.mark.parametrize(
    "request_",
    [
        list_of([open_now(1)] * 5001),
        list_of([open_now(1)], float("nan")),
        wire.ScrubRequest(calls=[wire.Call(number="1", party="friend")]),
    ],
    ids=["too many", "no time", "unknown party"],
)
async def test_a_batch_that_is_none_is_an_invalid_argument(
    tmp_path: Path, request_: wire.ScrubRequest
) -> None:
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            async for _ in gate_pb2_grpc.GateStub(channel).Scrub(iter([request_])):
                pass
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_list_given_up_leaves_no_process(tmp_path: Path) -> None:
    """And the next one has its turn."""
    batch = list_of([open_now(each) for each in range(500)])
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        stub = gate_pb2_grpc.GateStub(channel)
        for _ in range(2):
            scrubbing = stub.Scrub(itertools.repeat(batch))
            assert len((await anext(aiter(scrubbing))).scrubbed) == 500
            assert _children()
            scrubbing.cancel()
            await until(lambda: not _children())
        parts.rulebook._current = None
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            async for _ in stub.Scrub(iter([batch])):
                pass
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


def _children() -> set[int]:
    return {
        int(child)
        for task in Path("/proc/self/task").iterdir()
        for child in (task / "children").read_text().split()
    }
