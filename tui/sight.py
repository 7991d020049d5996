"""Owns what a widget needs to draw: the view, the link, the language, the time it is on the floor.

Made by the app at each repaint and handed to each widget on the screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tui.actions import ACTIONS, Action
from tui.language import Language
from tui.link import Link
from tui.phrasing import Times
from tui.roles import Who
from tui.view import View


@dataclass(frozen=True)
class Sight:
    """`now` is the console's clock, `floor_now` the gateway's, both in seconds since 1970 UTC."""

    view: View
    link: Link
    language: Language
    times: Times
    now: float
    floor_now: float
    address: str
    held: bool = False
    """Somebody is moving through a list: rows keep their places."""
    wanted: str = ""
    """The filter's words, in lower case; empty for no filter."""
    actions: Sequence[Action] = ACTIONS
    """Under the keys of this site."""
    who: Who | None = None
    """Who sits here, once the gateway has said it."""
    notes: Sequence[str] = ()
    """What the bar says besides: whom one listens in on, that it is muted, that it is a demo."""

    def matches(self, *fields: str) -> bool:
        """Whether every word of the filter stands somewhere in the fields."""
        hay = " ".join(fields).casefold()
        return all(word in hay for word in self.wanted.split())

    def title(self, text: str, **filled: str) -> str:
        """A panel's title, with the filter in it while there is one."""
        said = self.language.say(text, **filled)
        return (
            self.language.say("pane.filtered", title=said, words=self.wanted)
            if self.wanted
            else said
        )

    def empty(self, text: str) -> str:
        """What an empty list says."""
        return self.language.say("nothing.matches" if self.wanted else text)
