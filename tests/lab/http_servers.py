"""Owns HTTP servers for tests of the dialplan's other way to ask: one decides, others break.

Real servers, in the test's event loop, on a port that the dialplan is told.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from urllib.parse import parse_qs

from deploy.lab import Lab
from tests.lab.agi_servers import Handler, serving

TOKEN = "s3cret/+&=%, token"  # noqa: S105 - the test's own
NAMES = (
    *("nonce", "number", "scene", "agent", "customer", "linkedid"),
    *("debt", "product", "campaign", "agency", "party", "caller_id"),
)


@contextlib.asynccontextmanager
async def asked_over_http(lab: Lab, handler: Handler | None) -> AsyncIterator[None]:
    """The lab's dialplan asks `handler` (None: nobody listens) over HTTP, with `TOKEN`."""
    port = lab.addresses.gate
    lab.set_global("CALLWARDEN_GATE_URL", f"http://127.0.0.1:{port}/gate")
    lab.set_global("CALLWARDEN_GATE_TOKEN", TOKEN)
    try:
        async with serving(port, handler) if handler else contextlib.nullcontext():
            yield
    finally:
        lab.set_global("CALLWARDEN_GATE_URL", "")
        lab.set_global("CALLWARDEN_GATE_TOKEN", "")


async def question(reader: asyncio.StreamReader) -> dict[str, str]:
    """The fields of the form that was posted. AssertionError where it is none."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    request, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    assert request.startswith("POST /gate HTTP/1."), request
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    body = await reader.readexactly(int(headers["content-length"]))
    fields = parse_qs(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in fields.values())
    return {name: value for name, (value,) in fields.items()}


async def answer(
    writer: asyncio.StreamWriter, body: str | bytes, status: str = "200 OK", more: str = ""
) -> None:
    content = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n{more}\r\n"
    writer.write(head.encode() + content)
    await writer.drain()


class HttpDecider:
    """Answers every question with `verdict` and its nonce, and keeps what it was asked. Without the
    token it refuses with 403."""

    def __init__(self, verdict: str = "ALLOW", reason: str = "", cause: str = "0") -> None:
        self.verdict = verdict
        self.reason = reason
        self.cause = cause
        self.asked: list[Mapping[str, str]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fields = await question(reader)
        if fields.pop("token", "") != TOKEN:
            return await answer(writer, "no\n", "403 Forbidden")
        self.asked.append(fields)
        line = f"{self.verdict}:{fields['nonce']}|{self.reason}|{self.cause}\n"
        return await answer(writer, line)


class Says:
    """Answers what is no allowance of this call; the customer's id is a name in `answers`. In them
    `{allow}` stands for the verdict that would let it out."""

    answers: Mapping[str, tuple[str, ...]] = {
        "empty": ("",),
        "http-error": ("{allow}||0\n", "500 Internal Server Error"),
        "unavailable": ("{allow}||0\n", "503 Service Unavailable"),
        "unauthorized": ("{allow}||0\n", "401 Unauthorized"),
        "redirect": ("{allow}||0\n", "302 Found", "Location: http://127.0.0.1:9/\r\n"),
        "html": ("<html><body>{allow}||0</body></html>",),
        "html-around": ("<{allow}>||0",),
        "verdict-alone": ("{allow}\n",),
        "a-field-too-many": ("{allow}||0|\n",),
        "a-bracket": ("{allow}||0):3",),
        "two-lines": ("{allow}||0\n{allow}||0\n",),
        "blank-before": (" {allow}||0",),
        "json": ('{"verdict": "{allow}"}',),
        "other-nonce": ("ALLOW:1700000000.1-1||0\n",),
        "no-nonce": ("ALLOW:||0\n",),
        "nothing-but-bars": ("||",),
        "expression": ('" = "" | "1|x|0',),
        "half-the-nonce": ("ALLOW:17||0",),
        "lower-case": ("allow||0",),
    }

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await question(reader)
        body, *more = self.answers[asked["customer"]]
        await answer(writer, body.replace("{allow}", f"ALLOW:{asked['nonce']}"), *more)


async def half_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The beginning of an allowance, then closed."""
    nonce = (await question(reader))["nonce"]
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nALLOW:{nonce}|".encode())
    await writer.drain()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte now and then: the bound is on the whole, not on each."""
    await question(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.2)


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """No end of bytes."""
    await question(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"ALLOW:" * 1000)
        await writer.drain()
        await asyncio.sleep(0.01)
