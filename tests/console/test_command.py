"""`callwarden console` on the command line."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner

from tui.command import console


def test_help_has_an_example() -> None:
    shown = CliRunner().invoke(console, ["--help"])
    assert shown.exit_code == 0
    assert "Examples: callwarden console --address" in shown.output


def test_an_address_that_is_none_is_a_usage_error() -> None:
    refused = CliRunner().invoke(console, ["--address", "nowhere"])
    assert refused.exit_code == 2
    assert "must be HOST:PORT" in refused.output


def test_without_a_terminal_it_says_so() -> None:
    refused = CliRunner().invoke(console, [])
    assert refused.exit_code == 2
    assert "needs a terminal" in refused.output


@pytest.fixture
def started() -> Iterator[Callable[..., tuple[int, subprocess.Popen[bytes], bytes]]]:
    """Starts a console in a terminal of its own, `before` it the words of another program: the
    terminal's controller, the process, and what was shown until the whole screen was."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*before: str) -> tuple[int, subprocess.Popen[bytes], bytes]:
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        words = [sys.executable, "-m", "callwarden.command", "console", "--address", "127.0.0.1:1"]
        process = subprocess.Popen(
            [*before, *words],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        processes.append(process)
        os.close(terminal)
        shown = b""
        while "退出".encode() not in shown and process.poll() is None:
            shown += os.read(controller, 65536)
        return controller, process, shown

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_ended_from_outside_it_gives_the_terminal_back(
    started: Callable[..., tuple[int, subprocess.Popen[bytes], bytes]], how: signal.Signals
) -> None:
    controller, process, shown = started()
    process.send_signal(how)
    try:
        while part := os.read(controller, 65536):
            shown += part
    except OSError:  # how a pty says that nobody holds its other end
        assert process.wait(10) == 0
    os.close(controller)
    entered, left = shown.rfind(b"\x1b[?1049h"), shown.rfind(b"\x1b[?1049l")
    assert 0 <= entered < left, "the alternate screen stays"
    assert shown.rfind(b"\x1b[?1000h") < shown.rfind(b"\x1b[?1000l"), "the mouse stays captured"


def test_it_ends_with_its_terminal_where_no_signal_says_so(
    started: Callable[..., tuple[int, subprocess.Popen[bytes], bytes]],
) -> None:
    controller, process, _ = started("sh", "-c", 'trap "" HUP; exec "$@"', "sh")
    assert process.poll() is None
    os.close(controller)
    assert process.wait(10) == 128 + signal.SIGHUP
