"""Owns a terminal for a program that is measured: a pty whose other end is read by nobody but us,
with what is on its screen.

Made by `callwarden bench console` and by the test of the console in a terminal. It understands what
Textual writes (cursor addressing, colours, text) and no more.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.cells import cell_len

_CONTROL = re.compile(
    r"\x1b\[([?>=<]?)([\d;:]*)([ -/]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\"
    r"|\x1b[@-Z\\^_=>78]|[\x00-\x1a\x1c-\x1f]"
)
_TAIL = re.compile(r"\x1b[^a-zA-Z@~]*$")
"""A control sequence that the next read completes."""


class Screen:
    """Text and background colour (as its SGR parameters, empty for none) of each cell."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._text = [[" "] * columns for _ in range(rows)]
        self._ground = [[""] * columns for _ in range(rows)]
        self._row = self._column = 0
        self._colour = ""
        self._rest = ""

    def line(self, row: int) -> str:
        return "".join(self._text[row])

    def text(self) -> str:
        return "\n".join(self.line(row) for row in range(self.rows))

    def ground(self, row: int, column: int) -> str:
        return self._ground[row][column]

    def feed(self, written: str) -> None:
        """Takes what the program wrote."""
        written = self._rest + written
        broken = _TAIL.search(written)
        self._rest = written[broken.start() :] if broken else ""
        written = written[: broken.start()] if broken else written
        at = 0
        for control in _CONTROL.finditer(written):
            self._put(written[at : control.start()])
            at = control.end()
            self._obey(control)
        self._put(written[at:])

    def _obey(self, control: re.Match[str]) -> None:
        kind, numbers = control[4], control[2] or ""
        if control[0] == "\n":
            self._row = min(self._row + 1, self.rows - 1)
        elif control[0] == "\r":
            self._column = 0
        elif kind == "m" and not control[1]:
            self._dye(numbers)
        elif kind == "H":
            row, _, column = numbers.partition(";")
            self._row = min(int(row or 1), self.rows) - 1
            self._column = min(int(column or 1), self.columns) - 1
        elif kind == "J":
            for line in self._text:
                line[:] = [" "] * self.columns

    def _dye(self, numbers: str) -> None:
        parts = numbers.split(";")
        if parts[0] in ("", "0"):
            self._colour = ""
        if "48" in parts:
            at = parts.index("48")
            self._colour = ";".join(parts[at + 2 : at + 5])

    def _put(self, text: str) -> None:
        for letter in text:
            cells = cell_len(letter)
            if not cells or self._column + cells > self.columns:
                continue
            line, ground = self._text[self._row], self._ground[self._row]
            line[self._column], ground[self._column] = letter, self._colour
            if cells == 2:  # the second cell of a wide character
                line[self._column + 1], ground[self._column + 1] = "", self._colour
            self._column += cells


class Terminal:
    """A program in a terminal of its own; use it in `with`."""

    def __init__(
        self,
        command: Sequence[str],
        columns: int,
        rows: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.screen = Screen(columns, rows)
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        colours = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, **colours, **(environment or {})},
            start_new_session=True,
        )
        os.close(theirs)
        self._undecoded = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def press(self, key: str) -> None:
        os.write(self._ours, key.encode())

    def read(self, patience_s: float) -> tuple[float, str]:
        """What the program wrote, waiting for it at most so long, and when it was there (seconds
        since 1970 UTC); empty where it wrote nothing."""
        ready, _, _ = select.select([self._ours], [], [], patience_s)
        if not ready:
            return time.time(), ""
        try:
            written = os.read(self._ours, 1 << 20)
        except OSError:  # the program has gone
            return time.time(), ""
        at = time.time()
        written, self._undecoded = self._undecoded + written, b""
        try:
            text = written.decode()
        except UnicodeDecodeError as error:
            text, self._undecoded = written[: error.start].decode(), written[error.start :]
        self.screen.feed(text)
        return at, text

    def cpu_s(self) -> float:
        """Processor seconds the program has used, all its threads together."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        while self.running and time.monotonic() - began < 5:
            self.read(0.1)  # it waits for its last words to be read
        self._process.kill()
        self._process.wait()
        os.close(self._ours)
