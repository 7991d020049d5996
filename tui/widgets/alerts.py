"""Owns the alerts: what needs a person, how grave it is, and who has dealt with it."""

from collections.abc import Sequence

from tui import phrasing
from tui.ringing import title
from tui.sight import Sight
from tui.spans import Line
from tui.view import Alerted, alert_severity
from tui.widgets.listing import Column
from tui.widgets.panel import Panel, labelled


class AlertsPanel(Panel[Alerted]):
    """Those nobody acknowledged, the worst on top; then the others, the newest first."""

    title = "alerts.title"
    empty = "alerts.none"
    columns = (
        Column("severity", 7, en_cells=11),
        Column("at", 8),
        Column("agent", 6),
        Column("alert"),
        Column("times", 5, align="right"),
        Column("answer", 15, en_cells=19),
    )

    def key(self, item: Alerted) -> str:
        return item.alert.alert_id

    def heading(self, sight: Sight) -> dict[str, str]:
        return {"count": str(len(sight.view.open_alerts()))}

    def items(self, sight: Sight) -> Sequence[Alerted]:
        done = sorted(
            (each for each in sight.view.alerts.values() if not each.open),
            key=lambda each: -each.alert.acknowledged_at,
        )
        shown = [*sight.view.open_alerts(), *done]
        return [each for each in shown if not sight.wanted or sight.matches(*_fields(each, sight))]

    def cells(self, item: Alerted, sight: Sight) -> dict[str, Line]:
        alert, severity = item.alert, alert_severity(item.alert)
        role = "" if item.open else "dim"
        return {
            "severity": _severity(item, sight),
            "at": ((sight.times.clock(item.last_at), "dim"),),
            "agent": ((alert.agent or "—", role),),
            "alert": ((title(item, sight.language), severity if item.open else "dim"),),
            "times": ((f"×{alert.count}" if alert.count > 1 else "", role),),
            "answer": _answer(item, sight),
        }

    def read(self, item: Alerted, sight: Sight) -> list[Line]:
        alert, say = item.alert, sight.language.say
        call = sight.view.calls.get(alert.call_id)
        number = call.change.number_masked if call else ""
        kind = sight.language.say_or(f"alert.kind.{alert.kind}", alert.kind)
        lines: list[Line] = [
            (
                *_severity(item, sight),
                (f"  {title(item, sight.language)}", "strong"),
                (f"  {say('alert.times', count=str(max(1, alert.count)))}", "dim"),
            ),
            (),
            labelled(say("alert.kind"), (kind, "")),
            labelled(say("alert.first"), (sight.times.clock(item.at), "")),
            labelled(say("alert.last"), (sight.times.clock(item.last_at), "")),
        ]
        if alert.call_id:
            whom = f"{alert.agent or '—'} → {number or alert.call_id}"
            lines.append(labelled(say("finding.call"), (whom, "")))
        if not item.open:
            told = say(
                "alert.acknowledged",
                who=alert.acknowledged_by,
                at=sight.times.clock(alert.acknowledged_at),
            )
            lines.append(labelled(say("column.answer"), (f"✔ {told}", "good")))
        else:
            lines.append(labelled(say("column.answer"), *_answer(item, sight)))
        return [*lines, labelled(say("alert.id"), (alert.alert_id, "dim"))]


def _severity(item: Alerted, sight: Sight) -> Line:
    severity = alert_severity(item.alert)
    said = f"{phrasing.MARKS[severity]} {sight.language.say(f'severity.{severity}')}"
    return ((said, severity if item.open else "dim"),)


def _answer(item: Alerted, sight: Sight) -> Line:
    alert, say = item.alert, sight.language.say
    if item.open:
        quiet = alert.quiet
        return (
            (f"○ {say('alert.open.quiet' if quiet else 'alert.open')}", "dim" if quiet else "warn"),
        )
    at = f"{sight.times.local(alert.acknowledged_at):%H:%M}"
    return ((f"✔ {say('alert.done', who=alert.acknowledged_by, at=at)}", "good"),)


def _fields(item: Alerted, sight: Sight) -> list[str]:
    alert = item.alert
    severity = alert_severity(alert)
    return [
        alert.agent,
        alert.title_zh,
        alert.title_en,
        alert.kind,
        sight.language.say_or(f"alert.kind.{alert.kind}", alert.kind),
        sight.language.say(f"severity.{severity}"),
        *(text for text, _ in _answer(item, sight)),
    ]
