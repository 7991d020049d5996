"""Owns a list with its title, and beneath it the selected item in full.

The base of the decisions, findings and suppressions panes; calls use the list alone.
"""

from abc import abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical

from tui.sight import Sight
from tui.spans import Line, width, wrap
from tui.widgets.lines import Lines
from tui.widgets.listing import Column, Listing, Selected

Item = TypeVar("Item")


class Panel(Vertical, Generic[Item]):
    """What differs between panes: columns, items, cells, and how an item reads in full."""

    title: str
    empty: str
    columns: Sequence[Column]

    def __init__(self, *, id: str, with_detail: bool = True) -> None:
        super().__init__(id=id)
        self._with_detail = with_detail
        self.sight: Sight | None = None
        self._entitled = ""
        self.listing: Listing[Item] = Listing(
            id=f"{id}-list",
            columns=self.columns,
            key=self.key,
            cells=self._cells,
            made_of=self._made_of(),
            heading=self._heading,
            english=lambda: self.sight is not None and self.sight.language.locale == "en",
        )
        self.detail = Lines(id=f"{id}-detail")

    def compose(self) -> ComposeResult:
        yield self.listing
        if self._with_detail:
            yield self.detail

    @abstractmethod
    def key(self, item: Item) -> str:
        """What stays the same of an item."""

    @abstractmethod
    def items(self, sight: Sight) -> Sequence[Item]:
        """What the list shows, in its order, filtered."""

    @abstractmethod
    def cells(self, item: Item, sight: Sight) -> dict[str, Line]:
        """An item's row, keyed by column."""

    def heading(self, sight: Sight) -> dict[str, str]:
        """What the title's places are filled with."""
        return {}

    def entitled(self, sight: Sight) -> str:
        """The title as it stands on the list's border."""
        return sight.title(self.title, **self.heading(sight))

    def made_of(self, item: Item, sight: Sight) -> Hashable:
        """What an item's row depends on besides the language; None where that is not told."""
        return None

    def read(self, item: Item, sight: Sight) -> list[Line]:
        """An item in full, as lines of any length."""
        return []

    def update_from(self, sight: Sight) -> None:
        self.sight = sight
        title = self.entitled(sight)
        if title != self._entitled:
            self._entitled = self.listing.border_title = title
        self.listing.show_items(self.items(sight), sight.empty(self.empty))
        self._update_detail()

    def on_selected(self, _: Selected) -> None:
        self._update_detail()

    def on_resize(self) -> None:
        self._update_detail()

    def _update_detail(self) -> None:
        item = self.listing.selected
        if not self._with_detail or self.sight is None:
            return
        self.detail.set_class(item is None, "-empty")
        if item is not None:
            cells = max(20, self.detail.content_size.width - 2)
            lines = [
                ((" ", ""), *part)
                for line in self.read(item, self.sight)
                for part in _hung(line, cells)
            ]
            self.detail.show(lines)

    def _made_of(self) -> Callable[[Item], Hashable] | None:
        """None for a panel that does not tell."""
        if type(self).made_of is Panel.made_of:
            return None
        return lambda item: self.made_of(item, self.sight) if self.sight else None

    def _cells(self, item: Item) -> dict[str, Line]:
        assert self.sight is not None  # noqa: S101  # items come with the sight they are seen by
        return self.cells(item, self.sight)

    def _heading(self, column: str) -> str:
        return self.sight.language.say(f"column.{column}") if self.sight else ""


LABEL_CELLS = 17


def labelled(label: str, *spans: tuple[str, str]) -> Line:
    """A line of a detail: the label in a column of its own, then what it labels."""
    gap = " " * max(1, LABEL_CELLS - width(((label, ""),)))
    return ((label, "dim"), (gap, ""), *spans)


def _hung(line: Line, cells: int) -> list[Line]:
    """The line wrapped, its later lines under what the label labels."""
    if width(line) <= cells or len(line) < 3 or line[0][1] != "dim":
        return wrap(line, cells) if line else [()]
    rest = wrap(line[2:], cells - LABEL_CELLS)
    indent = ((" " * LABEL_CELLS, ""),)
    return [(*line[:2], *rest[0]), *((*indent, *each) for each in rest[1:])]
