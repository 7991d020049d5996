"""Owns the FastAGI servers that the gate's benchmark asks, each a process of its own."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

_READY_S: Final = 60.0
NO_ASTERISK: Final = {"ari_url": "http://127.0.0.1:9", "ami": "127.0.0.1:9"}
"""The discard port: no Asterisk is there."""


@dataclass(frozen=True)
class Served:
    """`config` is the configuration file of a gateway."""

    port: int
    pid: int
    http_port: int = 0
    oversight_port: int = 0
    config: Path | None = None


@contextlib.contextmanager
def gateway(folder: Path, **sections: Mapping[str, Any]) -> Iterator[Served]:
    """The real gateway on the ledger in `folder`, without an Asterisk to connect to; `sections`
    add to its configuration."""
    config, log = folder / "callwarden.yaml", folder / "gateway.log"
    settings = {
        "state": str(folder / "state"),
        "gate": {"listen": "127.0.0.1:0", "http": "127.0.0.1:0"},
        "oversight": {"listen": "127.0.0.1:0"},
        "media": {"listen": "127.0.0.1:0"},
        "asterisk": NO_ASTERISK,
        **sections,
    }
    config.write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "callwarden.command", "gateway", "run", "--config"]
    with log.open("w") as output:
        process = subprocess.Popen([*command, str(config)], stderr=output)
    try:
        ready = _ready(process, log)
        ports = (int(ready[part].rpartition(":")[2]) for part in ("http", "oversight", "gate"))
        http, oversight, port = ports
        yield Served(port, process.pid, http, oversight, config)
    finally:
        process.terminate()
        process.wait()


def _ready(process: "subprocess.Popen[bytes]", log: Path) -> dict[str, str]:
    """Its line with this event."""
    ends = time.monotonic() + _READY_S
    while True:
        for line in log.read_text(encoding="utf-8").splitlines():
            if '"event": "ready"' in line:
                found: dict[str, str] = json.loads(line)
                return found
        if process.poll() is not None or time.monotonic() > ends:
            raise click.ClickException(f"the gateway did not start:\n{log.read_text()}")
        time.sleep(0.05)


@contextlib.contextmanager
def at_once(port: int = 0) -> Iterator[Served]:
    """A server of the same protocol code that allows without thinking; 0 takes a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.bench.at_once", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise click.ClickException("the server to compare with did not start")
        yield Served(int(line), process.pid)
    finally:
        process.communicate()
