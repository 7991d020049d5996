"""Owns what a person can do at the console, as data: id, keys, what the app runs, where it is told.

The app makes its bindings of it; the help, the footer and the command palette list it. The texts of
an action are `action.ID` (what it is called) and `action.ID.help` in `tui.language`.
"""

from dataclasses import dataclass

from textual.binding import Binding

from tui.language import Language


@dataclass(frozen=True)
class Action:
    """`keys` as Textual names them, separated by commas; `shown` as a person reads them."""

    id: str
    keys: str
    runs: str
    shown: str
    footer: bool = False
    palette: bool = True


PANES = ("floor", "decisions", "findings", "suppressions", "health")

ACTIONS: tuple[Action, ...] = (
    *(
        Action(f"show-{pane}", str(number), f"app.show('{pane}')", str(number))
        for number, pane in enumerate(PANES, start=1)
    ),
    Action("next", "down,j", "app.move(1)", "↓ j", palette=False),
    Action("previous", "up,k", "app.move(-1)", "↑ k", palette=False),
    Action("focus", "tab", "app.focus_next", "Tab", palette=False),
    Action("open", "enter", "app.enlarge", "Enter", footer=True),
    Action("filter", "slash", "app.filter", "/", footer=True),
    Action("back", "escape", "app.leave", "Esc", palette=False),
    Action("hang-up", "x", "app.hang_up", "x", footer=True),
    Action("watch-anew", "r", "app.watch_anew", "r"),
    Action("language", "l", "app.language", "l", footer=True),
    Action("theme", "t", "app.theme", "t", footer=True),
    Action("palette", "ctrl+p,colon", "app.command_palette", "Ctrl+P", palette=False),
    Action("help", "question_mark", "app.help", "?", footer=True),
    Action("quit", "q,ctrl+q", "app.quit", "q", footer=True),
)


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
