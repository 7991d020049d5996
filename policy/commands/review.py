"""Owns `callwarden review …`: auditors who judge findings without a console, appeals, and what the
judgements say of each rule.

The ledger decides what may follow what: an appeal is settled by somebody else than the first
reviewer and whoever appealed. A finding that is dismissed lifts no suppression.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy import daily
from policy.commands.entries import reading, writing
from policy.commands.iso_time import Ago, Instant
from policy.commands.report_page import judged_table, word
from policy.commands.who import TOKEN_FILE, people_of, whoever
from policy.daily import OPEN, STANDINGS
from policy.ledger import Ledger, LedgerReader
from policy.ledger.accounts import DayCounts, JudgedFinding
from policy.ledger.acts import (
    ActKind,
    DoneAct,
    NoSuchFinding,
    ReviewRefused,
    SamePerson,
    Standing,
)
from policy.people import Person

_LATELY: Final = timedelta(days=30)

_Command = Callable[..., Any]


def _chosen(command: _Command) -> _Command:
    """Which findings: options that the listing and the figures have in common."""
    options = (
        click.option("--since", type=Ago(), metavar="TIME", help="ISO 8601, or 30d (the default)."),
        click.option("--until", type=Instant(), metavar="TIME", help="Before then: ISO 8601."),
        click.option("--agent", multiple=True, metavar="ID", help="Of this agent."),
        click.option("--rule", multiple=True, help="Of this rule."),
        TOKEN_FILE,
        click.option("--json", "as_json", is_flag=True, help="JSON on stdout."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(epilog="Example: callwarden review list --standing open --since 7d")
@click.option(
    "--standing", type=click.Choice(STANDINGS), multiple=True, help="Default: open and appealed."
)
@_chosen
@with_settings
def list_findings(
    configured: Settings, *, standing: tuple[str, ...], as_json: bool, **which: Any
) -> None:
    """Findings that wait for a review or for a second reviewer, oldest first.

    A line: when, call, finding, severity, agent, how it stands.
    """
    wanted = standing or (OPEN, Standing.APPEALED.value)
    with reading(configured) as reader:
        for each in _findings(configured, reader, **which):
            stands = each.standing.value if each.standing else OPEN
            if stands in wanted and not each.withdrawn:
                click.echo(_line(each, stands, configured.locale, as_json=as_json))


@click.command(epilog="Example: callwarden review figures --since 90d --json")
@_chosen
@with_settings
def figures(configured: Settings, *, as_json: bool, **which: Any) -> None:
    """How findings were judged, rule by rule and agent by agent: upheld, dismissed, under appeal,
    not reviewed; and of those judged, the share that was upheld. Only upheld ones count against
    anybody.
    """
    with reading(configured) as reader:
        found = _findings(configured, reader, **which)
        made = daily.day([], found, DayCounts(0, 0, {}, 0, 0, {}), None)
    parts = {"rule": made.by_rule, "agent": made.by_agent}
    if as_json:
        said = {
            name: [
                {
                    name: key,
                    **{standing: judged.counts[standing] for standing in STANDINGS},
                    "precision": judged.precision,
                }
                for key, judged in sorted(part.items())
            ]
            for name, part in parts.items()
        }
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
        return
    for (name, part), title in zip(parts.items(), ("violations", "agents"), strict=True):
        click.echo(judged_table(title, name, part, configured.locale).as_text())
        click.echo()


def _act(standing: Standing, name: str, example: str, summary: str) -> click.Command:
    """A command that judges one finding."""

    @click.command(name=name, help=summary, epilog=f"Example: callwarden review {example}")
    @click.argument("call_id", metavar="CALL")
    @click.argument("finding_id", metavar="FINDING")
    @click.option("--note", default="", help="Why.")
    @TOKEN_FILE
    @with_settings
    def command(
        configured: Settings, *, call_id: str, finding_id: str, note: str, token_file: Path | None
    ) -> None:
        act = _Judgement(call_id, finding_id, standing, note, settles=False)
        _judge(configured, act, token_file)

    return command


_FINDING: Final = "pbx-1.17-4711 threat.family-1"
uphold = _act(
    Standing.UPHELD,
    "uphold",
    f"uphold {_FINDING}",
    "A finding is right: from now on it counts against the agent.",
)
dismiss = _act(
    Standing.DISMISSED,
    "dismiss",
    f"dismiss {_FINDING} --note 'a quotation'",
    "A finding is wrong: it counts against nobody. A suppression behind it stays.",
)
appeal = _act(
    Standing.APPEALED,
    "appeal",
    f"appeal {_FINDING} --note 'the customer asked'",
    "The agent appeals against a review; another reviewer is to settle it.",
)


@click.command(epilog=f"Example: callwarden review settle {_FINDING} dismissed --note 'heard it'")
@click.argument("call_id", metavar="CALL")
@click.argument("finding_id", metavar="FINDING")
@click.argument("standing", type=click.Choice(["upheld", "dismissed"]))
@click.option("--note", default="", help="Why.")
@TOKEN_FILE
@with_settings
def settle(
    configured: Settings,
    *,
    call_id: str,
    finding_id: str,
    standing: str,
    note: str,
    token_file: Path | None,
) -> None:
    """Settles an appeal, for good, as somebody else than who reviewed first and who appealed."""
    act = _Judgement(call_id, finding_id, Standing(standing), note, settles=True)
    _judge(configured, act, token_file)


@dataclass(frozen=True)
class _Judgement:
    call_id: str
    finding_id: str
    standing: Standing
    note: str
    settles: bool


def _judge(configured: Settings, said: _Judgement, token_file: Path | None) -> None:
    person = whoever(configured, token_file)
    if not person.may(ActKind.REVIEW):
        raise click.UsageError(f"reviews are not for {person.role.value}s")
    if said.standing is Standing.APPEALED and not said.note.strip():
        raise click.UsageError("an appeal says why: give the agent's reason with --note")
    with reading(configured) as reader:
        _known(configured, reader, person, said.call_id)
        appealed = reader.acts.standing_of(said.call_id, said.finding_id) is Standing.APPEALED
    if said.settles is not appealed and said.standing is not Standing.APPEALED:
        raise click.ClickException(
            "nobody has appealed: use review uphold or dismiss"
            if said.settles
            else "there is an appeal: another reviewer settles it with review settle"
        )
    act = DoneAct(
        datetime.now(UTC),
        ActKind.REVIEW,
        person.name,
        person.role.value,
        said.call_id,
        said.finding_id,
        standing=said.standing,
        note=said.note.strip(),
    )
    with writing(configured) as ledger:
        done = _reviewed(ledger, act)
    told = "settled" if done.act is ActKind.SETTLE_APPEAL else said.standing.value
    click.echo(f"{said.finding_id}: {word(told, configured.locale)}", err=True)


def _reviewed(ledger: Ledger, act: DoneAct) -> DoneAct:
    try:
        return ledger.acts.review(act).result()
    except NoSuchFinding:
        raise click.ClickException("there is no such finding: see callwarden review list") from None
    except SamePerson:
        raise click.ClickException(
            "another person settles an appeal than the one who reviewed or appealed"
        ) from None
    except ReviewRefused as refused:
        raise click.ClickException(str(refused)) from None


def _known(configured: Settings, reader: LedgerReader, person: Person, call_id: str) -> None:
    """Raises ClickException where the call is not there, or another team's."""
    call = reader.call(call_id)
    people = people_of(configured)
    if call is None or not person.sees(people.team_of(call.agent) if people else ""):
        raise click.ClickException("there is no such call")


def _findings(
    configured: Settings,
    reader: LedgerReader,
    *,
    since: datetime | None,
    until: datetime | None,
    agent: tuple[str, ...],
    rule: tuple[str, ...],
    token_file: Path | None,
) -> Iterator[JudgedFinding]:
    """Those that the options choose and this person sees."""
    person, people = whoever(configured, token_file), people_of(configured)
    now = datetime.now(UTC)
    until = until or now + timedelta(days=1)
    for each in reader.books.findings(since or now - _LATELY, until):
        wanted = (not agent or each.agent in agent) and (not rule or each.rule in rule)
        if wanted and person.sees(people.team_of(each.agent) if people else ""):
            yield each


def _line(found: JudgedFinding, stands: str, locale: str, *, as_json: bool) -> str:
    fields = {
        "at": found.at.isoformat(timespec="seconds"),
        "call": found.call_id,
        "finding": found.finding_id,
        "severity": found.severity,
        "agent": found.agent,
        "standing": stands,
        "title": found.title.zh if locale == "zh" else found.title.en,
    }
    if as_json:
        return json.dumps(fields, ensure_ascii=False)
    shown = fields | {"standing": word(stands, locale)}
    return "\t".join(shown.values())
