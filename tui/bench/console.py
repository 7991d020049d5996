"""Owns `callwarden bench console`: what a busy floor costs the console, and how soon it shows.

The console runs in a terminal of its own against a made-up gateway that is another process, first
over an empty floor, then over the busy one: a real driver, a real stream, a real screen.
"""

import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.figures import Figure, percentile, report
from callwarden.settings import Settings
from tui.bench.made_up_floor import FOUND, SAID, age_s
from tui.bench.terminal import Terminal
from tui.palette import style

_STAMP = re.compile(rf"[{SAID}{FOUND}][0-9a-z]{{6}}")
_FOUND = re.compile(rf"{FOUND}[0-9a-z]{{6}}")
_UP_S = 30.0
_SETTLE_S = 2.0
_KEY_EVERY_S = 0.45
_MOST_CPU = 0.35
_MOST_KEY_MS = 100.0
_MOST_EVENT_MS = 250.0

Tick = Callable[[float], object]
"""Is told of seconds that have passed."""


@dataclass
class Measured:
    """`cpu` in cores; latencies in milliseconds."""

    cpu: float = 0.0
    keys_ms: list[float] = field(default_factory=list)
    events_ms: list[float] = field(default_factory=list)
    written_bytes: int = 0
    lost_keys: int = 0


@click.command(
    "console", epilog="Example: callwarden bench console --calls 300 --rate 100 --seconds 30"
)
@click.option("--calls", type=click.IntRange(2, 5000), default=300, show_default=True)
@click.option("--rate", type=click.FloatRange(1, 5000), default=100, show_default=True)
@click.option("--seconds", type=click.FloatRange(2, 3600), default=30, show_default=True)
@click.option("--columns", type=click.IntRange(80, 500), default=140, show_default=True)
@click.option("--rows", type=click.IntRange(24, 200), default=40, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def console(
    configured: Settings,
    *,
    calls: int,
    rate: float,
    seconds: float,
    columns: int,
    rows: int,
    as_json: bool,
) -> int:
    """Measure the console over a busy floor: CPU, key to paint, event to screen.

    Paired with an empty floor in the same run.
    """
    size = (columns, rows)
    with tqdm(total=2 * seconds, unit="s", file=sys.stderr, disable=None) as bar:
        empty = measure(0, 0, seconds, size, bar.update)
        busy = measure(calls, rate, seconds, size, bar.update)
    how = f"{calls} calls, {rate:g} events/s, {columns}×{rows}"
    figures = [
        Figure("CPU of the console", busy.cpu, "cores", _MOST_CPU, how=how),
        Figure("the same over an empty floor", empty.cpu, "cores"),
        Figure(
            "key to paint, p95",
            percentile(busy.keys_ms, 0.95),
            "ms",
            _MOST_KEY_MS,
            how=f"{len(busy.keys_ms)} keys, median {statistics.median(busy.keys_ms):.0f} ms",
        ),
        Figure("keys that nothing followed", busy.lost_keys, "", 0),
        Figure(
            "event to its place on the screen, p95",
            percentile(busy.events_ms, 0.95),
            "ms",
            _MOST_EVENT_MS,
            how=f"{len(busy.events_ms)} events, median {statistics.median(busy.events_ms):.0f} ms",
        ),
        Figure("written to the terminal", busy.written_bytes / seconds / 1024, "KiB/s"),
    ]
    return report("console", figures, as_json=as_json)


def measure(calls: int, rate: float, seconds: float, size: tuple[int, int], tick: Tick) -> Measured:
    """One run of the console. Raises ClickException where it does not come up."""
    command = [sys.executable, "-m", "tui.bench.made_up_floor", str(calls), str(rate)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as gateway,
    ):
        try:
            assert gateway.stdout is not None  # noqa: S101  # asked for with PIPE
            address = f"127.0.0.1:{int(gateway.stdout.readline())}"
            configuration = Path(folder) / "callwarden.yaml"
            configuration.write_text("locale: en\n", encoding="utf-8")
            program = [sys.executable, "-m", "callwarden.command", "console"]
            options = ["--config", str(configuration), "--address", address]
            with Terminal([*program, *options], *size) as terminal:
                _wait_until_up(terminal, calls)
                if calls:
                    terminal.press("j")  # onto the call whose words tell when they were said
                return _watch(terminal, seconds, with_keys=calls > 0, tick=tick)
        finally:
            gateway.kill()


def _wait_until_up(terminal: Terminal, calls: int) -> None:
    began = time.monotonic()
    shown = f"calls {calls}"
    while shown not in terminal.screen.text() or "● live" not in terminal.screen.text():
        terminal.read(0.2)
        if time.monotonic() - began > _UP_S or not terminal.running:
            raise click.ClickException("the console did not come up in the terminal")
    until = time.monotonic() + _SETTLE_S
    while (left_s := until - time.monotonic()) > 0:
        terminal.read(left_s)


def _watch(terminal: Terminal, seconds: float, *, with_keys: bool, tick: Tick) -> Measured:
    """Reads the screen for so long: first with the call open whose words tell when they were said,
    then, while keys move through the calls, the rows alone."""
    found, seen = Measured(), set[str]()
    chance = random.Random(7)  # noqa: S311  # no secret hangs on it
    began, cpu_s = time.time(), terminal.cpu_s()
    moving = next_key = began + seconds / 2
    pressed, under = 0.0, ""
    down = 0
    seen.update(_STAMP.findall(terminal.screen.text()))
    while (now := time.time()) < began + seconds:
        if with_keys and now >= next_key:
            found.lost_keys += pressed > 0
            under, pressed = _under_cursor(terminal), now
            step = "j" if down < 5 else "k"
            down = (down + 1) % 10
            terminal.press(step)
            next_key = now + _KEY_EVERY_S * chance.uniform(0.8, 1.2)
        at, written = terminal.read(min(0.05, max(0.0, next_key - now) if with_keys else 0.05))
        found.written_bytes += len(written)
        for each in (_FOUND if now >= moving else _STAMP).findall(written):
            late_s = age_s(each[1:], at)
            if each not in seen and late_s < at - began:
                found.events_ms.append(1000 * late_s)
            seen.add(each)
        if pressed and written and _under_cursor(terminal) not in ("", under):
            found.keys_ms.append(1000 * (at - pressed))
            pressed = 0.0
        tick(time.time() - now)
    found.cpu = (terminal.cpu_s() - cpu_s) / (time.time() - began)
    return found


def _under_cursor(terminal: Terminal) -> str:
    """The agent on the row that the cursor of the calls is on."""
    colour = style("cursor", dark=True).bgcolor
    assert colour is not None  # noqa: S101  # the role has a background
    wanted = ";".join(str(part) for part in colour.get_truecolor())
    screen = terminal.screen
    for row in range(screen.rows):
        if screen.ground(row, 3) == wanted:
            return screen.line(row)[2:12].strip()
    return ""
