"""Owns drawing lines of spans: only those on the screen, cut and padded by cells.

The base of every panel. Drawing costs by the height of the screen, not by the number of calls.
"""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.palette import LIGHT, style
from tui.spans import Line


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """Scrollable lines. With `follow`, it stays at the end while new lines come."""

    def __init__(self, *, id: str, follow: bool = False) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._follow = follow

    def show(self, lines: Sequence[Line]) -> None:
        """Puts `lines` in place of the former ones."""
        at_end = self.scroll_offset.y >= self.max_scroll_y
        self._lines = lines
        self.virtual_size = Size(self.content_size.width, len(lines))
        if self._follow and at_end:
            self.to_end()
        self.refresh()

    def to_end(self) -> None:
        """To the last line, once the layout knows where that is."""
        self.call_after_refresh(self.scroll_end, animate=False, immediate=True)

    def move(self, rows: int) -> None:
        """Scrolls by `rows` lines."""
        self.scroll_relative(y=rows, animate=False)

    def on_key(self, event: events.Key) -> None:
        page, whole = max(1, self.content_size.height - 2), self.virtual_size.height
        rows = {"pagedown": page, "pageup": -page, "home": -whole, "end": whole}
        if event.key in rows:
            event.stop()
            self.move(rows[event.key])

    def render_line(self, y: int) -> Strip:
        place = y + self.scroll_offset.y
        line = self._lines[place] if place < len(self._lines) else ()
        return self.strip(line)

    def strip(self, line: Line, ground: str = "") -> Strip:
        """A line as wide as the widget; `ground` is a role whose background lies under it."""
        dark = self.app.theme != LIGHT.name
        over = style(ground, dark) if ground else Style.null()
        base = self.rich_style + style("", dark)
        segments = [Segment(text, base + style(role, dark) + over) for text, role in line]
        return Strip(segments).adjust_cell_length(self.content_size.width, base + over)
