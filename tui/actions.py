"""Owns what a person can do at the console, as data: id, keys, what the app runs, where it is told.

The app makes its bindings of it; the help, the footer and the command palette list it. The texts of
an action are `action.ID` (what it is called) and `action.ID.help` in `tui.language`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from textual.binding import Binding

from callwarden.v1 import oversight_pb2 as oversight
from tui.language import Language


@dataclass(frozen=True)
class Action:
    """`keys` as Textual names them, separated by commas; `shown` as a person reads them. `act`:
    what the role of whoever sits here must allow."""

    id: str
    keys: str
    runs: str
    shown: str
    footer: bool = False
    palette: bool = True
    act: oversight.Act.ValueType = oversight.ACT_UNSPECIFIED


PANES = ("floor", "gate", "findings", "suppressions", "alerts", "health")


def _acting(id: str, key: str, act: oversight.Act.ValueType, *, footer: bool = False) -> Action:
    return Action(id, key, f"app.act('{id}')", key, footer=footer, act=act)


ACTIONS: tuple[Action, ...] = (
    *(
        Action(f"show-{pane}", str(number), f"app.show('{pane}')", str(number))
        for number, pane in enumerate(PANES, start=1)
    ),
    Action("next", "down,j", "app.move(1)", "↓ j", palette=False),
    Action("previous", "up,k", "app.move(-1)", "↑ k", palette=False),
    Action("focus", "tab", "app.focus_next", "Tab", palette=False),
    Action("open", "enter", "app.enlarge", "Enter", footer=True),
    Action("replay", "p", "app.replay", "p"),
    Action("play", "space", "app.play", "Space", palette=False),
    Action("earlier", "left", "app.seek(-10)", "←", palette=False),
    Action("later", "right", "app.seek(10)", "→", palette=False),
    Action("slower", "left_square_bracket", "app.speed(-1)", "[", palette=False),
    Action("faster", "right_square_bracket", "app.speed(1)", "]", palette=False),
    Action("filter", "slash", "app.filter", "/", footer=True),
    Action("back", "escape", "app.leave", "Esc", palette=False),
    _acting("listen", "i", oversight.ACT_LISTEN, footer=True),
    _acting("end-listening", "e", oversight.ACT_LISTEN),
    _acting("hang-up", "x", oversight.ACT_HANG_UP, footer=True),
    _acting("review", "v", oversight.ACT_REVIEW, footer=True),
    _acting("suppress", "s", oversight.ACT_SUPPRESS),
    _acting("retrain", "g", oversight.ACT_ASSIGN_RETRAINING),
    _acting("shadow-rule", "w", oversight.ACT_SHADOW_RULE),
    _acting("acknowledge", "a", oversight.ACT_ACKNOWLEDGE, footer=True),
    Action("mute", "m", "app.mute", "m"),
    Action("watch-anew", "r", "app.watch_anew", "r"),
    Action("language", "l", "app.language", "l", footer=True),
    Action("theme", "t", "app.theme", "t", footer=True),
    Action("palette", "ctrl+p,colon", "app.command_palette", "Ctrl+P", palette=False),
    Action("help", "question_mark", "app.help", "?", footer=True),
    Action("quit", "q,ctrl+q", "app.quit", "q", footer=True),
)


_SHOWN = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "space": "Space",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


def remapped(keys: Mapping[str, str]) -> tuple[Action, ...]:
    """Every action, those that `keys` names by their ids under these keys instead."""
    return tuple(
        replace(each, keys=keys[each.id], shown=_as_read(keys[each.id]))
        if each.id in keys
        else each
        for each in ACTIONS
    )


def _as_read(keys: str) -> str:
    """`ctrl+x,slash` as `Ctrl+X /`."""
    read = []
    for key in keys.split(","):
        *modifiers, last = key.split("+")
        function = last[0] == "f" and last[1:].isdigit()
        named = _SHOWN.get(last, last.upper() if modifiers or function else last)
        read.append("+".join([*(each.capitalize() for each in modifiers), named]))
    return " ".join(read)


def bindings(language: Language) -> list[Binding]:
    """Every action as a Textual binding; its id lets a site remap the key."""
    return [
        Binding(
            action.keys,
            action.runs,
            language.say(f"action.{action.id}"),
            show=action.footer,
            key_display=action.shown,
            id=action.id,
            tooltip=language.say(f"action.{action.id}.help"),
        )
        for action in ACTIONS
    ]
