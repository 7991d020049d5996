"""Owns the findings: what was heard, what matched, how sure it is."""

from collections.abc import Sequence

from callwarden.v1.conversation_pb2 import FINDING_STATUS_WITHDRAWN
from tui import phrasing
from tui.call import Raised, severity_of
from tui.sight import Sight
from tui.spans import Line
from tui.widgets.listing import Column
from tui.widgets.panel import Panel, labelled


class FindingsPanel(Panel[Raised]):
    """The newest on top."""

    title = "findings.title"
    empty = "findings.none"
    columns = (
        Column("at", 8),
        Column("agent", 6),
        Column("scene", 9, needs=84, en_cells=12),
        Column("finding"),
        Column("heard"),
        Column("matched", 14, needs=100),
        Column("status", 7, needs=56, en_cells=12),
    )

    def key(self, item: Raised) -> str:
        return f"{item.raised.call_id}/{item.finding.finding_id}"

    def items(self, sight: Sight) -> Sequence[Raised]:
        newest = sorted(sight.view.findings.values(), key=lambda found: -found.at)
        return [each for each in newest if not sight.wanted or sight.matches(*_fields(each, sight))]

    def cells(self, item: Raised, sight: Sight) -> dict[str, Line]:
        finding, language = item.finding, sight.language
        role = "" if item.stands else "struck"
        return {
            "at": ((sight.times.clock(item.at), "dim"),),
            "agent": ((item.raised.agent or "—", role),),
            "scene": ((phrasing.scene(item.raised.scene, language), role),),
            "finding": phrasing.finding(item, language),
            "heard": ((finding.heard_text or finding.heard_pinyin or "—", role),),
            "matched": ((finding.matched, role),),
            "status": ((phrasing.finding_status(item, language), role or "dim"),),
        }

    def read(self, item: Raised, sight: Sight) -> list[Line]:
        finding, language, say = item.finding, sight.language, sight.language.say
        severity = severity_of(finding)
        span = f"{phrasing.duration(finding.start_s)} – {phrasing.duration(finding.end_s)}"
        who = (phrasing.leg(finding.leg, language), phrasing.LEG_ROLES.get(finding.leg, "dim"))
        words = "struck" if finding.status == FINDING_STATUS_WITHDRAWN else f"{severity}-words"
        heard = finding.heard_text or finding.heard_pinyin
        lines: list[Line] = [
            (
                *phrasing.finding(item, language),
                (f"  {say(f'severity.{severity}')}", severity if item.stands else "dim"),
                (f" · {phrasing.finding_status(item, language)}", ""),
                (f"  {sight.times.clock(item.at)}", "dim"),
            ),
            (),
        ]
        if finding.before:
            lines.append(labelled(say("finding.before"), (finding.before, "dim")))
        if heard:
            lines.append(labelled(say("finding.heard"), who, ("  ", ""), (heard, words)))
        if finding.heard_pinyin and finding.heard_pinyin != heard:
            lines.append(labelled(say("finding.pinyin"), (finding.heard_pinyin, "dim")))
        if finding.after:
            lines.append(labelled(say("finding.after"), (finding.after, "dim")))
        rulebook = f"{finding.rulebook.version} · {finding.rulebook.digest[:12]}"
        call = sight.view.calls.get(item.raised.call_id)
        number = call.change.number_masked if call else ""
        return [
            *lines,
            labelled(say("finding.matched"), (finding.matched or "—", "strong")),
            labelled(say("finding.confidence"), (phrasing.percent(finding.confidence), "")),
            labelled(say("finding.place"), (span, "")),
            labelled(
                say("finding.call"),
                (f"{item.raised.agent} → {number or item.raised.call_id}", ""),
                (f"  {phrasing.scene(item.raised.scene, language)}", "dim"),
            ),
            labelled(say("decision.rule"), (f"{finding.rule} · {finding.pack}", "")),
            labelled(say("decision.rulebook"), (rulebook, "dim")),
        ]


def _fields(found: Raised, sight: Sight) -> list[str]:
    finding = found.finding
    return [
        found.raised.agent,
        found.raised.scene,
        phrasing.scene(found.raised.scene, sight.language),
        finding.rule,
        finding.title_zh,
        finding.title_en,
        finding.heard_text,
        finding.matched,
        sight.language.say(f"severity.{severity_of(finding)}"),
    ]
