"""Owns the health pane: each part and recognizer, how it is and since when; and the figures.

How much is heard, how far behind, what the ledger takes, which rules are in force.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from callwarden.v1.conversation_pb2 import RulebookIdentity
from callwarden.v1.oversight_pb2 import (
    HEALTH_STATUS_DEGRADED,
    HEALTH_STATUS_DOWN,
    HEALTH_STATUS_OK,
    HealthStatus,
    RecognizerHealth,
)
from tui import link, phrasing
from tui.sight import Sight
from tui.spans import Line, Span, fit
from tui.widgets.listing import Column
from tui.widgets.panel import Panel, labelled

_LINKS = {
    link.State.LIVE: HEALTH_STATUS_OK,
    link.State.CONNECTING: HEALTH_STATUS_DEGRADED,
    link.State.LOST: HEALTH_STATUS_DOWN,
}


@dataclass(frozen=True)
class Row:
    """A part, the stream, or one recognizer. `since` in seconds since 1970 UTC, 0: unknown."""

    name: str
    said: str
    status: HealthStatus.ValueType
    message: str
    since: float


class HealthPanel(Panel[Row]):
    """What is not well on top, then the stream, the gateway's parts and the recognizers."""

    title = "health.title"
    empty = "health.none"
    columns = (
        Column("part", 22, en_cells=24),
        Column("state", 6, en_cells=10),
        Column("since", 22, en_cells=19),
        Column("message"),
    )

    def key(self, item: Row) -> str:
        return item.name

    def items(self, sight: Sight) -> Sequence[Row]:
        rows = sorted(_rows(sight), key=lambda row: -row.status)
        return [row for row in rows if not sight.wanted or sight.matches(*_fields(row, sight))]

    def entitled(self, sight: Sight) -> str:
        title = super().entitled(sight)
        troubled = sum(row.status != HEALTH_STATUS_OK for row in _rows(sight))
        if not troubled:
            return title
        return sight.language.say("health.troubled", title=title, count=str(troubled))

    def cells(self, item: Row, sight: Sight) -> dict[str, Line]:
        since = ""
        if item.since:
            since = sight.language.say(
                "health.for",
                at=sight.times.clock(item.since),
                age=phrasing.age(max(0.0, sight.floor_now - item.since), sight.language),
            )
        return {
            "part": ((item.said, "strong"),),
            "state": phrasing.health(item.status, sight.language),
            "since": ((since, "dim"),),
            "message": ((item.message, ""),),
        }

    def read(self, item: Row, sight: Sight) -> list[Line]:
        chosen: Line = (
            *phrasing.health(item.status, sight.language),
            (f"  {item.said}", "strong"),
            (f"  {item.message}", ""),
        )
        return [chosen, *_figures(sight, self.detail.content_size.width - 2)]


def _rows(sight: Sight) -> list[Row]:
    say_or = sight.language.say_or
    stream = Row(
        "stream",
        say_or("part.stream", ""),
        _LINKS[sight.link.state],
        sight.link.why or sight.address,
        0.0 if sight.link.fresh(sight.now) else sight.link.heard_at,
    )
    health = sight.view.health
    parts = [
        Row(
            part.part, say_or(f"part.{part.part}", part.part), part.status, part.message, part.since
        )
        for part in health.parts
    ]
    return [stream, *parts, *(_recognizer(each, sight) for each in health.recognizers)]


def _recognizer(each: RecognizerHealth, sight: Sight) -> Row:
    say = sight.language.say
    told = say(
        "health.recognizer",
        lag=f"{each.lag_s:.1f}",
        calls=str(each.calls),
        most=str(each.most_calls or "—"),
        alive=str(each.workers_alive),
        workers=str(each.workers),
    )
    omitted = [say("health.omits", what=", ".join(each.degraded))] if each.degraded else []
    known = sight.view.conditions.get(each.address)
    return Row(
        f"recognizer {each.address}",
        f"└ {each.address}",
        each.status,
        " · ".join([told, *omitted, *([each.message] if each.message else [])]),
        known.since if known and each.status != HEALTH_STATUS_OK else 0.0,
    )


def _figures(sight: Sight, cells: int) -> list[Line]:
    """Two figures a line, then what needs a line of its own."""
    health, say = sight.view.health, sight.language.say
    heard: Span = ("—", "dim")
    if health.received_s:
        share = min(1.0, health.analysed_s / health.received_s)
        missing = max(0.0, health.received_s - health.analysed_s)
        age = phrasing.age(missing, sight.language)
        said = say("health.heard.share", share=phrasing.percent(share), missing=age)
        heard = (said, "" if missing < 1 + 6 * health.live_calls else "warn")
    lag = max((each.lag_s for each in health.recognizers), default=0.0)
    recognizers = len(health.recognizers)
    well = sum(each.status == HEALTH_STATUS_OK for each in health.recognizers)
    figures: list[tuple[str, Span]] = [
        (say("health.live"), (str(health.live_calls), "")),
        (say("health.heard"), heard),
        (say("health.sessions"), (str(health.open_gate_sessions), "")),
        (say("health.p99"), (f"{health.gate_p99_ms:.1f} ms", "")),
        (say("health.decisions"), (f"{health.decisions_today:,}", "")),
        (say("health.denials"), (f"{health.denials_today:,}", "")),
        (
            say("health.recognizers"),
            (
                f"{well}/{recognizers}" if recognizers else "—",
                "" if well == recognizers else "warn",
            ),
        ),
        (say("health.lag"), (f"{lag:.1f} s" if recognizers else "—", "")),
        (say("health.ledger"), (phrasing.size(health.ledger_bytes), "")),
        (say("health.disk"), (phrasing.size(health.disk_free_bytes), "")),
    ]
    half = max(30, cells // 2)
    lines: list[Line] = [
        (*fit(labelled(*left), half), *labelled(*right))
        for left, right in zip(figures[::2], figures[1::2], strict=True)
    ]
    model: Span = (health.model, "") if health.model else (say("health.no.model"), "warn")
    return [
        *lines,
        labelled(say("health.rules.dialling"), _rulebook(health.dialling_rulebook, sight)),
        labelled(say("health.rules.speech"), _rulebook(health.speech_rulebook, sight)),
        labelled(say("health.model"), model),
    ]


def _rulebook(of: RulebookIdentity, sight: Sight) -> Span:
    if not of.digest:
        return sight.language.say("health.rules.none"), "warn"
    return f"{of.version} · {of.digest[:12]}", ""


def _fields(row: Row, sight: Sight) -> list[str]:
    return [row.name, row.said, phrasing.health(row.status, sight.language)[0][0], row.message]
