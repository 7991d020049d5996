"""Owns `callwarden report`: what a day came to, as a page for people or as JSON."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy import daily
from policy.commands.entries import reading
from policy.commands.iso_time import Zone, day_in, this_zone
from policy.commands.output import output
from policy.commands.report_page import page
from policy.commands.who import people_of
from policy.daily import Day, Judged, shares

_FORMS = ("text", "json", "markdown", "html")


@click.command(epilog="Example: callwarden report --day 2026-03-02 --format html -o report.html")
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), help="Which day, in --zone (default: yesterday)."
)
@click.option("--zone", type=Zone(), help="Whose midnight (default: this machine's).")
@click.option("--format", "form", type=click.Choice(_FORMS), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--language", type=click.Choice(["zh", "en"]), help="Default: locale.")
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write (default: stdout).",
)
@with_settings
def report(
    configured: Settings,
    *,
    day: datetime | None,
    zone: ZoneInfo | None,
    form: str,
    as_json: bool,
    language: str | None,
    file: Path | None,
) -> int:
    """What a day came to: calls, seconds analysed and not, refusals, violations as people judged
    them, suppressions, retraining. Every whole is the sum of its parts.

    A call belongs to the day in which it was decided. Only violations that were upheld count
    against an agent. Exit code 1 when something does not add up.
    """
    zone = zone or this_zone()
    asked = day.date() if day else (datetime.now(UTC).astimezone(zone) - timedelta(days=1)).date()
    since, until = day_in(asked, zone)
    people = people_of(configured)
    with reading(configured) as reader:
        books = reader.books
        made = daily.day(
            books.calls(since, until),
            books.findings(since, until),
            books.counts(since, until),
            people.team_of if people else None,
        )
    named = f"{asked.isoformat()} ({zone.key})"
    told = page(made, named, language or configured.locale)
    texts = {"text": told.as_text, "markdown": told.as_markdown, "html": told.as_html}
    if as_json or form == "json":
        text = json.dumps(_fields(made, named), ensure_ascii=False, indent=2) + "\n"
    else:
        text = texts[form]()
    try:
        with output(file) as sink:
            sink.write(text.encode())
    except OSError as error:
        raise click.ClickException(str(error)) from None
    return 0 if made.adds_up else 1


def _fields(made: Day, named: str) -> dict[str, Any]:
    calls = {name: made.calls[name] for name in daily.CLASSES}
    seconds = {"analysed": made.analysed_s, **made.missing_s}
    counts = made.counts
    return {
        "day": named,
        "calls": {"all": made.asked_or_placed, **calls},
        "calls_percent": shares(calls),
        "not_answered": dict(made.not_answered),
        "seconds": {
            "talk": round(made.talk_s, 3),
            "analysed": round(made.analysed_s, 3),
            "not_analysed": {name: round(each, 3) for name, each in made.missing_s.items()},
        },
        "seconds_percent": shares(seconds),
        "refusals": {"by_first_reason": dict(made.refused_by), "by_reason": dict(made.reasons)},
        "violations": {
            "all": made.violations,
            "withdrawn": made.withdrawn,
            "by_rule": [_judged("rule", *each) for each in sorted(made.by_rule.items())],
            "by_agent": [_judged("agent", *each) for each in sorted(made.by_agent.items())],
            "by_team": [_judged("team", *each) for each in sorted(made.by_team.items())],
        },
        "suppressions": {
            "by_source": dict(counts.suppressions),
            "provisional": counts.provisional,
            "released": counts.releases,
        },
        "retraining": dict(counts.retraining),
        "recordings": counts.recordings,
        "adds_up": made.adds_up,
    }


def _judged(name: str, key: str, judged: Judged) -> dict[str, Any]:
    title = {"title_zh": judged.title.zh, "title_en": judged.title.en} if judged.title else {}
    severity = {"severity": judged.severity} if judged.severity else {}
    counts = {each: judged.counts[each] for each in daily.STANDINGS}
    all_of_it = {"all": judged.total, "precision": judged.precision}
    return {name: key, **title, **severity, **counts, **all_of_it}
