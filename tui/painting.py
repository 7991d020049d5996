"""Owns what of the screen is drawn anew when something was touched, and what it is drawn from.

Called by the app for what came, for keys and each second. The one invariant: only the pane that is
shown is drawn; the others are when they are.
"""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.phrasing import Times
from tui.sight import Sight
from tui.view import Area
from tui.widgets.alerts import AlertsPanel
from tui.widgets.bar import Bar, Keys
from tui.widgets.call import CallPanel
from tui.widgets.calls import CallsPanel
from tui.widgets.decisions import DecisionsPanel
from tui.widgets.findings import FindingsPanel
from tui.widgets.gate import GatePanel
from tui.widgets.health import HealthPanel
from tui.widgets.suppressions import SuppressionsPanel

if TYPE_CHECKING:
    from tui.app import Console

_HELD_S = 2.0
"""How long after a key the rows keep their places."""

_Pane = GatePanel | FindingsPanel | SuppressionsPanel | AlertsPanel | HealthPanel
_TOUCHES = {
    "floor": Area.CALLS | Area.FINDINGS | Area.DECISIONS | Area.SUPPRESSIONS | Area.HEALTH,
    "gate": Area.DECISIONS | Area.HEALTH,
    "findings": Area.FINDINGS,
    "suppressions": Area.SUPPRESSIONS | Area.FINDINGS,
    "alerts": Area.ALERTS | Area.CALLS,
    "health": Area.HEALTH,
}


_PANELS: dict[str, type[_Pane]] = {
    "gate": GatePanel,
    "findings": FindingsPanel,
    "suppressions": SuppressionsPanel,
    "alerts": AlertsPanel,
    "health": HealthPanel,
}


class Painting:
    """Draws one console. `keyed_at` is when the last key came, by the monotonic clock; `wanted`
    what the lists are filtered by."""

    def __init__(
        self,
        console: "Console",
        *,
        address: str,
        clock: Callable[[], float],
        times: Times,
        demo_speed: float,
    ) -> None:
        self._console = console
        self._address, self._clock, self._times = address, clock, times
        self._demo_speed = demo_speed
        self.wanted = ""
        self.keyed_at = -math.inf

    def floor(self, touched: Area) -> None:
        """The bar, and the pane that is shown when something in it was touched. Raises NoMatches
        while the screen is being taken down."""
        sight, pane = self._sight(), self._console.pane
        self._console.part("#bar", Bar).update_from(sight, pane)
        self._console.part("#keys", Keys).update_from(sight)
        if touched & _TOUCHES[pane]:
            self._pane(pane, touched, sight)

    def call(self) -> None:
        """The call that is played, or else the one under the cursor."""
        self._call(self._sight())

    def _pane(self, pane: str, touched: Area, sight: Sight) -> None:
        if pane == "floor":
            self._console.part("#calls", CallsPanel).update_from(sight)
            if touched & Area.DECISIONS:
                self._console.part("#latest-decisions", DecisionsPanel).update_from(sight)
            self._call(sight)
        else:
            self._console.part(f"#{pane}", _PANELS[pane]).update_from(sight)

    def _call(self, sight: Sight) -> None:
        playing = self._console.playing
        panel = self._console.part("#call", CallPanel)
        if playing.playback is None:
            panel.update_from(sight, self._console.selected())
        else:
            panel.update_from(playing.sight(sight), playing.playback.call(), playing.playback)

    def _bar_notes(self) -> tuple[str, ...]:
        console = self._console
        say = console.language.say
        heard_in = [
            say("bar.listening", agent=call.change.agent or "—")
            for call_id in console.acting.listening
            if (call := console.view.calls.get(call_id)) and call.live
        ]
        muted = [say("bar.muted")] if console.ringing.muted else []
        demo = [say("bar.demo", speed=f"{self._demo_speed:g}")] if self._demo_speed else []
        return (*demo, *heard_in, *muted)

    def _sight(self) -> Sight:
        console, now = self._console, self._clock()
        return Sight(
            view=console.view,
            link=console.link,
            language=console.language,
            times=self._times,
            now=now,
            floor_now=console.link.floor_time(now),
            address=self._address,
            held=time.monotonic() - self.keyed_at < _HELD_S,
            wanted=self.wanted,
            actions=console.actions,
            who=console.acting.who,
            notes=self._bar_notes(),
        )
