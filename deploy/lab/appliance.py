"""Owns the appliance over a lab: the gateway and the recognizer as they run in production, each a
process of the command `callwarden`, over one configuration file.

Called by the demo, the benchmarks and the integration tests. Both end with the lab at the latest.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc

from callwarden import settings
from callwarden.v1 import recognition_pb2 as recognition
from callwarden.v1 import recognition_pb2_grpc as recognition_grpc
from deploy.lab.lab import Lab
from deploy.lab.rootfs import LabError

_READY_S = 30.0


class Appliance:
    """Gateway and recognizer over one lab; a test may kill either."""

    def __init__(self, lab: Lab, config: Path) -> None:
        self.lab = lab
        self.config = config
        self.settings = settings.load(config)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @classmethod
    def start(
        cls, lab: Lab, *, recognizer: bool = True, **sections: Mapping[str, Any] | str | None
    ) -> "Appliance":
        """Both running and ready; `sections` change the configuration. Raises LabError."""
        appliance = cls(lab, lab.write_settings(**sections))
        if recognizer:
            appliance.start_recognizer()
        appliance.start_gateway()
        return appliance

    @property
    def gateway(self) -> subprocess.Popen[bytes]:
        """The gateway that was started last."""
        return self._processes["gateway"]

    @property
    def recognizer(self) -> subprocess.Popen[bytes]:
        """The recognizer that was started last."""
        return self._processes["recognizer"]

    def start_gateway(self) -> None:
        self.spawn("gateway")
        self._wait_until_served("gateway", self.settings.oversight.address)

    def start_recognizer(self) -> None:
        """Serves even without a model: calls are then not analysed, and say so."""
        self.spawn("recognizer")
        self._wait_until_served("recognizer", self.settings.recognizer.addresses[0])

    def spawn(self, part: str, *more: str) -> subprocess.Popen[bytes]:
        """`callwarden gateway run` or `recognizer run`; does not wait until it serves."""
        words = [*_COMMAND, part, "run", *more, "--config", str(self.config)]
        process = self._processes[part] = self.lab.spawn(words, f"{part}.log")
        return process

    def send(self, part: str, what: signal.Signals) -> None:
        """To a part that runs."""
        self._processes[part].send_signal(what)

    def end(self, part: str, how: signal.Signals = signal.SIGTERM) -> None:
        """Sends the signal and waits until it is over, 20 s at most."""
        process = self._processes.pop(part)
        process.send_signal(how)
        process.wait(20)

    def close(self) -> None:
        """Ends what still runs."""
        for part in tuple(self._processes):
            self.end(part)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`callwarden WORDS` over the same configuration, to its end."""
        return subprocess.run(
            [*_COMMAND, *words, "--config", str(self.config)],
            capture_output=True,
            text=True,
            check=False,
        )

    def describe_recognizer(self) -> recognition.DescribeResponse:
        """What the recognizer says of itself: its model, or what is missing."""
        with _channel(self.settings.recognizer.addresses[0]) as channel:
            stub = recognition_grpc.RecognitionStub(channel)
            return stub.Describe(recognition.DescribeRequest(), timeout=5)

    def log(self, part: str) -> str:
        """What `gateway` or `recognizer` has logged."""
        return (self.lab.folder / f"{part}.log").read_text(encoding="utf-8", errors="replace")

    def _wait_until_served(self, part: str, address: str) -> None:
        deadline = time.monotonic() + _READY_S
        with _channel(address) as channel:
            served = grpc.channel_ready_future(channel)
            while True:
                try:
                    served.result(timeout=0.5)
                    return
                except grpc.FutureTimeoutError:
                    over = self._processes[part].poll() is not None
                    if over or time.monotonic() > deadline:
                        raise LabError(f"the {part} did not start:\n{self.log(part)}") from None


def _channel(address: str) -> grpc.Channel:
    return grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])


_COMMAND = (sys.executable, "-m", "callwarden.command")
