"""Malformed HTTP requests, made from real ones: no ALLOW, nothing left open, memory flat.

The server allows whatever parses, as in the FastAGI fuzz, and with the same settings of it.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
import structlog

from gateway.bench.agi_caller import AllowAtOnce
from gateway.gate import http
from gateway.gate.http import HttpGateServer
from tests.fuzz.flat import Flat
from tests.fuzz.test_fastagi_fuzz import AT_ONCE, GOOD, HOST, SEED, SESSIONS
from tests.gate.waiting import until

NAMES = ("nonce", "number", "scene", "agent", "customer", "linkedid")
FIELDS = [
    *zip(NAMES, GOOD, strict=False),
    *((name, value) for name, _, value in (each.partition("=") for each in GOOD[6:])),
]
POISON = (
    "%00", "%0a", "%0d%0aX: y", "%22", "%27", "%5c", "%7c", "%24%7bSHELL(id)%7d", "%ff", "%c3%28",
    "%3b", "%60", "%3c", "%e2%80%a8", "&nonce=other", "&x=1", "&number", "%zz%00", "+%0d+",
)  # fmt: skip
Malform = Callable[[random.Random], bytes]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))
    yield
    structlog.reset_defaults()


def form(fields: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields)


def post(body: bytes, path: bytes = b"/gate") -> bytes:
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    return b"POST %s HTTP/1.1\r\nHost: x\r\nUser-Agent: asterisk\r\n" % path + length + body


def get(query: bytes, path: bytes = b"/gate") -> bytes:
    return b"GET %s?%s HTTP/1.1\r\nHost: x\r\nUser-Agent: asterisk\r\n\r\n" % (path, query)


def _sent(rng: random.Random, words: str) -> bytes:
    return rng.choice((post, get))(words.encode("utf-8", "surrogateescape"))


def _poisoned(rng: random.Random) -> bytes:
    place = rng.randrange(len(FIELDS))
    words = [f"{name}={quote(value, safe='')}" for name, value in FIELDS]
    words[place] += rng.choice(POISON)
    return _sent(rng, "&".join(words))


def _overlong(rng: random.Random) -> bytes:
    place = rng.randrange(len(FIELDS))
    long = "7" * rng.randrange(200, 12_000)
    return _sent(rng, form([(n, long if at == place else v) for at, (n, v) in enumerate(FIELDS)]))


def _lacking(rng: random.Random) -> bytes:
    fields = [each for each in FIELDS if each[0] != rng.choice(("nonce", "number"))]
    return _sent(rng, form(fields[: rng.randrange(1, 3)] + fields[3:]).replace("number=", "numbr="))


def _doubled(rng: random.Random) -> bytes:
    return _sent(rng, form([*FIELDS, rng.choice(FIELDS)]))


def _cut(rng: random.Random) -> bytes:
    whole = rng.choice((post, get))(form(FIELDS).encode())
    return whole[: rng.randrange(len(whole) - 1)]


def _noise(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(1, 3000)) + post(form(FIELDS).encode())


def _two_at_once(rng: random.Random) -> bytes:
    return rng.choice((post, get))(form(FIELDS).encode()) * rng.randrange(2, 4)


def _another_path(rng: random.Random) -> bytes:
    path = rng.choice((b"/", b"/Gate", b"/gate/", b"//gate", b"/../gate", b"/gate%00", b"*"))
    return rng.choice((post, get))(form(FIELDS).encode(), path)


def _smuggled(rng: random.Random) -> bytes:
    """Lengths that disagree, header lines that are none."""
    body = form(FIELDS).encode()
    head = rng.choice(
        (
            b"Content-Length: %d\r\nContent-Length: %d\r\n" % (len(body), len(body) - 1),
            b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(body),
            b"Content-Length: -1\r\n",
            b"Content-Length: 0x10\r\n",
            b"Transfer-Encoding: gzip\r\n",
            b"Content-Length : %d\r\n" % len(body),
            b": nameless\r\nContent-Length: %d\r\n" % len(body),
            b"X: \x00\r\nContent-Length: %d\r\n" % len(body),
        )
    )
    return b"POST /gate HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n" + body


MALFORM: tuple[Malform, ...] = (
    _poisoned, _poisoned, _poisoned, _overlong, _lacking, _doubled, _cut, _noise, _two_at_once,
    _another_path, _smuggled,
)  # fmt: skip


async def _hear(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        async with asyncio.timeout(5):
            writer.write(request)
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("requests", [SESSIONS, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_malformed_requests_are_never_allowed_and_leave_nothing_open(
    monkeypatch: pytest.MonkeyPatch, requests: int
) -> None:
    monkeypatch.setattr(http, "QUESTION_S", 0.05)
    rng = random.Random(SEED)
    server = HttpGateServer(AllowAtOnce(), "CN")
    await server.start(HOST, 0)
    good = form(FIELDS).encode()
    for request in (get(good), post(good)):
        assert b"ALLOW" in await _hear(server.port, request)
    flat = Flat()
    for _ in range(requests // AT_ONCE):
        flat.look()
        sent = [rng.choice(MALFORM)(rng) for _ in range(AT_ONCE)]
        said = await asyncio.gather(*(_hear(server.port, each) for each in sent))
        allowed = [each for each, heard in zip(sent, said, strict=True) if b"ALLOW" in heard]
        assert not allowed, f"seed {SEED}: allowed {allowed[0]!r}"
    await until(lambda: server.open_sessions == 0)
    flat.check()
    await server.close()


async def test_flipped_bytes_never_get_another_callers_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A flipped byte may leave a request one: then the verdict bears the nonce that was sent."""
    monkeypatch.setattr(http, "QUESTION_S", 0.05)
    rng = random.Random(SEED)
    server = HttpGateServer(AllowAtOnce(), "CN")
    await server.start(HOST, 0)
    for _ in range(SESSIONS // AT_ONCE // 3):
        sent = []
        for _ in range(AT_ONCE):
            request = bytearray(rng.choice((post, get))(form(FIELDS).encode()))
            for _ in range(rng.randrange(1, 4)):
                request[rng.randrange(len(request))] = rng.randrange(256)
            sent.append(bytes(request))
        said = await asyncio.gather(*(_hear(server.port, each) for each in sent))
        for request_, heard in zip(sent, said, strict=True):
            if b"ALLOW:" in heard:
                nonce = heard.rsplit(b"ALLOW:", 1)[1].partition(b"|")[0]
                assert b"nonce=" + nonce in request_ or b"%" in request_
    await until(lambda: server.open_sessions == 0)
    await server.close()
