"""Owns the line that a person types into: the filter, the note to an act."""

from textual.widgets import Input


class Typed(Input):
    """Its cursor stands still: a blink is a repaint, over SSH and in every picture of a screen."""

    def on_mount(self) -> None:
        self.cursor_blink = False
