"""Owns the language the console speaks: Chinese or English, switched live.

Called by each widget. The one invariant, kept by a test: each text of `tui.texts` stands in both
languages with the same places to fill in, and every text is used.
"""

from typing import Literal

from callwarden.v1.conversation_pb2 import Finding
from callwarden.v1.oversight_pb2 import Reason
from tui.texts import TEXTS

Locale = Literal["zh", "en"]


class Language:
    """The language the console speaks now."""

    def __init__(self, locale: Locale) -> None:
        self.locale: Locale = locale

    def switch(self) -> None:
        self.locale = "en" if self.locale == "zh" else "zh"

    def say(self, text: str, **filled: str) -> str:
        """The text of that name, its places filled in. Raises KeyError where there is none."""
        chosen = TEXTS[text][0 if self.locale == "zh" else 1]
        return chosen.format(**filled) if filled else chosen

    def say_or(self, text: str, otherwise: str) -> str:
        """The text of that name, or `otherwise` where the table has none: a scene of the site's
        own, a part that a newer gateway tells of."""
        return self.say(text) if text in TEXTS else otherwise

    def title(self, titled: Finding | Reason) -> str:
        """A rule's title in this language, else in the other one, else the rule's id."""
        zh, en = titled.title_zh, titled.title_en
        return (zh or en if self.locale == "zh" else en or zh) or titled.rule
