"""Owns a plain AMI client for tests: what a dialler does, and the events that it sees."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from deploy.lab import Lab

Message = dict[str, str]


class Ami:
    """One login; `events` fills while it lasts."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.events: list[Message] = []

    async def send(self, action: str, **headers: str | list[str]) -> None:
        lines = [f"Action: {action}"]
        for name, value in headers.items():
            values = [value] if isinstance(value, str) else value
            lines += [f"{name}: {each}" for each in values]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self._writer.drain()

    async def originate(self, channel: str, *variables: str, **headers: str) -> None:
        """Without waiting for its outcome; once answered it waits for the other's hang-up."""
        await self.send(
            "Originate",
            Channel=channel,
            Application="Wait",
            Data="20",
            Async="true",
            Timeout="15000",
            Variable=list(variables),
            **headers,
        )

    async def seen(self, event: str, **wanted: str) -> Message:
        """The first such event; the values are what its headers begin with. TimeoutError: none
        within 10 s."""
        async with asyncio.timeout(10):
            while True:
                for each in self.events:
                    if each.get("Event") == event and all(
                        each.get(name, "").startswith(start) for name, start in wanted.items()
                    ):
                        return each
                await asyncio.sleep(0.02)

    async def read(self) -> None:
        message: Message = {}
        while line := (await self._reader.readline()).decode(errors="replace"):
            name, colon, value = line.strip().partition(": ")
            if colon or name.endswith(":"):
                message[name.rstrip(":")] = value
            elif not name and message:
                self.events.append(message)
                message = {}


@contextlib.asynccontextmanager
async def logged_in(lab: Lab) -> AsyncIterator[Ami]:
    reader, writer = await asyncio.open_connection("127.0.0.1", lab.addresses.ami)
    ami = Ami(reader, writer)
    reading = asyncio.get_running_loop().create_task(ami.read())
    try:
        await ami.send("Login", Username="callwarden", Secret=lab.addresses.secret)
        await ami.seen("FullyBooted")
        yield ami
    finally:
        reading.cancel()
        writer.close()
