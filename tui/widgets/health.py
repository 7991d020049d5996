"""Owns the health pane: each part's condition and since when, the day's figures, the stream."""

from collections.abc import Sequence

from callwarden.v1.oversight_pb2 import (
    HEALTH_STATUS_DEGRADED,
    HEALTH_STATUS_DOWN,
    HEALTH_STATUS_OK,
    PartHealth,
)
from tui import link, phrasing
from tui.sight import Sight
from tui.spans import Line
from tui.widgets.listing import Column
from tui.widgets.panel import Panel, labelled

_LINKS = {
    link.State.LIVE: HEALTH_STATUS_OK,
    link.State.CONNECTING: HEALTH_STATUS_DEGRADED,
    link.State.LOST: HEALTH_STATUS_DOWN,
}


class HealthPanel(Panel[PartHealth]):
    """The gateway's parts as it tells them, after the stream that brings them."""

    title = "health.title"
    empty = "health.none"
    columns = (
        Column("part", 13, en_cells=17),
        Column("state", 9, en_cells=11),
        Column("since", 22),
        Column("message"),
    )

    def key(self, item: PartHealth) -> str:
        return item.part

    def items(self, sight: Sight) -> Sequence[PartHealth]:
        stream = PartHealth(
            part="stream",
            status=_LINKS[sight.link.state],
            message=sight.link.why or sight.address,
            since=0.0 if sight.link.fresh(sight.now) else sight.link.heard_at,
        )
        parts = [stream, *sight.view.health.parts]
        return [part for part in parts if not sight.wanted or sight.matches(*_fields(part, sight))]

    def cells(self, item: PartHealth, sight: Sight) -> dict[str, Line]:
        since = ""
        if item.since:
            since = sight.language.say(
                "health.for",
                at=sight.times.clock(item.since),
                age=phrasing.age(max(0.0, sight.floor_now - item.since), sight.language),
            )
        return {
            "part": ((sight.language.say_or(f"part.{item.part}", item.part), "strong"),),
            "state": phrasing.health(item.status, sight.language),
            "since": ((since, "dim"),),
            "message": ((item.message, ""),),
        }

    def read(self, item: PartHealth, sight: Sight) -> list[Line]:
        health, say = sight.view.health, sight.language.say
        model = health.model or say("health.no.model")
        return [
            (
                *phrasing.health(item.status, sight.language),
                (f"  {sight.language.say_or(f'part.{item.part}', item.part)}", "strong"),
                (f"  {item.message}", ""),
            ),
            (),
            labelled(say("health.live"), (str(health.live_calls), "")),
            labelled(say("health.decisions"), (f"{health.decisions_today:,}", "")),
            labelled(say("health.denials"), (f"{health.denials_today:,}", "")),
            labelled(say("health.p99"), (f"{health.gate_p99_ms:.1f} ms", "")),
            labelled(say("health.sessions"), (str(health.open_gate_sessions), "")),
            labelled(say("health.model"), (model, "" if health.model else "warn")),
        ]


def _fields(part: PartHealth, sight: Sight) -> list[str]:
    status = phrasing.health(part.status, sight.language)[0][0]
    return [part.part, sight.language.say_or(f"part.{part.part}", part.part), status, part.message]
