"""Owns FastAGI servers for tests of the dialplan alone: one that decides, and broken ones.

Real servers on the lab's gate port, in the test's event loop.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(port: int, handler: Handler) -> AsyncIterator[None]:
    """Serves `handler` on 127.0.0.1:`port`; what still runs at the end is cancelled."""
    tasks = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            # Cancelled at the end of the test; the streams of Python 3.11 log that as an error.
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await handler(reader, writer)
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def environment(reader: asyncio.StreamReader) -> dict[str, str]:
    """The lines that Asterisk sends first, up to the empty one."""
    variables = {}
    while line := (await reader.readline()).decode().strip():
        name, _, value = line.partition(": ")
        variables[name] = value
    return variables


async def set_variables(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, **variables: str
) -> None:
    for name, value in variables.items():
        writer.write(f'SET VARIABLE CALLWARDEN_{name} "{value}"\n'.encode())
        await writer.drain()
        assert (await reader.readline()).startswith(b"200")


class Decider:
    """Answers every call with `verdict` and its nonce, and keeps what it was asked."""

    def __init__(self, verdict: str = "ALLOW", reason: str = "", cause: str = "") -> None:
        self.verdict = verdict
        self.reason = reason
        self.cause = cause
        self.asked: list[tuple[str, ...]] = []
        self.environments: list[dict[str, str]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        variables = await environment(reader)
        self.environments.append(variables)
        arguments = tuple(variables.get(f"agi_arg_{each}", "") for each in range(1, 7))
        self.asked.append(arguments)
        await set_variables(
            reader,
            writer,
            VERDICT=f"{self.verdict}:{arguments[0]}",
            REASON=self.reason,
            CAUSE=self.cause,
        )


async def closes_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes before it reads a line."""


async def half_a_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The beginning of an allowance, then nothing more."""
    variables = await environment(reader)
    nonce = variables["agi_arg_1"]
    writer.write(f'SET VARIABLE CALLWARDEN_VERDICT "ALLOW:{nonce[:-4]}'.encode())
    await writer.drain()


async def half_a_line_and_hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes without a newline, over and over."""
    await environment(reader)
    while True:
        writer.write(b"SET VARIABLE ")
        await writer.drain()
        await asyncio.sleep(0.2)


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Something else listens on the port."""
    await environment(reader)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(range(256)) * 8 + b"\n\x00\xff\n")
    await writer.drain()
    await environment(reader)


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads all, says nothing, never closes."""
    while await reader.read(4096):
        pass
    await asyncio.Event().wait()


async def other_nonce(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Allows some other call."""
    await environment(reader)
    await set_variables(reader, writer, VERDICT="ALLOW:1700000000.1-1")


async def no_nonce(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await environment(reader)
    await set_variables(reader, writer, VERDICT="ALLOW:")


async def allows_then_hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The right verdict from a server that then never closes: the helper leg cannot report it."""
    variables = await environment(reader)
    await set_variables(reader, writer, VERDICT=f"ALLOW:{variables['agi_arg_1']}")
    await asyncio.Event().wait()


async def answers_and_hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers the helper leg, which ends Dial's own bound on the wait."""
    await environment(reader)
    writer.write(b"ANSWER\n")
    await writer.drain()
    await asyncio.Event().wait()


async def expression_injection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A verdict that would make a careless comparison true."""
    await environment(reader)
    await set_variables(reader, writer, VERDICT=r"x\" = \"x\" | \"1")
