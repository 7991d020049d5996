"""Malformed messages to the service Gate: an error or a denial, and the gateway lives on.

The messages are real ones of calls that no rule allows now, with bytes changed; they go over a
channel that does not look at them. Whatever still parses is decided by the real gate: a changed
digit may make a number of where it is noon, and then the ledger has the reservation.
"""

import random
from pathlib import Path
from typing import Any

import grpc

from callwarden.v1 import gate_pb2 as wire
from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab.numbers import open_now, shut_now
from policy.ledger import LedgerReader
from tests.fuzz.flat import Flat
from tests.fuzz.test_fastagi_fuzz import SEED
from tests.gate.at_the_gate import gate, served
from tests.gate.test_service import reserving

MESSAGES = 600
CODES = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.UNKNOWN,  # gRPC's own, of bytes that are no message
    grpc.StatusCode.INTERNAL,  # the same, of a stream
}


def changed(rng: random.Random, message: bytes) -> bytes:
    content = bytearray(message)
    match rng.randrange(5):
        case 0:
            return bytes(content[: rng.randrange(len(content))])
        case 1:
            return rng.randbytes(rng.randrange(1, 400))
        case 2:
            return bytes(content) * rng.randrange(2, 50)
        case _:
            for _ in range(rng.randrange(1, 4)):
                content[rng.randrange(len(content))] = rng.randrange(256)
            return bytes(content)


async def test_malformed_messages_are_errors_or_decided_as_what_they_say(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    codes = set()
    allowed = []
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        flat = Flat()
        for at in range(MESSAGES):
            flat.look()
            real = reserving(shut_now(at), f"n-{at}", agent="1001", debt="d", party="debtor")
            method = rng.choice(("Reserve", "Check", "Settle"))
            call: Any = channel.unary_unary(f"/callwarden.v1.Gate/{method}")
            try:
                said = await call(changed(rng, real.SerializeToString()), timeout=10)
            except grpc.aio.AioRpcError as error:
                codes.add(error.code())
                continue
            if method == "Reserve":
                answer = wire.ReserveResponse.FromString(said)
                if answer.ruling.verdict == oversight.VERDICT_ALLOW and answer.decision_id:
                    allowed.append(answer.nonce)
        flat.check()
        assert codes <= CODES
        assert (await parts.ask(open_now(1), nonce="still-there")).allowed
        with LedgerReader.open(tmp_path / "ledger.sqlite3", tmp_path / "keys/ledger.key") as reader:
            for nonce in allowed:
                recorded = reader.decision_by_nonce(nonce)
                assert recorded is not None
                assert recorded.decision.allowed


async def test_malformed_batches_end_the_stream_alone(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    call = wire.Call(number=shut_now(1), scene="marketing.loan", party="debtor")
    batch = wire.ScrubRequest(calls=[call] * 20).SerializeToString()
    async with gate(tmp_path) as parts, served(parts, tmp_path) as channel:
        for _ in range(4):
            stream: Any = channel.stream_stream("/callwarden.v1.Gate/Scrub")
            batches = [changed(rng, batch) for _ in range(5)]
            codes = set()
            try:
                async for said in stream(iter(batches)):
                    wire.ScrubResponse.FromString(said)
            except grpc.aio.AioRpcError as error:
                codes.add(error.code())
            assert codes <= CODES
        assert (await parts.ask(open_now(1), nonce="still-there")).allowed
