"""Owns the one dialog in which a person is asked before something is done.

Pushed by `tui.acting`. The one invariant: leaving it in any way that is not a plain choice answers
nothing, and where something cannot be undone the safe button has the focus.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

from tui.language import Language
from tui.widgets.typed import Typed


@dataclass(frozen=True)
class Choice:
    """One button and the letter that presses it. `barred`: why it is greyed."""

    key: str
    said: str
    value: str
    variant: Literal["default", "primary", "warning", "error"] = "default"
    barred: str = ""


@dataclass(frozen=True)
class Answer:
    value: str
    words: str = ""


class Question(ModalScreen[Answer | None]):
    """`asked`: a line to write in, and what stands in it while it is empty; `needed`: it may not
    stay so."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(
        self,
        language: Language,
        *,
        title: str,
        body: str,
        choices: Sequence[Choice],
        asked: str = "",
        needed: bool = False,
        grave: bool = False,
        cancel: bool = True,
    ) -> None:
        super().__init__()
        self._title = title
        self._body = body
        cancelling = Choice("n", language.say("ask.no"), "", "primary" if grave else "default")
        self._choices = [*choices, *([cancelling] if cancel else [])]
        self._asked = asked
        self._needed = needed
        self._grave = grave

    def compose(self) -> ComposeResult:
        with Vertical(id="question", classes="-grave" if self._grave else "") as box:
            box.border_title = self._title
            yield Label(self._body, id="question-body", markup=False)
            for barred in dict.fromkeys(each.barred for each in self._choices if each.barred):
                yield Label(f"⊘ {barred}", classes="barred", markup=False)
            if self._asked:
                yield Typed(placeholder=self._asked, id="question-words", compact=True)
            with Horizontal(id="question-buttons"):
                for place, each in enumerate(self._choices):
                    yield Button(
                        each.said,
                        id=f"choice-{place}",
                        variant=each.variant,
                        disabled=bool(each.barred),
                        compact=True,
                    )

    def on_mount(self) -> None:
        if self._asked:
            self.query_one("#question-words", Input).focus()
            return
        safe = len(self._choices) - 1 if self._grave else 0
        self.query_one(f"#choice-{safe}", Button).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Out of the line to the buttons: writing a note alone does nothing yet."""
        event.stop()
        self.query_one("#choice-0", Button).focus()

    def on_key(self, event: events.Key) -> None:
        if isinstance(self.focused, Input):
            return
        for each in self._choices:
            if each.key == event.key and not each.barred:
                event.stop()
                self._answer(each)

    def action_leave(self) -> None:
        self.dismiss(None)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self._answer(self._choices[int((event.button.id or "").removeprefix("choice-"))])

    def _answer(self, choice: Choice) -> None:
        if not choice.value:
            self.dismiss(None)
            return
        words = self.query_one("#question-words", Input) if self._asked else None
        if self._needed and words is not None and not words.value.strip():
            words.focus()
            return
        self.dismiss(Answer(choice.value, words.value.strip() if words else ""))
