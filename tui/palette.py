"""Owns the console's colours: a dark and a light theme, and the style of each role in both.

Called by the app (themes) and by the widgets that draw lines (styles). Colour never stands alone:
whatever a colour says, a mark or a word beside it says too.
"""

from functools import lru_cache

from rich.style import Style
from textual.theme import Theme

DARK = Theme(
    name="callwarden-dark",
    dark=True,
    primary="#39c5bb",
    secondary="#6cb6ff",
    accent="#39c5bb",
    warning="#ff9e4a",
    error="#ff5c68",
    success="#62d196",
    foreground="#d5dde8",
    background="#0e131a",
    surface="#0e131a",
    panel="#18202b",
    boost="#202b39",
    variables={"border": "#33445a"},
)
LIGHT = Theme(
    name="callwarden-light",
    dark=False,
    primary="#00757a",
    secondary="#0b61c4",
    accent="#00757a",
    warning="#a85200",
    error="#c4122f",
    success="#187a3d",
    foreground="#1d2733",
    background="#fbfcfd",
    surface="#fbfcfd",
    panel="#e9eef3",
    boost="#d9e3ec",
    variables={"border": "#b3c2d1"},
)

_ROLES: dict[str, tuple[str, str]] = {
    "": ("#d5dde8", "#1d2733"),
    "strong": ("bold #f3f7fc", "bold #0b131c"),
    "dim": ("#74849a", "#5b6877"),
    "faint": ("#3c4a5c", "#b4c0cc"),
    "heading": ("#8fa1b8", "bold #435163"),
    "accent": ("#39c5bb", "#00757a"),
    "brand": ("bold #0e131a on #39c5bb", "bold #ffffff on #00757a"),
    "tab": ("bold #f3f7fc on #26364a", "bold #0b131c on #cbd9e6"),
    "key": ("bold #39c5bb", "bold #00757a"),
    "agent": ("#6cb6ff", "#0b61c4"),
    "customer": ("#c9a2ff", "#7a3fc4"),
    "critical": ("bold #ff5c68", "bold #c4122f"),
    "major": ("bold #ff9e4a", "bold #a85200"),
    "minor": ("#e8cd5a", "#7d6300"),
    "info": ("#7fb4ca", "#2f6b86"),
    "critical-words": ("bold #ffffff on #8f2431", "bold #ffffff on #c4122f"),
    "major-words": ("bold #ffffff on #82481a", "bold #ffffff on #a85200"),
    "minor-words": ("#ffffff on #5f5420", "#ffffff on #7d6300"),
    "info-words": ("#ffffff on #2a4d5e", "#ffffff on #2f6b86"),
    "good": ("#62d196", "#187a3d"),
    "warn": ("#ff9e4a", "#a85200"),
    "bad": ("bold #ff5c68", "bold #c4122f"),
    "alarm": ("bold #ffffff on #a32a38", "bold #ffffff on #c4122f"),
    "partial": ("italic #9fb0c4", "italic #506070"),
    "struck": ("strike #74849a", "strike #5b6877"),
    "cursor": ("on #1f3146", "on #d3e4f3"),
    "cursor-away": ("on #18222f", "on #e6edf4"),
}


@lru_cache(maxsize=256)
def style(role: str, dark: bool) -> Style:
    """The style of a role. Raises KeyError for a role nobody defined."""
    on_dark, on_light = _ROLES[role]
    return Style.parse(on_dark if dark else on_light)


ROLES = frozenset(_ROLES)
