"""Owns the gate's pane: the decisions as they fall, and beside them the limits that are used up.

Where there is room for one alone, the limits open when they have the focus (Tab).
"""

from textual import events
from textual.app import ComposeResult
from textual.containers import Container

from tui.sight import Sight
from tui.widgets.decisions import DecisionsPanel
from tui.widgets.limits import LimitsPanel
from tui.widgets.lines import Lines


class GatePanel(Container):
    """Both lists; `listing` is what the keys move in."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._decisions = DecisionsPanel(id="decisions")
        self._limits = LimitsPanel(id="limits")

    def compose(self) -> ComposeResult:
        yield self._decisions
        yield self._limits

    @property
    def listing(self) -> Lines:
        return self._decisions.listing

    def update_from(self, sight: Sight) -> None:
        self._decisions.update_from(sight)
        self._limits.update_from(sight)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.set_class(self._limits in event.widget.ancestors, "-limits")
