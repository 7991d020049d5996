"""Owns a list with columns, a sticky heading and a cursor that stays on its item while the order
changes.

Used by calls, decisions, findings, suppressions and health. Cells are made when a row is drawn.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from textual import events
from textual.message import Message

from tui.spans import Line, Span, fit
from tui.widgets.lines import Lines

Item = TypeVar("Item")


@dataclass(frozen=True)
class Column:
    """`cells` wide, or, when 0, sharing what is left; only shown on a list `needs` cells wide."""

    name: str
    cells: int = 0
    needs: int = 0
    align: str = "left"
    en_cells: int = 0
    """Width for English where it differs."""


class Selected(Message):
    """The cursor came onto another item."""

    def __init__(self, listing: "Listing[Item]", key: str) -> None:
        super().__init__()
        self.listing_id = listing.id or ""
        self.key = key


class Listing(Lines, Generic[Item]):
    """`cells` makes an item's cells, keyed by column name; `key` is what stays the same of it;
    `made_of` is what its cells depend on, where that is cheaper to tell than to make them."""

    def __init__(
        self,
        *,
        id: str,
        columns: Sequence[Column],
        key: Callable[[Item], str],
        cells: Callable[[Item], dict[str, Line]],
        made_of: Callable[[Item], Hashable] | None = None,
        heading: Callable[[str], str],
        english: Callable[[], bool],
    ) -> None:
        super().__init__(id=id)
        self._columns = columns
        self._key = key
        self._cells = cells
        self._made_of = made_of
        self._rows: dict[str, tuple[Hashable, Line]] = {}
        """Of items on the screen: what their rows were made of, and the rows."""
        self._heading = heading
        self._english = english
        self._items: Sequence[Item] = ()
        self._empty = ""
        self.cursor_key = ""
        self._cursor = 0

    @property
    def items(self) -> Sequence[Item]:
        """What it shows, in its order."""
        return self._items

    @property
    def selected(self) -> Item | None:
        return self._items[self._cursor] if self._items else None

    def show_items(self, items: Sequence[Item], empty: str) -> None:
        """Puts `items` in place; the cursor stays on its item, or else on its row. `empty` is
        what stands there when there are none."""
        self._items, self._empty = items, empty
        places = {self._key(item): place for place, item in enumerate(items)}
        self._cursor = places.get(self.cursor_key, min(self._cursor, max(0, len(items) - 1)))
        self.extend_to(len(items) + 1)
        self._settle()
        self.refresh_changed()
        on_screen = self._items[self.scroll_offset.y :][: self.content_size.height]
        kept = {self._key(item) for item in on_screen}
        self._rows = {key: row for key, row in self._rows.items() if key in kept}

    def select(self, key: str) -> None:
        """Puts the cursor on the item of that key, now or as soon as it is there."""
        self.cursor_key = key
        self.show_items(self._items, self._empty)

    def move(self, rows: int) -> None:
        """Moves the cursor by `rows` rows."""
        self._go(self._cursor + rows)

    def _go(self, row: int) -> None:
        self._cursor = min(max(row, 0), max(0, len(self._items) - 1))
        self._settle()
        self.refresh_changed()

    def _settle(self) -> None:
        """Tells which item the cursor is on, and keeps it in sight."""
        item = self.selected
        key = self._key(item) if item is not None else ""
        if key != self.cursor_key:
            self.cursor_key = key
            self.post_message(Selected(self, key))
        rows = self.content_size.height - 1
        if rows > 0 and not self.scroll_offset.y <= self._cursor < self.scroll_offset.y + rows:
            top = self._cursor if self._cursor < self.scroll_offset.y else self._cursor - rows + 1
            self.scroll_to(y=top, animate=False, immediate=True)

    def on_resize(self) -> None:
        self._settle()

    def on_click(self, event: events.Click) -> None:
        row = event.y - self.gutter.top - 1 + self.scroll_offset.y
        if event.y > self.gutter.top and row < len(self._items):
            self._go(row)

    def drawn(self, y: int) -> tuple[Line, str]:
        if y == 0:
            shown = self._widths()
            heads: dict[str, Line] = {
                column.name: ((self._heading(column.name), "heading"),) for column, _ in shown
            }
            return self._row(shown, heads), ""
        row = y - 1 + self.scroll_offset.y
        if row < len(self._items):
            ground = "cursor" if self.has_focus else "cursor-away"
            return self._row_of(self._items[row]), ground if row == self._cursor else ""
        if not self._items and y == 2:
            return fit(((f"  {self._empty}", "dim"),), self.content_size.width), ""
        return (), ""

    def _row_of(self, item: Item) -> Line:
        """An item's row, made anew when what it is made of has changed."""
        if self._made_of is None:
            return self._row(self._widths(), self._cells(item))
        key = self._key(item)
        made_of = (self._made_of(item), self.content_size.width, self._english())
        known = self._rows.get(key)
        if known is None or known[0] != made_of:
            known = self._rows[key] = made_of, self._row(self._widths(), self._cells(item))
        return known[1]

    def _widths(self) -> list[tuple[Column, int]]:
        room = self.content_size.width
        english = self._english()
        shown = [column for column in self._columns if column.needs <= room]
        fixed = [
            column.en_cells if english and column.en_cells else column.cells for column in shown
        ]
        flexible = fixed.count(0)
        left = max(0, room - sum(fixed) - 2 - (len(shown) - 1))
        widths = []
        for column, cells in zip(shown, fixed, strict=True):
            if cells:
                widths.append((column, cells))
            else:
                widths.append((column, left // flexible + (1 if left % flexible else 0)))
                left -= widths[-1][1]
                flexible -= 1
        return widths

    @staticmethod
    def _row(shown: Sequence[tuple[Column, int]], cells: dict[str, Line]) -> Line:
        spans: list[Span] = [(" ", "")]
        for column, width in shown:
            spans += [*fit(cells.get(column.name, ()), width, column.align), (" ", "")]
        return tuple(spans)
