"""Owns the live calls as a list: what needs a person on top, what nobody hears never as clean."""

from collections.abc import Hashable, Sequence

from tui import phrasing
from tui.call import Call
from tui.pinyin import spelled
from tui.sight import Sight
from tui.spans import Line
from tui.widgets.listing import Column
from tui.widgets.panel import Panel


class CallsPanel(Panel[Call]):
    """One row a call, live ones first."""

    title = "calls.title"
    empty = "calls.none"
    columns = (
        Column("mark", 1),
        Column("agent", 6),
        Column("team", 8, needs=112),
        Column("number", 14),
        Column("scene", 9, needs=66, en_cells=12),
        Column("state", 6, needs=100, en_cells=12),
        Column("time", 7, align="right"),
        Column("talking", 7, needs=44, en_cells=7),
        Column("coverage", 6, align="right"),
        Column("worst"),
        Column("count", 9, needs=80),
    )

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, with_detail=False)
        self._order: dict[str, int] = {}

    def key(self, item: Call) -> str:
        return item.change.call_id

    def items(self, sight: Sight) -> Sequence[Call]:
        shown: Sequence[Call] = sight.view.shown_calls(sight.floor_now)
        if sight.held:
            shown = self._as_they_stood(shown)
        self._order = {call.change.call_id: place for place, call in enumerate(shown)}
        if not sight.wanted:
            return shown
        return [call for call in shown if sight.matches(*_fields(call, sight))]

    def _as_they_stood(self, calls: Sequence[Call]) -> Sequence[Call]:
        """In the order they were last shown in, new ones below: nothing moves under the cursor of
        somebody who is on his way to a row."""
        last = len(self._order)
        return sorted(calls, key=lambda call: self._order.get(call.change.call_id, last))

    def made_of(self, item: Call, sight: Sight) -> Hashable:
        return item.changed, int(item.seconds(sight.floor_now))

    def cells(self, item: Call, sight: Sight) -> dict[str, Line]:
        now, language = sight.floor_now, sight.language
        plain, strong = ("", "strong") if item.live else ("dim", "dim")
        state = phrasing.call_state(item.change.state, language)
        answered = item.change.answered_at or item.change.ended_at
        ringing = "dim" if item.live and not answered else plain
        return {
            "agent": ((item.change.agent or "—", strong),),
            "team": ((item.change.team, "dim"),),
            "number": ((item.change.number_masked, plain),),
            "scene": ((phrasing.scene(item.change.scene, language), plain),),
            "mark": ((state[0][0][:1], state[0][1]),),
            "state": ((state[0][0][2:], state[0][1]),),
            "time": ((phrasing.duration(item.seconds(now)), ringing),),
            "talking": phrasing.talking(item, language),
            "coverage": phrasing.coverage(item, now, language),
            "worst": phrasing.worst(item, now, language),
            "count": phrasing.counts(item),
        }


def _fields(call: Call, sight: Sight) -> list[str]:
    titles = [
        part
        for each in call.standing()
        for part in (each.finding.rule, each.finding.title_zh, each.finding.title_en)
    ]
    change, language = call.change, sight.language
    state = phrasing.call_state(change.state, language)
    return [
        change.agent,
        spelled(change.agent),
        change.team,
        spelled(change.team),
        change.number_masked,
        change.scene,
        phrasing.scene(change.scene, language),
        *(text for text, _ in state),
        *titles,
    ]
