"""Owns running sipp and reading what it said and heard, from its own message log.

Called by `calls` and `load`. The log is the evidence of what reached a carrier: an INVITE that is
not in it was not received, provided that the carrier's socket was empty when it was read.
"""

import itertools
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from deploy.lab import process
from deploy.lab.ports import PortBlock
from deploy.lab.rootfs import LabError

_STAMP = re.compile(
    r"^-{20,} (\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+)[^\n]*\n"
    r"\w+ message (sent|received)[^\n]*\n\n?",
    re.M,
)


@dataclass(frozen=True)
class Message:
    """One SIP message. `at` is local wall-clock time, without a zone, as sipp writes it."""

    at: datetime
    sent: bool
    text: str

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0].strip()

    @property
    def method(self) -> str:
        """INVITE, BYE… of a request; empty for a response."""
        return "" if self.status else self.first_line.partition(" ")[0]

    @property
    def status(self) -> int:
        """Of a response; 0 for a request."""
        found = re.match(r"SIP/2\.0 (\d{3})", self.first_line)
        return int(found.group(1)) if found else 0

    @property
    def user(self) -> str:
        """User part of a request's URI, decoded: the number."""
        found = re.match(r"\w+ sips?:([^@\s]*)@", self.first_line)
        return unquote(found.group(1)) if found else ""

    @property
    def q850_cause(self) -> int | None:
        found = re.search(r"^Reason:\s*Q\.850;\s*cause=(\d+)", self.text, re.M | re.I)
        return int(found.group(1)) if found else None

    def header(self, name: str) -> str:
        found = re.search(rf"^{re.escape(name)}:[ \t]*([^\r\n]*)", self.text, re.M | re.I)
        return found.group(1).strip() if found else ""

    @property
    def transaction(self) -> tuple[str, str]:
        """Call-ID and CSeq: the same in a message that is sent again and in what answers it."""
        return self.header("Call-ID"), self.header("CSeq")


class Sipp:
    """One sipp process on ports of its own, or from `port` on. Its files lie in `folder`, named by
    `name`."""

    def __init__(
        self,
        scenario: str,
        *arguments: str,
        name: str,
        folder: Path,
        ports: PortBlock,
        process_group: int,
        port: int | None = None,
    ) -> None:
        self._ports: PortBlock | None = ports if port is None else None
        self.port = ports.take_phone() if port is None else port
        self.log = folder / f"{name}.log"
        self._errors = folder / f"{name}.errors"
        self._said = (self._errors, folder / f"{name}.screen")
        scenario_file = folder / f"{name}.xml"
        scenario_file.write_text(scenario, encoding="utf-8")
        process.hand_over(scenario_file)
        control, media, last = self.port + 1, self.port + 2, self.port + 7
        with (folder / f"{name}.screen").open("wb") as screen:
            self._process = process.start(
                [
                    "sipp", "-sf", str(scenario_file), "-nostdin",
                    "-i", "127.0.0.1", "-p", str(self.port), "-bind_local",
                    "-ci", "127.0.0.1", "-cp", str(control),
                    "-mi", "127.0.0.1", *_media_ports(media, last),
                    "-trace_msg", "-message_file", str(self.log),
                    "-trace_err", "-error_file", str(self._errors),
                    *arguments,
                ],
                output=screen,
                cwd=folder,
                process_group=process_group,
            )  # fmt: skip

    def wait_listening(self) -> None:
        """Returns when it takes messages on its port."""
        deadline = time.monotonic() + 5
        while _udp_queue(self.port) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"sipp did not start: {self.problems()}")
            time.sleep(0.005)

    def send(self, text: str) -> None:
        """A SIP message from nowhere, for a scenario that waits for one."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(text.replace("\n", "\r\n").encode(), ("127.0.0.1", self.port))

    def wait(self, timeout_s: float) -> int:
        """Its exit code. Raises TimeoutError when it still runs after `timeout_s`."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"sipp still runs after {timeout_s:.1f} s") from None

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def drain(self) -> None:
        """Returns when nothing waits in its socket, so that its log is complete but for what it
        is writing this moment."""
        deadline = time.monotonic() + 2
        while _udp_queue(self.port) and time.monotonic() < deadline:
            time.sleep(0.005)

    def stop(self) -> None:
        """Ends it, with all that it received in its log, and gives its ports back."""
        if self._process.poll() is None:
            self.drain()
            self._process.terminate()
            try:
                self._process.wait(1)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._ports is not None:
            self._ports.give_phone_back(self.port)
            self._ports = None

    def messages(self) -> list[Message]:
        """All messages so far, in order."""
        try:
            return list(read(self.log.read_text(encoding="utf-8", errors="replace")))
        except FileNotFoundError:
            return []

    def problems(self) -> str:
        """What sipp complained of, and how it ended if it has."""
        said = [each.read_text(errors="replace")[-1000:] for each in self._said if each.exists()]
        return f"{''.join(said) or '(no message)'} (exit code {self._process.poll()})"


class Phones:
    """Where a lab's sipps are started: in its folder, on its ports, in its process group."""

    def __init__(self, folder: Path, ports: PortBlock, process_group: int) -> None:
        self.folder = folder
        self._ports = ports
        self._process_group = process_group
        self._names = itertools.count(1)

    def next_name(self) -> str:
        return f"call{next(self._names)}"

    def start(self, scenario: str, *arguments: str, name: str, port: int | None = None) -> Sipp:
        return Sipp(
            scenario,
            *arguments,
            name=name,
            folder=self.folder,
            ports=self._ports,
            process_group=self._process_group,
            port=port,
        )


def read(log: str) -> Iterator[Message]:
    """The messages of a log that sipp wrote with -trace_msg."""
    stamps = list(_STAMP.finditer(log))
    ends = [*(each.start() for each in stamps), len(log)][1:]
    for stamp, end in zip(stamps, ends, strict=True):
        at = datetime.fromisoformat(stamp.group(1)[:26])
        yield Message(at, stamp.group(2) == "sent", log[stamp.end() : end])


@cache
def _media_ports(first: int, last: int) -> tuple[str, ...]:
    usage = subprocess.run(["sipp", "-h"], capture_output=True, text=True, check=False)
    if "-min_rtp_port" in usage.stdout + usage.stderr:  # 3.7; before, streams count up from -mp
        return "-mp", str(first), "-min_rtp_port", str(first), "-max_rtp_port", str(last)
    return "-mp", str(first)


def _udp_queue(port: int) -> int | None:
    """Bytes waiting in the socket on 127.0.0.1:`port`; None where there is no socket."""
    local = f"0100007F:{port:04X}"
    for line in Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1] == local:
            return int(fields[4].partition(":")[2], 16)
    return None
