"""Owns the decisions as they fall: verdict, every reason, and when the call would be allowed."""

from collections.abc import Sequence

from callwarden.v1.oversight_pb2 import VERDICT_DENY
from tui import phrasing
from tui.sight import Sight
from tui.spans import Line
from tui.view import Made
from tui.widgets.listing import Column
from tui.widgets.panel import Panel, labelled


class DecisionsPanel(Panel[Made]):
    """The newest on top."""

    title = "decisions.title"
    empty = "decisions.none"
    columns = (
        Column("at", 8),
        Column("verdict", 7, en_cells=8),
        Column("agent", 6, needs=60),
        Column("number", 14),
        Column("scene", 9, needs=96, en_cells=12),
        Column("reasons"),
        Column("earliest", 11, en_cells=14),
    )

    def key(self, item: Made) -> str:
        return item.decision.decision_id or f"{item.at}/{item.number}"

    def items(self, sight: Sight) -> Sequence[Made]:
        newest = sorted(sight.view.decisions, key=lambda made: made.at)[::-1]
        return [made for made in newest if not sight.wanted or sight.matches(*_fields(made, sight))]

    def cells(self, item: Made, sight: Sight) -> dict[str, Line]:
        decision, language = item.decision, sight.language
        reasons = "；" if language.locale == "zh" else "; "
        denied = decision.verdict == VERDICT_DENY
        earliest = _earliest(item, sight) if decision.earliest else "—" if denied else ""
        return {
            "at": ((sight.times.clock(item.at), "dim"),),
            "verdict": phrasing.verdict(decision.verdict, language),
            "agent": ((decision.agent or "—", ""),),
            "number": ((decision.number_masked or "—", ""),),
            "scene": ((phrasing.scene(decision.scene, language), ""),),
            "reasons": ((reasons.join(language.title(each) for each in decision.reasons), ""),),
            "earliest": ((earliest, "accent" if decision.earliest else "dim"),),
        }

    def read(self, item: Made, sight: Sight) -> list[Line]:
        decision, language = item.decision, sight.language
        say = language.say
        lines: list[Line] = [
            (
                *phrasing.verdict(decision.verdict, language),
                (f"  {decision.agent or '—'} → {decision.number_masked or '—'}", "strong"),
                (f"  {phrasing.scene(decision.scene, language)}", ""),
                (f"  {sight.times.clock(item.at)}", "dim"),
            ),
            (),
        ]
        if not decision.reasons:
            lines.append(((say("decision.no.reasons"), ""),))
        for number, reason in enumerate(decision.reasons, start=1):
            heading = say("decision.reason", number=str(number))
            lines += [
                labelled(heading, (language.title(reason), "strong")),
                labelled(f"  {say('decision.rule')}", (f"{reason.rule} · {reason.pack}", "")),
                labelled(f"  {say('decision.source')}", (reason.citation or "—", "")),
            ]
        if decision.verdict == VERDICT_DENY:
            lines.append(labelled(say("decision.earliest"), (_in_full(item, sight), "accent")))
        rulebook = f"{decision.rulebook.version} · {decision.rulebook.digest[:12]}"
        return [
            *lines,
            labelled(say("decision.rulebook"), (rulebook, "dim")),
            labelled(say("decision.elapsed"), (f"{decision.elapsed_ms:.1f} ms", "dim")),
            labelled(say("decision.id"), (decision.decision_id or "—", "dim")),
        ]


def _earliest(made: Made, sight: Sight) -> str:
    if not made.decision.earliest:
        return sight.language.say("decision.never")
    return sight.times.day_and_clock(made.decision.earliest, sight.floor_now, sight.language)


def _in_full(made: Made, sight: Sight) -> str:
    """With the zone it is told in: the box's, which need not be the called party's."""
    if not made.decision.earliest:
        return _earliest(made, sight)
    zone = sight.times.name(made.decision.earliest)
    return sight.language.say("decision.zone", time=_earliest(made, sight), zone=zone)


def _fields(made: Made, sight: Sight) -> list[str]:
    decision = made.decision
    return [
        decision.agent,
        decision.number_masked,
        decision.scene,
        phrasing.scene(decision.scene, sight.language),
        *(text for text, _ in phrasing.verdict(decision.verdict, sight.language)),
        *(part for each in decision.reasons for part in (each.rule, each.title_zh, each.title_en)),
    ]
