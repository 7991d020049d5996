"""Malformed FastAGI sessions, made from real ones: no ALLOW, nothing left open, memory flat.

The server allows whatever parses, so every ALLOW here would be the parser's own. `CALLWARDEN_FUZZ`
sets how many sessions (default 1500), `CALLWARDEN_FUZZ_SEED` the seed.
"""

import asyncio
import os
import random
from collections.abc import Callable, Iterator

import pytest
import structlog

from gateway.bench.agi_caller import AllowAtOnce, session
from gateway.gate import fastagi
from gateway.gate.answer import Answer
from gateway.gate.fastagi import FastAgiServer
from policy.dialling.request import DialRequest
from tests.fuzz.flat import Flat
from tests.gate.waiting import until

HOST = "127.0.0.1"
SESSIONS = int(os.environ.get("CALLWARDEN_FUZZ", "1500"))
SEED = int(os.environ.get("CALLWARDEN_FUZZ_SEED", "20260301"))
AT_ONCE = 50

GOOD = (
    "1767225600.12-4711", "13800138000", "marketing.loan", "1001", "c-77", "1767225600.10",
    "debt=d-1", "product=p", "campaign=k", "agency=a", "party=debtor", "caller_id=95188",
)  # fmt: skip
POISON = (
    b"\x00", b"\xff\xfe", b"\xc3(", b'"', b"\\", b"\r", b"\n\n", b"\nHANGUP\n", b"\x1b[2J", b";",
    b"\nagi_arg_1: other", b'" "ALLOW:x"', b"${SHELL(id)}", b"$(id)", b"`", b"|", b"&", b"<", b"%n",
    b"\n200 result=1", b"\xe2\x80\xa8", b"{", b"=",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A line for each dropped session would bury the one that matters."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))
    yield
    structlog.reset_defaults()


Malform = Callable[[random.Random], bytes]


def _poisoned(rng: random.Random) -> bytes:
    """Something that no argument may contain, somewhere in an argument."""
    place = rng.randrange(len(GOOD))
    value = GOOD[place].encode()
    at = rng.randrange(len(value) + 1)
    bad = value[:at] + rng.choice(POISON) + value[at:]
    line = b"agi_arg_%d: " % (place + 1)
    return session(*GOOD).replace(line + value, line + bad)


def _overlong(rng: random.Random) -> bytes:
    place = rng.randrange(len(GOOD))
    long = "7" * rng.randrange(200, 5000)
    return session(*(long if each == place else GOOD[each] for each in range(len(GOOD))))


def _lacking(rng: random.Random) -> bytes:
    """An argument, or the path, is missing."""
    lines = session(*GOOD).split(b"\n")
    needed = [*(b"agi_arg_%d:" % place for place in range(1, 7)), b"agi_network_script"]
    places = [at for at, line in enumerate(lines) if line.startswith(tuple(needed))]
    del lines[rng.choice(places)]
    return b"\n".join(lines)


def _doubled(rng: random.Random) -> bytes:
    lines = session(*GOOD).split(b"\n")[:-2]
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    return b"\n".join([*lines, b"", b""])


def _cut(rng: random.Random) -> bytes:
    whole = session(*GOOD)
    return whole[: rng.randrange(len(whole))]


def _noise(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(1, 3000)) + b"\n" + session(*GOOD)


def _impatient(rng: random.Random) -> bytes:
    """Says more than it was asked for, before it was asked."""
    return session(*GOOD) + rng.choice((b"200 result=1\n", b"HANGUP\n", b"\n", b"x\n")) * 3


def _another_path(rng: random.Random) -> bytes:
    return session(*GOOD, script=rng.choice(("", "Gate", "gate/", "gate2", "../gate", "gate?x")))


MALFORM: tuple[Malform, ...] = (
    _poisoned, _poisoned, _poisoned, _overlong, _lacking, _doubled, _cut, _noise, _impatient,
    _another_path,
)  # fmt: skip


async def _hear(port: int, question: bytes) -> bytes:
    """All that the server says to `question` while each of its commands is obeyed."""
    reader, writer = await asyncio.open_connection(HOST, port)
    said = b""
    try:
        async with asyncio.timeout(5):
            writer.write(question)
            while line := await reader.readline():
                said += line
                writer.write(b"200 result=1\n")
    except ConnectionError:
        pass
    finally:
        writer.close()
    return said


@pytest.mark.parametrize("sessions", [SESSIONS, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_malformed_sessions_are_never_allowed_and_leave_nothing_open(
    monkeypatch: pytest.MonkeyPatch, sessions: int
) -> None:
    monkeypatch.setattr(fastagi, "QUESTION_S", 0.05)
    rng = random.Random(SEED)
    server = FastAgiServer(AllowAtOnce(), "CN")
    await server.start(HOST, 0)
    assert b"ALLOW" in await _hear(server.port, session(*GOOD))
    flat = Flat()
    for _ in range(sessions // AT_ONCE):
        flat.look()
        questions = [rng.choice(MALFORM)(rng) for _ in range(AT_ONCE)]
        said = await asyncio.gather(*(_hear(server.port, question) for question in questions))
        allowed = [
            question for question, heard in zip(questions, said, strict=True) if b"ALLOW" in heard
        ]
        assert not allowed, f"seed {SEED}: allowed {allowed[0]!r}"
    await until(lambda: server.open_sessions == 0)
    flat.check()
    await server.close()


async def test_flipped_bytes_never_get_another_callers_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A flipped byte may leave a question one: then the verdict bears the nonce that was sent."""
    monkeypatch.setattr(fastagi, "QUESTION_S", 0.05)
    asked: list[DialRequest] = []

    class Remembers(AllowAtOnce):
        async def decide(self, request: DialRequest) -> Answer:
            asked.append(request)
            return await super().decide(request)

    rng = random.Random(SEED)
    server = FastAgiServer(Remembers(), "CN")
    await server.start(HOST, 0)
    for _ in range(SESSIONS // AT_ONCE // 3):
        questions = [_flipped(rng) for _ in range(AT_ONCE)]
        said = await asyncio.gather(*(_hear(server.port, question) for question in questions))
        for question, heard in zip(questions, said, strict=True):
            if b"ALLOW" in heard:
                nonce = heard.rsplit(b"ALLOW:", 1)[1].rstrip(b'"\n')
                assert b"agi_arg_1: " + nonce + b"\n" in question
    for request in asked:
        values = (request.number, request.scene, request.agent, request.customer, request.linkedid)
        assert all(
            value.isprintable() and not set(value) & set("\"'\\$`;|&<>{}") for value in values
        )
    await until(lambda: server.open_sessions == 0)
    await server.close()


def _flipped(rng: random.Random) -> bytes:
    question = bytearray(session(*GOOD))
    for _ in range(rng.randrange(1, 4)):
        question[rng.randrange(len(question))] = rng.randrange(256)
    return bytes(question)
