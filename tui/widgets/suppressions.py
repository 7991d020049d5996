"""Owns the do-not-call entries made lately, today's counted, and the finding behind each."""

from collections.abc import Sequence

from tui import phrasing
from tui.call import Suppressed
from tui.sight import Sight
from tui.spans import Line
from tui.widgets.listing import Column
from tui.widgets.panel import Panel, labelled


class SuppressionsPanel(Panel[Suppressed]):
    """The newest on top."""

    title = "suppressions.title"
    empty = "suppressions.none"
    columns = (
        Column("at", 11),
        Column("number", 14),
        Column("source", 9, en_cells=10),
        Column("status", 15, en_cells=23),
        Column("behind"),
    )

    def key(self, item: Suppressed) -> str:
        return item.suppression.suppression_id

    def items(self, sight: Sight) -> Sequence[Suppressed]:
        newest = sorted(sight.view.suppressions.values(), key=lambda made: -made.at)
        return [
            made
            for made in newest
            if not sight.wanted
            or sight.matches(made.suppression.number_masked, _source(made, sight)[0][0])
        ]

    def heading(self, sight: Sight) -> dict[str, str]:
        made = sight.view.suppressions.values()
        today = sum(sight.times.today(each.at, sight.floor_now) for each in made)
        return {"count": str(today)}

    def cells(self, item: Suppressed, sight: Sight) -> dict[str, Line]:
        made = item.suppression
        found = sight.view.findings.get((made.call_id, made.finding_id))
        behind: Line = ((made.call_id, "dim"),)
        if found:
            said = found.finding.heard_text or found.finding.heard_pinyin
            behind = (*phrasing.finding(found, sight.language), (f"  {said}", ""))
        return {
            "at": ((_at(item, sight), "dim"),),
            "number": ((made.number_masked, ""),),
            "source": _source(item, sight),
            "status": _status(item, sight),
            "behind": behind,
        }

    def read(self, item: Suppressed, sight: Sight) -> list[Line]:
        made, say = item.suppression, sight.language.say
        found = sight.view.findings.get((made.call_id, made.finding_id))
        lines: list[Line] = [
            (
                ("⊘ ", "warn"),
                (made.number_masked, "strong"),
                ("  ", ""),
                *_status(item, sight),
                (f"  {sight.times.clock(item.at)}", "dim"),
            ),
            (),
            labelled(say("column.source"), *_source(item, sight)),
        ]
        if found:
            heard = found.finding.heard_text or found.finding.heard_pinyin
            lines += [
                labelled(say("column.behind"), *phrasing.finding(found, sight.language)),
                labelled(say("finding.heard"), (heard, "strong")),
            ]
        if made.call_id:
            lines.append(labelled(say("finding.call"), (made.call_id, "dim")))
        return [*lines, labelled(say("suppression.id"), (made.suppression_id, "dim"))]


def _at(made: Suppressed, sight: Sight) -> str:
    """Time of day, and the day where it was not today."""
    if sight.times.today(made.at, sight.floor_now):
        return sight.times.clock(made.at)
    return sight.times.day_and_clock(made.at, sight.floor_now, sight.language)


def _source(made: Suppressed, sight: Sight) -> Line:
    source = made.suppression.source
    return ((sight.language.say_or(f"source.{source}", source), ""),)


def _status(made: Suppressed, sight: Sight) -> Line:
    if made.suppression.provisional:
        return ((f"? {sight.language.say('suppression.provisional')}", "minor"),)
    return ((f"✔ {sight.language.say('suppression.certain')}", "good"),)
