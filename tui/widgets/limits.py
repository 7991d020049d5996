"""Owns the limits: how often each refused a call today, and who ran into it."""

from collections import Counter
from collections.abc import Sequence

from callwarden.v1.oversight_pb2 import LimitUsed
from tui import phrasing
from tui.sight import Sight
from tui.spans import Line
from tui.view import Made
from tui.widgets.listing import Column
from tui.widgets.panel import Panel

_WHO = 3


class LimitsPanel(Panel[LimitUsed]):
    """Every limit in force, the one that refused most on top."""

    title = "limits.title"
    empty = "limits.none"
    columns = (
        Column("limit"),
        Column("refused", 6, align="right"),
        Column("last", 8, needs=44),
        Column("who", needs=44),
    )

    def key(self, item: LimitUsed) -> str:
        return f"{item.limit.pack}/{item.limit.rule}"

    def items(self, sight: Sight) -> Sequence[LimitUsed]:
        limits = sorted(sight.view.health.limits, key=lambda each: -each.refusals_today)
        return [
            each
            for each in limits
            if not sight.wanted
            or sight.matches(each.limit.rule, each.limit.title_zh, each.limit.title_en)
        ]

    def cells(self, item: LimitUsed, sight: Sight) -> dict[str, Line]:
        used = item.refusals_today > 0
        hits = _hits(item, sight)
        agents = Counter(made.decision.agent or "—" for made in hits).most_common(_WHO)
        who = "  ".join(f"{agent}×{count}" for agent, count in agents)
        mark, role = ("▲", "warn") if used else ("✔", "good")
        return {
            "limit": (
                (f"{mark} ", role),
                (sight.language.title(item.limit), "" if used else "dim"),
            ),
            "refused": ((str(item.refusals_today), "strong" if used else "dim"),),
            "last": ((sight.times.clock(hits[0].at) if hits else "", "dim"),),
            "who": ((who, ""),),
        }

    def read(self, item: LimitUsed, sight: Sight) -> list[Line]:
        language, say = sight.language, sight.language.say
        limit = item.limit
        lines: list[Line] = [
            ((language.title(limit), "strong"), (f"  {limit.rule} · {limit.pack}", "dim")),
            ((limit.citation, "dim"),),
        ]
        hits = _hits(item, sight)
        if not item.refusals_today:
            lines.append(((say("limit.unused"), "dim"),))
        for made in hits:
            decision = made.decision
            earliest = ""
            if decision.earliest:
                at = sight.times.day_and_clock(decision.earliest, sight.floor_now, language)
                earliest = f"  {say('decision.earliest')} {at}"
            lines.append(
                (
                    (f"{sight.times.clock(made.at)}  ", "dim"),
                    (f"{decision.agent or '—'} → {decision.number_masked or '—'}", ""),
                    (f"  {phrasing.scene(decision.scene, language)}", "dim"),
                    (earliest, "accent"),
                )
            )
        earlier = item.refusals_today - len(hits)
        if earlier > 0:
            lines.append(((say("limit.earlier", count=str(earlier)), "dim"),))
        return lines


def _hits(item: LimitUsed, sight: Sight) -> list[Made]:
    """Today's decisions on the screen that this limit spoke against, the newest first."""
    return [
        made
        for made in sorted(sight.view.decisions, key=lambda each: -each.at)
        if sight.times.today(made.at, sight.floor_now)
        and any(
            (each.rule, each.pack) == (item.limit.rule, item.limit.pack)
            for each in made.decision.reasons
        )
    ]
