"""Owns drawing lines of spans: only those on the screen, cut and padded by cells.

The base of every panel. Drawing costs by what has changed of what is on the screen: a line that
reads as it did before is not drawn again, and more lines do not lay out the screen anew.
"""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui.palette import LIGHT, style
from tui.spans import Line

Painted = tuple[str, Line, str]
"""The theme, a line and the role of its ground."""


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """Scrollable lines. With `follow`, it stays at the end while new lines come."""

    def __init__(self, *, id: str, follow: bool = False) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._follow = follow
        self._painted: dict[int, Painted] = {}
        """What was drawn last, by row of the widget."""
        self._styles_of: tuple[object, dict[tuple[str, str], Style]] = (None, {})

    def show(self, lines: Sequence[Line]) -> None:
        """Puts `lines` in place of the former ones."""
        at_end = self.scroll_offset.y >= self.max_scroll_y
        self._lines = lines
        self.extend_to(len(lines))
        if self._follow and at_end:
            self.to_end()
        self.refresh_changed()

    def extend_to(self, rows: int) -> None:
        """So many rows can be scrolled through. Only a scrollbar that comes or goes lays out the
        screen anew."""
        size, before = Size(self.content_size.width, rows), self.virtual_size
        if size == before:
            return
        height = self.content_size.height
        if (before.height > height) == (rows > height) and size.width == before.width:
            self.set_reactive(Widget.virtual_size, size)
            self._scroll_update(size)
        else:
            self.virtual_size = size

    def refresh_changed(self) -> None:
        """Draws again the rows that read otherwise than they were drawn."""
        width, height = self.content_size
        changed = [
            Region(0, y, width, 1)
            for y in range(height)
            if self._painted.get(y) != (self.app.theme, *self.drawn(y))
        ]
        if changed:
            self.refresh(*changed)

    def drawn(self, y: int) -> tuple[Line, str]:
        """The line on a row of the widget, and the role whose background lies under it."""
        place = y + self.scroll_offset.y
        return (self._lines[place] if place < len(self._lines) else ()), ""

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
        line, ground = self.drawn(y)
        self._painted[y] = (self.app.theme, line, ground)
        segments = [Segment(text, self._style(role, ground)) for text, role in line]
        width = self.content_size.width
        return Strip(segments).adjust_cell_length(width, self._style("", ground))

    def _style(self, role: str, ground: str) -> Style:
        """Of a role on this widget over a ground, worked out once a theme."""
        theme, known = self._styles_of
        if theme != (self.app.theme, self.styles.background):
            known = {}
            self._styles_of = (self.app.theme, self.styles.background), known
        found = known.get((role, ground))
        if found is None:
            dark = self.app.theme != LIGHT.name
            over = style(ground, dark) if ground else Style.null()
            found = self.rich_style + style("", dark) + style(role, dark) + over
            known[role, ground] = found
        return found
