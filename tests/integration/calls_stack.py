"""A gateway and a recognizer as real processes beside a lab's Asterisk, watched over Oversight.

Used by the tests of calls. What they assert is taken from outside: events, the ledger, ARI.
"""

import asyncio
import contextlib
import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import grpc.aio
import httpx

from callwarden.settings import Tls
from callwarden.transport import channel_to
from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1 import recognition_pb2 as recognition
from callwarden.v1.oversight_pb2_grpc import OversightStub
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from deploy.lab import Lab
from deploy.lab.appliance import Appliance
from deploy.lab.calls import Outcome, PlacedCall
from policy.ledger.reader import LedgerReader

_BOUND_S = 20.0
"""For what happens within a second on a quiet machine."""
_START_S = 60.0
"""For a gateway to start, which takes two seconds there."""


class Stack:
    """One lab's gateway and, where started, recognizer. Made by `stack`."""

    def __init__(self, lab: Lab, sections: Mapping[str, Any]) -> None:
        self.lab = lab
        self._appliance = Appliance(lab, lab.write_settings(**sections))
        self.config, self.settings = self._appliance.config, self._appliance.settings
        self.events: list[oversight.Event] = []
        self.arrived: list[float] = []
        """Unix time at which each of `events` came."""
        self._channel = channel_to(self.settings.oversight.address, Tls())
        self.oversight = OversightStub(self._channel)

    def start(self, part: str, *more: str) -> subprocess.Popen[bytes]:
        """`callwarden gateway run` or `callwarden recognizer run`."""
        return self._appliance.spawn(part, *more)

    async def end(self, part: str, how: signal.Signals = signal.SIGTERM) -> None:
        await asyncio.to_thread(self._appliance.end, part, how)

    def send(self, part: str, what: signal.Signals) -> None:
        """To the part that was started last."""
        self._appliance.send(part, what)

    async def recognizer_serves(self) -> None:
        async with channel_to(self.settings.recognizer.addresses[0], Tls()) as channel:
            stub = RecognitionStub(channel)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(60):
                    while True:
                        with contextlib.suppress(grpc.aio.AioRpcError):
                            if (await stub.Describe(recognition.DescribeRequest())).workers_alive:
                                return
                        await asyncio.sleep(0.1)
        raise AssertionError(f"no recognizer:\n{self.log_of('recognizer')}")

    def log_of(self, part: str) -> str:
        """The end of its log."""
        return self._appliance.log(part)[-4000:]

    async def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`callwarden WORDS` over the same configuration, to its end."""
        return await asyncio.to_thread(self._appliance.run, *words)

    async def watch(self) -> None:
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                async for event in self.oversight.Watch(oversight.WatchRequest(history=0)):
                    self.events.append(event)
                    self.arrived.append(time.time())
            await asyncio.sleep(0.1)

    async def seen(
        self,
        wanted: Callable[[oversight.Event], bool],
        what: str,
        bound_s: float = _BOUND_S,
        since: int = 0,
    ) -> oversight.Event:
        """The first such event from the `since`th on; AssertionError when none falls in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(bound_s):
                while True:
                    for event in self.events[since:]:
                        if wanted(event):
                            return event
                    await asyncio.sleep(0.02)
        log = self.log_of("gateway")
        raise AssertionError(f"not seen within {bound_s} s: {what}\n{self._story()}\n{log}")

    def _story(self) -> str:
        """What the calls did, a line an event."""
        calls = [(each.at, each.call) for each in self.events if each.HasField("call")]
        return "\n".join(
            f"{at:.2f} {call.call_id} {call.state} {call.unheard_cause}" for at, call in calls[-25:]
        )

    async def part_is(
        self,
        part: str,
        status: "oversight.HealthStatus.ValueType",
        since: int = 0,
        bound_s: float = _START_S,
    ) -> None:
        def told(event: oversight.Event) -> bool:
            return any((each.part, each.status) == (part, status) for each in event.health.parts)

        await self.seen(told, f"{part} {status}", bound_s, since)

    async def call_is(
        self, state: "oversight.CallState.ValueType", bound_s: float = _BOUND_S, since: int = 0
    ) -> oversight.CallChanged:
        event = await self.seen(
            lambda each: each.call.state == state, f"call {state}", bound_s, since
        )
        return event.call

    async def call(self, number: str, **how: Any) -> PlacedCall:
        return await asyncio.to_thread(lambda: self.lab.call(number, **how))

    @staticmethod
    async def outcome(placed: PlacedCall, timeout_s: float = 60) -> Outcome:
        return await asyncio.to_thread(placed.wait, timeout_s)

    def reader(self) -> LedgerReader:
        return LedgerReader.open(self.settings.ledger_file, self.settings.ledger_key_file)

    def rows(self, query: str, *values: str) -> list[dict[str, Any]]:
        with contextlib.closing(sqlite3.connect(self.settings.ledger_file)) as ledger:
            ledger.row_factory = sqlite3.Row
            return [dict(row) for row in ledger.execute(query, values)]

    def write(self, statement: str) -> None:
        """Tries to change the ledger from outside."""
        with contextlib.closing(sqlite3.connect(self.settings.ledger_file)) as ledger:
            ledger.execute(statement)

    async def coverage_of(self, call_id: str) -> dict[str, dict[str, Any]]:
        """The coverage rows of an ended call by leg, once they are there; causes as a list."""
        query = "SELECT * FROM coverage WHERE call_id = ? ORDER BY seq"
        async with asyncio.timeout(15):
            while len(rows := self.rows(query, call_id)) < 2:  # noqa: ASYNC110 another process writes
                await asyncio.sleep(0.05)
        return {row["leg"]: {**row, "causes": json.loads(row["causes"])} for row in rows}

    async def in_asterisk(self, kind: str) -> list[dict[str, Any]]:
        """ARI's `channels` or `bridges`."""
        asterisk = self.settings.asterisk
        async with httpx.AsyncClient(auth=(asterisk.ari_user, asterisk.ari_password)) as client:
            answer = await client.get(f"{asterisk.ari_url}/ari/{kind}")
            answer.raise_for_status()
            return list(answer.json())

    async def nothing_left_in_asterisk(self) -> None:
        """No channel and no bridge, ours or anybody's, within 5 s."""
        async with asyncio.timeout(5):
            while await self.in_asterisk("channels") or await self.in_asterisk("bridges"):  # noqa: ASYNC110 Asterisk's
                await asyncio.sleep(0.05)

    async def close(self) -> None:
        await asyncio.to_thread(self._appliance.close)
        await self._channel.close()


@contextlib.asynccontextmanager
async def stack(lab: Lab, *, model: Path | None = None, **sections: Any) -> AsyncIterator[Stack]:
    """A gateway that knows its Asterisk and, with `model`, a recognizer that serves."""
    made = Stack(lab, sections)
    watching = asyncio.get_running_loop().create_task(made.watch())
    try:
        made.start("gateway")
        if model:
            made.start("recognizer", "--model", str(model))
            await made.recognizer_serves()
            await made.part_is("recognizer", oversight.HEALTH_STATUS_OK)
        for part in ("ledger", "rulebook", "gate", "asterisk-ari"):
            await made.part_is(part, oversight.HEALTH_STATUS_OK)
        yield made
    finally:
        watching.cancel()
        await made.close()
