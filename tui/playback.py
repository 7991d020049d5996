"""Owns a past call that is played again: where one is in it, how fast, and what was known by then.

Made by the app of what the gateway tells of a past call, read by the call's panel. Pure: time comes
in. The invariant: a place in the call looks the same whether it was played to or jumped to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from callwarden.v1.conversation_pb2 import Utterance
from callwarden.v1.oversight_pb2 import Event
from tui.call import Call
from tui.view import View

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0)
_BEFORE_S = -1.0
"""Where what is true of the whole call lies."""


@dataclass
class Playback:
    """`events` begin with the call itself. Seconds are the call's, from its answer on."""

    call_id: str
    events: Sequence[Event]
    speed: float = 1.0
    playing: bool = False
    position_s: float = 0.0
    _view: View = field(default_factory=View)
    _shown_s: float = _BEFORE_S - 1
    """Up to where the view has been told everything."""

    def __post_init__(self) -> None:
        change = next((each.call for each in self.events if each.HasField("call")), None)
        self.begun_at = (change.answered_at or change.started_at) if change else 0.0
        placed = [(self._place_s(each), each) for each in self.events]
        said = [each.utterance.utterance.end_s for _, each in placed if each.HasField("utterance")]
        lasted_s = change.ended_at - self.begun_at if change and change.ended_at else 0.0
        self.seconds = max(0.0, lasted_s, *said)
        self._placed = sorted(
            ((min(place_s, self.seconds), each) for place_s, each in placed),
            key=lambda each: each[0],
        )

    @property
    def at_end(self) -> bool:
        return self.position_s >= self.seconds

    @property
    def now(self) -> float:
        """The moment that is shown, in seconds since 1970 UTC."""
        return self.begun_at + self.position_s

    def pass_time(self, seconds: float) -> bool:
        """So much time has passed for who watches; whether that moved anything."""
        if not self.playing:
            return False
        self.seek(self.position_s + seconds * self.speed)
        if self.at_end:
            self.playing = False
        return True

    def toggle(self) -> None:
        """Plays or pauses; at the end it plays from the beginning."""
        if not self.playing and self.at_end:
            self.seek(0.0)
        self.playing = not self.playing

    def seek(self, position_s: float) -> None:
        self.position_s = min(max(0.0, position_s), self.seconds)

    def faster(self, steps: int) -> None:
        """The next speed of those there are; a speed in between counts to its neighbour."""
        slower = sum(each < self.speed for each in SPEEDS)
        exact = self.speed in SPEEDS
        place = slower + steps if exact or steps < 0 else slower + steps - 1
        self.speed = SPEEDS[min(max(0, place), len(SPEEDS) - 1)]

    def view(self) -> View:
        """What was known at this place of the call."""
        if self.position_s < self._shown_s:
            self._view, self._shown_s = View(), _BEFORE_S - 1
        told = [
            each for place_s, each in self._placed if self._shown_s < place_s <= self.position_s
        ]
        for event in told:
            if not event.HasField("utterance"):
                self._view.apply(event)
        self._say(self._view.calls.setdefault(self.call_id, Call()))
        self._shown_s = self.position_s
        return self._view

    def call(self) -> Call:
        return self.view().calls[self.call_id]

    def _say(self, call: Call) -> None:
        """Words appear as they are spoken."""
        for place_s, event in self._placed:
            if place_s > self.position_s:
                return
            if event.HasField("utterance"):
                said = event.utterance.utterance
                known = call.utterances.get(said.utterance_id)
                if known is None or not known.final:
                    call.hear(_until(said, self.position_s))

    def _place_s(self, event: Event) -> float:
        """When it fell. Words begin where they were spoken, findings where they were raised."""
        match event.WhichOneof("payload"):
            case "call":
                return _BEFORE_S
            case "utterance":
                return event.utterance.utterance.start_s
            case "finding" if event.finding.finding.raised_s:
                return event.finding.finding.raised_s
        return event.at - self.begun_at


def _until(said: Utterance, position_s: float) -> Utterance:
    """As much of it as had been spoken by then."""
    if position_s >= said.end_s:
        return said
    spoken = sum(start_s <= position_s for start_s in said.token_starts_s)
    share = spoken / len(said.token_starts_s) if said.token_starts_s else 0.0
    part = Utterance()
    part.CopyFrom(said)
    part.final, part.end_s = False, position_s
    part.text = said.text[: round(len(said.text) * share)]
    del part.tokens[spoken:]
    del part.token_starts_s[spoken:]
    return part
