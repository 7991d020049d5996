"""Owns a past call on the console: fetching it from the gateway, playing it, putting it away.

Called by the app for its keys, ten times a second for the time that passes, and when it paints. The
invariant: what is played never touches the floor that is live behind it.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.oversight import Kind, Refused
from tui.playback import Playback
from tui.sight import Sight

if TYPE_CHECKING:
    from tui.app import Console


class Playing:
    """At most one call at a time."""

    def __init__(
        self,
        console: "Console",
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._speed = speed
        self._clock = clock
        self._passed_at = clock()
        self.playback: Playback | None = None

    async def open(self, call_id: str, *, at_s: float | None = None, play: bool = False) -> None:
        """Shows the call as the ledger has it, whole and at a second of it, or plays it from its
        beginning. What stands in the way is said."""
        try:
            events = await self._console.source.past_call(call_id)
        except Refused as refused:
            text = "play.gone" if refused.kind is Kind.GONE else refused.kind.value
            text = self._console.language.say(text, why=str(refused))
            self._console.notify(text, severity="warning", markup=False)
            return
        playback = Playback(call_id, events, self._speed)
        if play:
            playback.toggle()
        else:
            playback.seek(playback.seconds)
        self.playback, self._passed_at = playback, self._clock()
        self._console.show_call(at_s)

    def close(self) -> None:
        self.playback = None

    def pass_time(self) -> bool:
        """Moves on by the time that has passed since it was last asked; whether it did."""
        now, before = self._clock(), self._passed_at
        self._passed_at = now
        return self.playback is not None and self.playback.pass_time(now - before)

    def sight(self, sight: Sight) -> Sight:
        """What is seen at the place that is played."""
        playback = self.playback
        if playback is None:
            return sight
        return replace(sight, view=playback.view(), floor_now=playback.now)
