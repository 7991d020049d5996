"""`callwarden console` on the command line."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios

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


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_ended_from_outside_it_gives_the_terminal_back(how: signal.Signals) -> None:
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "callwarden.command", "console", "--address", "127.0.0.1:1"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(terminal)
    shown = b""
    while "退出".encode() not in shown and process.poll() is None:
        shown += os.read(controller, 65536)
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
