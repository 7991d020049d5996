"""Owns the help that opens over the floor: every key and every mark."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui import phrasing
from tui.actions import Action
from tui.language import Language
from tui.roles import Who, why_not
from tui.spans import Line, fit
from tui.widgets.lines import Lines

BARRED = "∅"


class Help(ModalScreen[None]):
    """Every key and every mark."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
    ]

    def __init__(self, language: Language, actions: Sequence[Action], who: Who | None) -> None:
        super().__init__()
        self._language = language
        self._actions = actions
        self._who = who
        self._lines = Lines(id="help-lines")

    def compose(self) -> ComposeResult:
        with Vertical(id="help") as box:
            box.border_title = self._language.say("help.title")
            box.border_subtitle = self._language.say("help.close")
            yield self._lines

    def on_mount(self) -> None:
        self._lines.show(self.lines())

    def action_scroll(self, rows: int) -> None:
        self._lines.move(rows)

    def lines(self) -> list[Line]:
        say = self._language.say
        lines = [self._line(action) for action in self._actions]
        lines += [(), ((f" {say('help.marks')}", "heading"),)]
        marks = [
            (mark, severity, f"help.mark.{severity}") for severity, mark in phrasing.MARKS.items()
        ]
        marks += [
            (phrasing.PROVISIONAL, "minor", "help.mark.provisional"),
            (phrasing.NOT_ANALYSED, "warn", "help.mark.unheard"),
            ("▮", "agent", "help.mark.talking"),
            (BARRED, "dim", "help.mark.barred"),
        ]
        for mark, role, text in marks:
            lines.append((*fit(((f" {mark}", role),), 9), (say(text), "")))
        return lines

    def _line(self, action: Action) -> Line:
        say = self._language.say
        barred = bool(why_not(self._who, action, self._language))
        return (
            *fit(((f" {action.shown}", "dim" if barred else "key"),), 9),
            *fit(((say(f"action.{action.id}"), "dim" if barred else "strong"),), 15),
            (f"{BARRED} " if barred else "", "dim"),
            (say(f"action.{action.id}.help"), "dim" if barred else ""),
        )
