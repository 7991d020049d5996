"""A gateway as it runs in production: `callwarden gateway run` in a process of its own, on ports
the system chose, read from its ready line."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "callwarden.command", "gateway", "run", "--config")


class GatewayProcess:
    """Every line it logs is kept; nothing of it is left after `with`. By default without the speech
    packs, which take over a second to read at each start."""

    def __init__(self, folder: Path, **sections: Mapping[str, Any] | str) -> None:
        settings: dict[str, Any] = {
            "state": str(folder / "state"),
            "gate": {"listen": "127.0.0.1:0"},
            "oversight": {"listen": "127.0.0.1:0"},
            "media": {"listen": "127.0.0.1:0"},
            "rules": {"speech": []},
            "asterisk": {"ari_url": "http://127.0.0.1:9", "ami": "127.0.0.1:9"},
            **sections,
        }
        self.config = folder / "callwarden.yaml"
        self.config.write_text(json.dumps(settings), encoding="utf-8")
        self.lines: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self._arrived: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def start(self, **environment: str) -> "GatewayProcess":
        self.process = subprocess.Popen(
            [*COMMAND, str(self.config)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        return self

    def __enter__(self) -> "GatewayProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reading.join()

    def logged(self, event: str, within_s: float = 45.0) -> dict[str, Any]:
        """The next line with this event. Fails when the gateway ends or none comes in time."""
        while True:
            line = self._arrived.get(timeout=within_s)
            assert line is not None, f"it ended: {self.errors}"
            if line.get("event") == event:
                return line

    def ready(self) -> dict[str, tuple[str, int]]:
        """Where it listens, by part, once it does."""
        line = self.logged("ready")
        found = {}
        for part in ("gate", "http", "oversight", "metrics"):
            host, _, port = line.get(part, "").rpartition(":")
            if port:
                found[part] = (host, int(port))
        return found

    def wait(self, within_s: float = 10.0) -> int:
        """Its exit code."""
        code = self.process.wait(within_s)
        self._reading.join()
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                parsed = json.loads(line)
            except ValueError:
                self.errors.append(line)
                continue
            self.lines.append(parsed)
            self._arrived.put(parsed)
        self._arrived.put(None)
