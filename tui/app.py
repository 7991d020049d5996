"""Owns the console as a whole: draining the stream, repainting what changed, carrying out actions.

Run by `tui.command`, and by tests over a recorded session. The one invariant: it shows and asks; it
neither decides nor places a call, and a broken stream never ends it.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import tzinfo
from functools import partial
from typing import ClassVar, TypeVar

from textual import events, work
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.containers import Container, Vertical
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input

from callwarden.v1.oversight_pb2 import Event
from tui.acting import Acting
from tui.actions import PANES, bindings, remapped
from tui.call import Call
from tui.language import Language, Locale
from tui.link import Link
from tui.oversight import Began, Lost, Source
from tui.painting import Painting
from tui.palette import DARK, LIGHT
from tui.phrasing import Times
from tui.playback import Playback
from tui.playing import Playing
from tui.ringing import Ringing
from tui.roles import why_not
from tui.target import Target, call_id_of, place_of, target_of
from tui.view import Area, View, Watching
from tui.widgets.alerts import AlertsPanel
from tui.widgets.bar import Bar, Keys, PaneChosen
from tui.widgets.call import CallPanel
from tui.widgets.calls import CallsPanel
from tui.widgets.decisions import DecisionsPanel
from tui.widgets.dialogs import BARRED, Help
from tui.widgets.findings import FindingsPanel
from tui.widgets.gate import GatePanel
from tui.widgets.health import HealthPanel
from tui.widgets.lines import Lines
from tui.widgets.listing import Listing, Selected
from tui.widgets.suppressions import SuppressionsPanel
from tui.widgets.typed import Typed

DRAIN_S = 0.1
"""How often what came is applied: a flood of events is ten repaints a second."""
_TICK_S = 1.0

Part = TypeVar("Part", bound=Widget)


class Console(App[object]):
    """The floor supervisor's terminal."""

    CSS_PATH = "console.tcss"
    TITLE = "Callwarden"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Language("en"))]

    def __init__(
        self,
        source: Source,
        *,
        locale: Locale = "zh",
        operator: str,
        address: str,
        clock: Callable[[], float] = time.time,
        zone: tzinfo | None = None,
        dark: bool = True,
        keys: Mapping[str, str] | None = None,
        ringing: Ringing | None = None,
        demo_speed: float = 0.0,
        replay: str = "",
        speed: float = 1.0,
        standing: Callable[[], None] | None = None,
    ) -> None:
        """`operator` goes on record where the site names no people; `zone` None is the machine's
        own; `keys` as `tui.keys` checked them; `demo_speed` 0: it is no demo; `replay` is a past
        call to begin with, `speed` that of playing; `standing` is called whenever a present state
        has come in full and is on show."""
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name if dark else LIGHT.name
        self.language = Language(locale)
        self.link = Link()
        self.source = source
        self.actions = remapped(keys or {})
        self.set_keymap(dict(keys or {}))
        self.acting = Acting(self, operator)
        self.ringing = ringing or Ringing()
        self.playing = Playing(self, speed)
        self._replay = replay
        self._clock = clock
        self.painting = Painting(
            self, address=address, clock=clock, times=Times(zone), demo_speed=demo_speed
        )
        self._watching = Watching()
        self._asked_anew = False
        self._standing = standing

    @property
    def view(self) -> View:
        return self._watching.view

    @property
    def pane(self) -> str:
        return self.part("#panes", ContentSwitcher).current or PANES[0]

    def compose(self) -> ComposeResult:
        yield Bar(id="bar")
        with ContentSwitcher(id="panes", initial="floor"):
            with Container(id="floor"):
                with Vertical(id="lists"):
                    yield CallsPanel(id="calls")
                    yield DecisionsPanel(id="latest-decisions", with_detail=False)
                yield CallPanel(id="call")
            yield GatePanel(id="gate")
            yield FindingsPanel(id="findings")
            yield SuppressionsPanel(id="suppressions")
            yield AlertsPanel(id="alerts")
            yield HealthPanel(id="health")
        yield Typed(id="filter", compact=True)
        yield Keys(id="keys")

    def on_mount(self) -> None:
        self._wanted_input.display = False
        self._calls.listing.focus()
        self.source.start()
        self.set_interval(DRAIN_S, self.drain)
        self.set_interval(_TICK_S, self._tick)
        if self._replay:
            self.run_worker(self.playing.open(self._replay, play=True), group="replay")
        self.call_after_refresh(self.drain)
        self.call_after_refresh(self.repaint_floor, Area.EVERYTHING)

    async def on_unmount(self) -> None:
        await self.source.close()

    def drain(self) -> None:
        """Applies what came and repaints what it touched."""
        touched = Area.NOTHING
        link_changed = False
        for received in self.source.take():
            match received.what:
                case Began():
                    self._watching.begin()
                    self.link.begin()
                    self._asked_anew = False
                    self._ask_who()
                case Lost(why, retry_at):
                    self.link.lose(why, retry_at)
                    link_changed = True
                case Event() as event:
                    touched |= self._apply(event)
                    self.link.hear(received.at, event.at, self._watching.complete)
        if self.view.missed and self._watching.complete and not self._asked_anew:
            self._asked_anew = True
            self.source.watch_anew()
        if touched or link_changed:
            self.repaint_floor(touched)
        if self.playing.pass_time():
            self._repaint_played()

    @work(group="who", exclusive=True)
    async def _ask_who(self) -> None:
        await self.acting.ask_who()
        self.repaint_floor(Area.NOTHING)

    def _apply(self, event: Event) -> Area:
        touched = self._watching.apply(event)
        if touched is Area.EVERYTHING:
            self.ringing.know(self.view.alerts)
            if self._standing is not None:
                self.call_after_refresh(self._standing)
        elif touched & Area.ALERTS:
            self.ringing.hear(self.view.alerts[event.alert.alert_id])
        return touched

    def _tick(self) -> None:
        self.ring()
        self.repaint_floor(Area.EVERYTHING)

    def ring(self) -> None:
        """Writes to the terminal what is due, so that it rings where the person is."""
        due = self.ringing.due(self._clock(), self.language)
        if due and self._driver is not None:
            self._driver.write(due)

    def repaint_floor(self, touched: Area) -> None:
        """Redraws the bar, and the pane that is shown when something in it was touched."""
        with suppress(NoMatches):  # the screen is being taken down
            self.painting.floor(touched)

    def _repaint_played(self) -> None:
        """Redraws the call that is played, where it is shown."""
        with suppress(NoMatches):  # the screen is being taken down
            if self.pane == "floor":
                self.painting.call()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key):
            self.painting.keyed_at = time.monotonic()
        await super().on_event(event)

    # What a person asks for; the texts and keys stand in tui.actions.

    def action_show(self, pane: str) -> None:
        self.part("#panes", ContentSwitcher).current = pane
        self.repaint_floor(Area.EVERYTHING)
        self.call_after_refresh(self._focus_pane)

    def action_move(self, rows: int) -> None:
        moved = self.focused if isinstance(self.focused, Lines) else self._pane_listing()
        moved.move(rows)

    def action_enlarge(self) -> None:
        """The call under the cursor on the whole screen: on the floor, or behind a finding, a
        do-not-call entry or an alert; from the ledger where the floor no longer has it."""
        if self.pane == "floor":
            self.show_call()
            return
        item = self._under_cursor()
        call_id, at_s = call_id_of(item), place_of(item)
        call = self.view.calls.get(call_id)
        if not call_id:
            self.show_call()
        elif call is not None and call.known and (call.live or call.utterances):
            self._calls.listing.select(call_id)
            self.show_call(at_s)
        else:
            self.run_worker(self.playing.open(call_id, at_s=at_s), group="replay", exclusive=True)

    def show_call(self, at_s: float | None = None) -> None:
        """The open call on the whole screen, at a second of it."""
        if self.pane != "floor":
            self.action_show("floor")
        self.part("#floor", Container).add_class("-enlarged")
        panel = self.part("#call", CallPanel)
        panel.aim(at_s)
        panel.transcript.focus()
        self.call_after_refresh(self.repaint_floor, Area.EVERYTHING)

    def action_replay(self) -> None:
        """Plays the call under the cursor from its beginning."""
        call_id = call_id_of(self._under_cursor())
        if not call_id:
            self.notify(self.language.say("play.none"), severity="warning", markup=False)
            return
        self.run_worker(self.playing.open(call_id, play=True), group="replay", exclusive=True)

    def action_play(self) -> None:
        self._play(lambda playback: playback.toggle())

    def action_seek(self, seconds: float) -> None:
        self._play(lambda playback: playback.seek(playback.position_s + seconds))

    def action_speed(self, steps: int) -> None:
        self._play(lambda playback: playback.faster(steps))

    def _play(self, do: Callable[[Playback], None]) -> None:
        """To the call that is played; nothing where none is."""
        if self.playing.playback is not None:
            do(self.playing.playback)
            self.painting.call()

    def action_leave(self) -> None:
        """Out of the filter, then out of the enlarged call, which also ends what is played."""
        if self._wanted_input.display:
            self._wanted_input.value = ""
            self._wanted_input.display = False
        else:
            self.playing.close()
            self.part("#floor", Container).remove_class("-enlarged")
        self._focus_pane()
        self.call_after_refresh(self.repaint_floor, Area.EVERYTHING)

    def action_filter(self) -> None:
        self._wanted_input.placeholder = self.language.say("filter.hint")
        self._wanted_input.display = True
        self._wanted_input.focus()

    def action_language(self) -> None:
        self.language.switch()
        self.repaint_floor(Area.EVERYTHING)

    def action_theme(self) -> None:
        self.theme = LIGHT.name if self.current_theme.dark else DARK.name
        self.repaint_floor(Area.EVERYTHING)

    def action_watch_anew(self) -> None:
        self.source.watch_anew()

    def action_help(self) -> None:
        self.push_screen(Help(self.language, self.actions, self.acting.who))

    def action_command_palette(self) -> None:
        if not CommandPalette.is_open(self):
            self.push_screen(CommandPalette(placeholder=self.language.say("palette.hint")))

    def action_act(self, name: str) -> None:
        """One of the acts, on what the cursor is on."""
        action = next(each for each in self.actions if each.id == name)
        self.run_worker(self.acting.begin(action, self.target()), name=name, group="acts")

    def action_mute(self) -> None:
        """The bell and the notifications of this console, off or on."""
        ringing = self.ringing
        if not ringing.bell and ringing.notify == "off":
            self.notify(self.language.say("mute.never"), severity="warning", markup=False)
            return
        ringing.muted = not ringing.muted
        self.notify(self.language.say("mute.on" if ringing.muted else "mute.off"), markup=False)
        self.repaint_floor(Area.EVERYTHING)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        for action in self.actions:
            if action.palette:
                barred = why_not(self.acting.who, action, self.language)
                said = f"{self.language.say(f'action.{action.id}')}  ({action.shown})"
                yield SystemCommand(
                    f"{BARRED} {said}" if barred else said,
                    barred or self.language.say(f"action.{action.id}.help"),
                    partial(self.run_action, action.runs),
                )

    # What the widgets tell.

    def on_selected(self, _: Selected) -> None:
        if self.pane == "floor":
            self.painting.call()

    def on_pane_chosen(self, event: PaneChosen) -> None:
        self.action_show(event.pane)

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "filter":
            self.painting.wanted = event.value.strip().casefold()
            self.repaint_floor(Area.EVERYTHING)

    def on_input_submitted(self) -> None:
        self._focus_pane()

    def on_resize(self) -> None:
        self.call_after_refresh(self.repaint_floor, Area.EVERYTHING)

    # Parts of the screen.

    @property
    def _calls(self) -> CallsPanel:
        return self.part("#calls", CallsPanel)

    @property
    def _wanted_input(self) -> Input:
        return self.part("#filter", Input)

    def selected(self) -> Call | None:
        return self._calls.listing.selected

    def _pane_listing(self) -> Lines:
        if self.pane == "floor":
            return self._calls.listing
        if self.pane == "gate":
            return self.part("#gate", GatePanel).listing
        return self.part(f"#{self.pane}-list", Lines)

    def _under_cursor(self) -> object:
        listing = self._pane_listing()
        return listing.selected if isinstance(listing, Listing) else None

    def target(self) -> Target:
        """What the cursor is on, as far as an act can be about it."""
        playback = self.playing.playback
        if playback is not None:
            return target_of(playback.call(), playback.view())
        return target_of(self._under_cursor(), self.view)

    def _focus_pane(self) -> None:
        enlarged = self.pane == "floor" and self.part("#floor", Container).has_class("-enlarged")
        target = self.part("#call", CallPanel).transcript if enlarged else self._pane_listing()
        target.focus()

    def part(self, selector: str, kind: type[Part]) -> Part:
        """A part of the floor, also while a dialog lies over it."""
        return self.screen_stack[0].query_one(selector, kind)
