"""Owns drawing lines of spans: only those on the screen, cut and padded by cells.

The base of every panel. Drawing costs by the height of the screen, not by the number of calls.
"""

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.palette import style
from tui.spans import Line


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """Scrollable lines. With `follow`, it stays at the end while new lines come."""

    def __init__(self, *, id: str, follow: bool = False) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._follow = follow

    @property
    def dark(self) -> bool:
        return self.app.current_theme.dark

    def show(self, lines: Sequence[Line]) -> None:
        """Puts `lines` in place of the former ones."""
        at_end = self.scroll_offset.y >= self.max_scroll_y
        self._lines = lines
        self.virtual_size = Size(self.content_size.width, len(lines))
        if self._follow and at_end:
            self.scroll_end(animate=False, immediate=True)
        self.refresh()

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
        base = self.rich_style + style("", self.dark)
        under = style(ground, self.dark) if ground else None
        segments = [
            Segment(
                text,
                base + style(role, self.dark) + under if under else base + style(role, self.dark),
            )
            for text, role in line
        ]
        filled = base + under if under else base
        return Strip(segments).adjust_cell_length(self.content_size.width, filled)
