"""Owns what opens over the floor: the help, and the question before a call is hung up."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Label

from tui import phrasing
from tui.actions import ACTIONS
from tui.language import Language
from tui.spans import Line, fit
from tui.widgets.lines import Lines


class Help(ModalScreen[None]):
    """Every key and every mark."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
    ]

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language
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
        lines: list[Line] = [
            (
                *fit(((f" {action.shown}", "key"),), 9),
                *fit(((say(f"action.{action.id}"), "strong"),), 15),
                (say(f"action.{action.id}.help"), ""),
            )
            for action in ACTIONS
        ]
        lines += [(), ((f" {say('help.marks')}", "heading"),)]
        marks = [
            (mark, severity, f"help.mark.{severity}") for severity, mark in phrasing.MARKS.items()
        ]
        marks += [
            (phrasing.PROVISIONAL, "minor", "help.mark.provisional"),
            (phrasing.NOT_ANALYSED, "warn", "help.mark.unheard"),
            ("▮", "agent", "help.mark.talking"),
        ]
        for mark, role, text in marks:
            lines.append((*fit(((f" {mark}", role),), 9), (say(text), "")))
        return lines


class ConfirmHangUp(ModalScreen[bool]):
    """Asked before a call is ended; the safe answer has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n,escape", "answer(False)", show=False),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, language: Language, *, agent: str, number: str, operator: str) -> None:
        super().__init__()
        self._language = language
        self._named = {"agent": agent, "number": number, "operator": operator}

    def compose(self) -> ComposeResult:
        say = self._language.say
        with Vertical(id="hang-up") as box:
            box.border_title = say("hangup.title")
            yield Label(say("hangup.body", **self._named), id="hang-up-body", markup=False)
            with Horizontal(id="hang-up-buttons"):
                yield Button(say("hangup.no"), id="no", variant="primary")
                yield Button(say("hangup.yes"), id="yes", variant="error")

    def on_mount(self) -> None:
        self.query_one("#no", Button).focus()

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
