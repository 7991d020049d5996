"""The README's recording: half a minute of the demo as one animated SVG, the same on every run.

`python -m tests.console.recording` writes `docs/images/console-demo.svg`. Each different row of the
screen is drawn once; a frame is a list of rows, and the frames are a film strip that CSS moves.
"""

import asyncio
import html
import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.pilot import Pilot

from tui import recording
from tui.app import Console
from tui.demo import Demo
from tui.palette import DARK

FILM: Final = Path(__file__).resolve().parents[2] / "docs/images/console-demo.svg"
SIZE: Final = (112, 32)
_CELL, _LINE, _FONT_PX = 7.8, 17, 13
_BEGINS_S: Final = 1512.0
"""In the recorded hour: a recognizer has just gone away."""
_PLAYS_AT: Final = 2.0
_MOST_LAYOUTS: Final = 10
SCENES: Final[tuple[tuple[str, float, float], ...]] = (
    ("", 7.0, 0.5),
    ("enter", 6.0, 0.5),
    ("escape", 0.5, 0.5),
    ("5", 2.5, 1.25),
    ("i", 2.0, 2.0),
    ("escape", 0.5, 0.5),
    ("2", 3.0, 1.0),
    ("6", 2.5, 1.25),
    ("l", 2.5, 1.25),
    ("1", 2.0, 1.0),
    ("t", 1.5, 0.75),
)
"""A key, how long what it opens stays, and how often a frame is taken, in seconds."""

Row = tuple[Segment, ...]


async def frames() -> list[tuple[float, list[Row]]]:
    """Each frame's rows and how long it stays."""
    now_s = 0.0
    demo = Demo(recording.read(), speed=_PLAYS_AT, ticking=lambda: now_s)
    now_s = _BEGINS_S / _PLAYS_AT
    app = Console(
        demo,
        locale="zh",
        operator="demo",
        address="hour",
        clock=demo.clock,
        zone=recording.ZONE,
        demo_speed=_PLAYS_AT,
    )
    taken: list[tuple[float, list[Row]]] = []
    async with app.run_test(size=SIZE) as pilot:
        await _settled(app, pilot)
        for key, lasts_s, every_s in SCENES:
            if key:
                await pilot.press(key)
            for _ in range(round(lasts_s / every_s)):
                await _settled(app, pilot)
                taken.append((every_s, _rows(app)))
                now_s += every_s
    return taken


async def _settled(app: Console, pilot: Pilot[object]) -> None:
    """Laid out anew until it stays as it is: where the rows end decides whether there is a bar."""
    before: list[Row] = []
    for _ in range(_MOST_LAYOUTS):
        app.drain()
        app._tick()
        await pilot.pause()
        if (shown := _rows(app)) == before:
            return
        before = shown


def _rows(app: Console) -> list[Row]:
    strips = app.screen._compositor.render_strips()
    return [tuple(Segment.simplify(strip)) for strip in strips]


def film(taken: Iterable[tuple[float, list[Row]]]) -> str:
    """The frames as an animated SVG."""
    shown = list(taken)
    width, height = round(SIZE[0] * _CELL), SIZE[1] * _LINE
    drawn: dict[str, int] = {}
    strip, marks, at_s = [], [], 0.0
    whole_s = sum(lasts_s for lasts_s, _ in shown)
    for number, (lasts_s, rows) in enumerate(shown):
        marks.append(f"{at_s / whole_s:.4%}{{transform:translateY({-number * height}px)}}")
        at_s += lasts_s
        uses = []
        for place, row in enumerate(rows):
            content = _row(row)
            if content:
                known = drawn.setdefault(content, len(drawn))
                y = number * height + place * _LINE
                uses.append(f'<use href="#r{known}" y="{y}"/>')
        strip.append("".join(uses))
    rows_drawn = "".join(f'<g id="r{known}">{content}</g>' for content, known in drawn.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f"<style>text{{font:{_FONT_PX}px {_FONTS};white-space:pre}}"
        f".film{{animation:film {whole_s:g}s step-end infinite}}"
        f"@keyframes film{{{''.join(marks)}}}</style>"
        f'<defs>{rows_drawn}</defs><rect width="100%" height="100%" fill="{DARK.background}"/>'
        f'<g class="film">{"".join(strip)}</g></svg>\n'
    )


_FONTS: Final = (
    "Menlo,Consolas,'DejaVu Sans Mono','Noto Sans Mono CJK SC','PingFang SC',"
    "'Microsoft YaHei',monospace"
)


def _row(row: Row) -> str:
    """The grounds first, then the words, each run of wide or narrow characters at its cell."""
    grounds, words, cell = [], [], 0
    for text, style, _ in row:
        cells = cell_len(text)
        look = style or Style.null()
        ground = _colour(look, ground=True)
        if ground and ground != DARK.background:
            width = f"{cells * _CELL:.1f}"
            x = f"{cell * _CELL:.1f}"
            grounds.append(f'<rect x="{x}" width="{width}" height="{_LINE}" fill="{ground}"/>')
        for run, at in _runs(text, cell):
            if not run.isspace():
                words.append(_text(run, at, look))
        cell += cells
    return "".join(grounds + words)


def _runs(text: str, cell: int) -> Iterator[tuple[str, int]]:
    """Stretches of blanks, of wide and of narrow characters, and the cell each begins at."""
    kinds = groupby(text, key=lambda letter: " " if letter == " " else str(cell_len(letter)))
    for _, letters in kinds:
        run = "".join(letters)
        yield run, cell
        cell += cell_len(run)


def _text(run: str, cell: int, look: Style) -> str:
    how = f' fill="{_colour(look, ground=False)}"'
    how += ' font-weight="bold"' if look.bold else ""
    how += ' font-style="italic"' if look.italic else ""
    how += ' text-decoration="line-through"' if look.strike else ""
    length = f"{cell_len(run) * _CELL:.1f}"
    return (
        f'<text x="{cell * _CELL:.1f}" y="{_FONT_PX}" textLength="{length}"{how}>'
        f"{html.escape(run, quote=False)}</text>"
    )


def _colour(look: Style, *, ground: bool) -> str:
    colour = look.bgcolor if ground else look.color
    if colour is None or colour.is_default:
        return "" if ground else DARK.foreground or ""
    return colour.get_truecolor().hex


def main() -> None:
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    FILM.write_text(film(asyncio.run(frames())), encoding="utf-8")


if __name__ == "__main__":
    main()
