"""The console in a terminal of its own over a made-up gateway: what the bench reads is on the
screen, and the terminal is given back."""

import sys
import time

import pytest

from tui.bench import made_up_floor
from tui.bench.console import measure
from tui.bench.terminal import Screen, Terminal

_BOUND_S = 20.0


def test_a_stamp_says_when_it_was_made() -> None:
    at = 1_763_900_000.123
    told = made_up_floor.stamp(at)
    assert len(told) == 6
    assert abs(made_up_floor.age_s(told, at + 0.25) - 0.25) < 0.002


def test_a_screen_has_what_was_written_where_it_was_written() -> None:
    screen = Screen(20, 3)
    screen.feed("\x1b[2;3H\x1b[1;38;2;1;2;3;48;2;31;49;70m您好\x1b[0m ok\x1b]0;title\x07")
    assert screen.line(1).rstrip() == "  您好 ok"
    assert screen.ground(1, 2) == screen.ground(1, 5) == "31;49;70"
    assert not screen.ground(1, 6)
    screen.feed("\x1b[2;")
    screen.feed("8Hno\x1b[?1000l")
    assert screen.line(1).rstrip() == "  您好 no"
    screen.feed("\x1b[2J")
    assert not screen.text().strip()


def test_a_program_is_read_and_its_terminal_given_back() -> None:
    program = "print('ready', flush=True); print(input()[::-1], flush=True); input()"
    with Terminal([sys.executable, "-c", program], 80, 24) as terminal:
        for key, shown in (("", "ready"), ("abc\n", "cba")):
            terminal.press(key)
            began = time.monotonic()
            while shown not in terminal.screen.text():
                assert time.monotonic() - began < _BOUND_S
                terminal.read(0.1)
        assert terminal.running
        assert terminal.cpu_s() >= 0
    assert not terminal.running


@pytest.mark.soak
def test_a_busy_floor_is_measured() -> None:
    found = measure(40, 50, 3.0, (140, 40), lambda _: None)
    assert 0 < found.cpu < 1
    assert found.keys_ms
    assert not found.lost_keys
    assert len(found.events_ms) > 5
    assert max(found.events_ms) < 4000
