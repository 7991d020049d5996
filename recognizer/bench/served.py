"""Owns the servers that are measured: the recognizer, and sherpa-onnx's websocket server, each as a
process of its own on a free port of loopback, with nothing held back by load.

`async with` starts and ends one. Raises click.ClickException when it does not start.
"""

import asyncio
import json
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any, Protocol, Self

import click

from callwarden.settings import Settings, Tls
from recognizer.models.model import Model

_START_LIMIT_S = 60.0
PEER = "sherpa-onnx-online-websocket-server"


class Server(Protocol):
    """What can be measured."""

    pid: int
    port: int

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...


class Served:
    """`callwarden recognizer run` with `changed` keys of its section."""

    def __init__(self, settings: Settings, model: Path, **changed: Any) -> None:
        self._settings, self._model, self._changed = settings, model, changed
        self.pid = self.port = 0

    async def __aenter__(self) -> Self:
        recognizer = self._settings.recognizer.model_copy(
            update={
                "listen": "127.0.0.1:0",
                "model": self._model,
                "most_lag_s": 0.0,
                "most_calls": 0,
                **self._changed,
            }
        )
        log = self._settings.log.model_copy(update={"level": "info", "form": "json"})
        settings = self._settings.model_copy(
            update={"recognizer": recognizer, "tls": Tls(), "log": log, "metrics": None}
        )
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as file:
            file.write(settings.model_dump_json(exclude_none=True))  # JSON is YAML
        self._config = Path(file.name)
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "callwarden.command", "recognizer", "run", "--grace", "0"),
            *("--config", file.name),
            stderr=asyncio.subprocess.PIPE,
        )
        self.pid = self._process.pid
        stderr, said = self._process.stderr, ""
        while stderr is not None and (line := await stderr.readline()):
            said += line.decode(errors="replace")
            event = json.loads(line) if line.startswith(b"{") else {}
            if event.get("event") == "recognizer serves":
                self.port = event["port"]
                self._draining = asyncio.create_task(_drain(stderr))
                return self
        await self._process.wait()
        self._config.unlink()
        raise click.ClickException(f"the recognizer did not start:\n{said}")

    async def __aexit__(self, *_: object) -> None:
        self._process.terminate()
        await self._process.wait()
        await self._draining
        self._config.unlink()


class Peer:
    """The websocket server of sherpa-onnx-bin, with as many threads that decode. It does best with
    one that reads and one core a decoder; a model of batch 1 would end it with a larger batch."""

    def __init__(self, program: Path, model: Model, threads: int, rate_hz: int) -> None:
        self._program, self._model, self._threads = program, model, threads
        self._rate_hz = rate_hz
        self.pid = self.port = 0

    async def __aenter__(self) -> Self:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        model = self._model
        self._folder = tempfile.TemporaryDirectory(prefix="callwarden-")
        self._process = await asyncio.create_subprocess_exec(
            *(str(self._program), f"--port={self.port}", f"--tokens={model.tokens}"),
            *(f"--encoder={model.encoder}", f"--decoder={model.decoder}"),
            *(f"--joiner={model.joiner}", "--max-batch-size=1", "--num-threads=1"),
            *(f"--num-work-threads={self._threads}", "--num-io-threads=1"),
            *(f"--input-sample-rate={self._rate_hz}", f"--log-file={self._folder.name}/log"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=self._folder.name,
        )
        self.pid = self._process.pid
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                while self._process.returncode is None:
                    try:
                        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    except OSError:
                        await asyncio.sleep(0.1)
                    else:
                        writer.close()
                        return self
        except TimeoutError:
            self._process.kill()
        self._folder.cleanup()
        raise click.ClickException(f"{PEER} did not start with this model")

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()
        self._folder.cleanup()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass
