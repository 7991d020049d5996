"""Recognizers as real processes with the real model, and calls that a gateway sends to them.

Used by the tests of a fleet. A call is fed as it was spoken, or some times faster; what came of it
is compared with what its truth says was to be found.
"""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio

from callwarden.settings import Settings
from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import recognition_pb2 as recognition
from gateway.floor import Floor
from gateway.health import Health
from gateway.judging import Digests, Judging
from gateway.listening import Listening
from gateway.metrics import Metrics
from gateway.recognizer_link import RecognizerLink
from gateway.recognizers import Recognizers
from policy.on_the_wire import LEG_OF
from policy.speech.utterance import Leg
from recognizer import recordings
from recognizer.footprint import footprint

_START_S = 60.0
_ROUNDING_S = 0.3
"""A recognizer counts in steps."""


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@dataclass
class Told:
    """What a call was told, with the time of each: the Outlet of a test."""

    utterances: list[conversation.Utterance] = field(default_factory=list)
    findings: list[tuple[float, conversation.Finding]] = field(default_factory=list)

    def heard(self, utterance: conversation.Utterance) -> None:
        self.utterances.append(utterance)

    def found(self, finding: conversation.Finding) -> None:
        self.findings.append((time.monotonic(), finding))

    def looked(self, look: conversation.SecondLook) -> None:
        """Not looked at."""

    def owed(self, duties: Sequence[conversation.Duty]) -> None:
        """Not looked at."""

    def changed(self) -> None:
        """Looked at through the coverage."""

    @property
    def finals(self) -> list[str]:
        return [each.utterance_id for each in self.utterances if each.final]

    @property
    def certain(self) -> list[tuple[str, Leg]]:
        """Rule and leg of each finding that stands, in order."""
        last = {each.finding_id: each for _, each in self.findings}
        kept = [
            each for each in last.values() if each.status == conversation.FINDING_STATUS_CERTAIN
        ]
        return sorted(((each.rule, LEG_OF[each.leg]) for each in kept), key=str)

    @property
    def tellings(self) -> list[tuple[str, int]]:
        """Each telling of a finding that is certain: twice the same is one too many."""
        certain = conversation.FINDING_STATUS_CERTAIN
        return [
            (each.finding_id, round(each.start_s * 1000))
            for _, each in self.findings
            if each.status == certain
        ]


@dataclass
class Placed:
    """A call that was fed to its end."""

    call: recordings.Recording
    told: Told
    coverage: dict[Leg, conversation.LegCoverage]
    expected: list[tuple[str, Leg]]

    @property
    def lost(self) -> list[str]:
        """Findings that were to come and are not there, with what of the call was not analysed."""
        kept = [each for each in self.expected if each not in self.told.certain]
        missed = [
            f"{leg.value} {of.received_s - of.analysed_s:.1f} s {list(of.causes)}"
            for leg, of in self.coverage.items()
            if of.received_s - of.analysed_s >= _ROUNDING_S
        ]
        return [f"{self.call.id}: {rule} of {leg.value}, {missed}" for rule, leg in kept]

    def is_whole(self) -> None:
        """Every finding is there, once; every second is analysed, once."""
        assert self.told.certain == self.expected, self.call.id
        assert len(self.told.tellings) == len(set(self.told.tellings)), self.call.id
        assert len(self.told.finals) == len(set(self.told.finals)), self.call.id
        for leg in self.coverage.values():
            assert abs(leg.received_s - self.call.seconds) < 0.05, (self.call.id, leg)
            assert leg.received_s - leg.analysed_s < _ROUNDING_S, (self.call.id, leg)


class Fleet:
    """Made by `fleet`."""

    def __init__(self, folder: Path, model: Path, ports: Sequence[int], **recognizer: Any) -> None:
        self._folder, self._model, self.ports = folder, model, ports
        self._settings = recognizer
        addresses = [f"127.0.0.1:{each}" for each in ports]
        self.settings = Settings.model_validate({"recognizer": {"address": addresses}})
        self.health = Health(Floor())
        judging = Judging(Digests, Path("none"), Path("none"))
        self.metrics = Metrics()
        self.recognizers = Recognizers(self.settings, self.health, judging, self.metrics)
        self.told: list[Told] = []
        """Of each call that was placed."""
        self.processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, port: int) -> None:
        """`callwarden recognizer run`; `serves` waits for it."""
        config = self._folder / f"{port}.yaml"
        recognizer = {"listen": f"127.0.0.1:{port}", "most_lag_s": 0, **self._settings}
        config.write_text(json.dumps({"recognizer": recognizer}))
        words = [sys.executable, "-m", "callwarden.command", "recognizer", "run"]
        with (self._folder / f"{port}.log").open("ab") as log:
            self.processes[port] = subprocess.Popen(
                [*words, "--config", str(config), "--model", str(self._model)], stderr=log
            )

    def send(self, port: int, what: signal.Signals) -> None:
        self.processes[port].send_signal(what)

    async def ended(self, port: int) -> int:
        return await asyncio.to_thread(self.processes[port].wait, _START_S)

    async def serves(self, *ports: int) -> None:
        """By its own word, and known to the gateway."""
        for port in ports:
            link = self.link(port)
            async with asyncio.timeout(_START_S):
                while True:
                    with contextlib.suppress(grpc.aio.AioRpcError):
                        if (await link.stub.Describe(recognition.DescribeRequest())).workers_alive:
                            break
                    await asyncio.sleep(0.1)
            await link.look()

    def link(self, port: int) -> RecognizerLink:
        return self.recognizers.link(f"127.0.0.1:{port}")

    def moved(self) -> float:
        return self.metrics.registry.get_sample_value("callwarden_calls_moved_total") or 0.0

    def cpu_s(self) -> float:
        """Of the recognizers that run, their workers, and this process, which is the gateway."""
        running = [footprint(each.pid) for each in self.processes.values()]
        return time.process_time() + sum(each.parent_cpu_s + each.workers_cpu_s for each in running)

    async def place(self, folder: Path, speed: float) -> Placed:
        """One call, `speed` times as fast as it was spoken."""
        call = recordings.open_recording(folder, None, "left")
        truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        expected = sorted(((each["rule"], Leg(each["leg"])) for each in truth["expect"]), key=str)
        told = Told()
        self.told.append(told)
        listening = Listening(call.id, call.scene, self.recognizers, told, message_ms=100)
        running = asyncio.create_task(listening.run())
        began = time.monotonic()
        for leg, first_sample, pcm in call.blocks(0.02):
            spoken_s = first_sample / call.rate_hz + len(pcm) / 2 / call.rate_hz
            ahead_s = began + spoken_s / speed - time.monotonic()
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)
            listening.hear(leg, first_sample, pcm)
        await listening.end(call.seconds, running)
        return Placed(call, told, listening.coverage(call.seconds), expected)

    def log(self, port: int) -> str:
        return (self._folder / f"{port}.log").read_text()


@contextlib.asynccontextmanager
async def fleet(
    folder: Path, model: Path, count: int = 2, **recognizer: Any
) -> AsyncIterator[Fleet]:
    """So many recognizers that serve, and a gateway's links to them."""
    made = Fleet(folder, model, free_ports(count), **recognizer)
    watching = asyncio.create_task(made.recognizers.watch())
    try:
        for port in made.ports:
            made.start(port)
        await made.serves(*made.ports)
        yield made
    finally:
        watching.cancel()
        await asyncio.wait({watching})
        await made.recognizers.close()
        for process in made.processes.values():
            process.kill()
            process.wait()
