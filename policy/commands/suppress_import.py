"""Owns `callwarden suppress import FILE`: a list of people who do not want to be called.

Rows go into the ledger some hundred at a time, so that the gate's decisions pass between them. The
one invariant: that a list is as new as its import is said once, after its last row; an import that
was cut short leaves entries, and no list.
"""

import csv
import io
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Final

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.problems import Problem
from callwarden.settings import Settings
from policy.commands import list_file
from policy.commands.entries import WHO, Purpose, is_purpose, login, writing, wrong_number
from policy.commands.iso_time import Instant
from policy.commands.list_file import ListFile
from policy.commands.output import output
from policy.dialling import number as numbers
from policy.ledger import ImportedList, Ledger, ListedEntry

_AT_ONCE: Final = 100
"""Rows in one transaction: some 10 ms, which the gate's next decision waits at most."""
_FREE_S: Final = 0.05
"""The longest that is left to the gate after one."""

_WORDS = {
    "zh": {
        "checking": "检查",
        "importing": "导入",
        "done": "{rows} 行：新增 {added} 条，已有 {known} 条，拒绝 {rejected} 行",
        "none": "{rows} 行中有 {rejected} 行有误，未导入任何一行（--take-good 可导入其余行）",
        "complete": "名单 {name} 已完整更新，截至 {as_of:%Y-%m-%dT%H:%M:%SZ}",
        "incomplete": "有行被拒绝：名单 {name} 不算完整更新，其时效不变",
    },
    "en": {
        "checking": "checking",
        "importing": "importing",
        "done": "{rows} rows: {added} new entries, {known} already there, {rejected} rows refused",
        "none": "{rejected} of {rows} rows are wrong: none was taken (or use --take-good)",
        "complete": "list {name} is complete as of {as_of:%Y-%m-%dT%H:%M:%SZ}",
        "incomplete": "rows were refused: list {name} is not complete and as old as it was",
    },
}


@dataclass
class _Count:
    rows: int = 0
    added: int = 0
    rejected: int = 0


@dataclass(frozen=True)
class _Terms:
    """What holds for every row that does not say otherwise."""

    region: str
    purpose: str
    until: datetime | None
    now: datetime


@click.command(
    "import",
    epilog="Example: callwarden suppress import registry.csv --complete --take-good",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--list", "name", metavar="NAME", help="The list it is (default: the file's name, bare)."
)
@click.option(
    "--source",
    type=click.Choice(["import", "complaint"]),
    default="import",
    show_default=True,
    help="Where these people's wish comes from.",
)
@click.option("--channel", type=click.Choice(["voice", "*"]), default="voice", show_default=True)
@click.option(
    "--purpose", type=Purpose(), default="*", show_default="every purpose", help="A scene."
)
@click.option("--until", type=Instant(), metavar="TIME", help="ISO 8601 (default: for good).")
@click.option("--term", type=click.IntRange(1), metavar="DAYS", help="In place of --until.")
@click.option("--as-of", type=Instant(), metavar="TIME", help="When the list was obtained.")
@click.option(
    "--complete", is_flag=True, help="It is the whole list: from now on the list is as new as this."
)
@click.option(
    "--all-or-none/--take-good",
    default=True,
    show_default=True,
    help="Whether one wrong row refuses the file, or itself alone.",
)
@click.option(
    "--rejected",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the rows that are wrong, with why, to this CSV.",
)
@click.option("--number-column", metavar="NAME", help="Header, or place from 1, of the numbers.")
@click.option("--customer-column", metavar="NAME", help="Of the site's own ids of the people.")
@click.option("--until-column", metavar="NAME", help="Of when entries end, where they differ.")
@click.option("--purpose-column", metavar="NAME", help="Of their purposes, where they differ.")
@WHO
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@with_settings
def import_list(
    configured: Settings,
    *,
    file: Path,
    name: str | None,
    source: str,
    channel: str,
    purpose: str,
    until: datetime | None,
    term: int | None,
    as_of: datetime | None,
    complete: bool,
    all_or_none: bool,
    rejected: Path | None,
    who: str | None,
    as_json: bool,
    **columns: str | None,
) -> int:
    """Adds the people of a list: CSV (UTF-8 or GB 18030) or XLSX, of any length.

    Every wrong row is named with its line on stderr. The same list again adds what is new in it; no
    import shortens or ends an entry. Exit code 0: every row was taken. 1: the good ones were. 2:
    none was.
    """
    now = datetime.now(UTC)
    if until is not None and term is not None:
        raise click.UsageError("--until and --term say the same: give one")
    if term is not None:
        until = now + timedelta(days=term)
    if until is not None and until <= now:
        raise click.UsageError("--until has passed already: such entries would suppress nothing")
    if as_of is not None and as_of > now:
        raise click.UsageError("--as-of lies in the future")
    named = {key.removesuffix("_column"): value for key, value in columns.items() if value}
    listed = list_file.read(file, named)
    terms = _Terms(configured.gate.region, purpose, until, now)
    words = _WORDS[configured.locale]
    name = name or file.stem
    with _refusals(rejected, listed) as refusals:
        if all_or_none:
            count = _Count()
            for _ in _good(listed, terms, count, refusals, words["checking"]):
                pass
            if count.rejected:
                click.echo(words["none"].format(**vars(count)), err=True)
                return 2
        count = _Count()
        good = _good(listed, terms, count, refusals, words["importing"])
        with writing(configured) as ledger:
            count.added = _add(ledger, good, name, source, channel, now)
            whole = complete and not count.rejected
            made = ImportedList(
                name,
                as_of or now,
                datetime.now(UTC),
                who or login(),
                source,
                file.name,
                count.rows,
                count.added,
                count.rejected,
                whole,
            )
            ledger.add_list(made).result()
    known = count.rows - count.rejected - count.added
    if as_json:
        told = {"list": name, **vars(count), "known": known, "complete": whole}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(words["done"].format(**vars(count), known=known))
        if complete:
            told_of = words["complete" if whole else "incomplete"]
            click.echo(told_of.format(name=name, as_of=made.as_of))
    return 1 if count.rejected else 0


def _add(  # noqa: PLR0917  # said once, above
    ledger: Ledger,
    good: Iterator[ListedEntry],
    name: str,
    source: str,
    channel: str,
    now: datetime,
) -> int:
    """Rows are read between the transactions, not beside them, and after each the ledger is left
    free for as long as it took: whoever waits for it asks only now and then, and the gate must not
    wait in vain."""
    added = 0
    while some := list(islice(good, _AT_ONCE)):
        began = time.monotonic()
        added += ledger.suppress_listed(
            some, list_name=name, source=source, channel=channel, now=now
        ).result()
        time.sleep(min(time.monotonic() - began, _FREE_S))
    return added


class _Refusals:
    """Tells of each row that is wrong, and keeps it where asked."""

    def __init__(self, listed: ListFile, kept: IO[str] | None) -> None:
        self._listed = listed
        self._kept = csv.writer(kept) if kept else None
        if self._kept:
            self._kept.writerow(("line", "wrong", *listed.header))

    def add(self, line: int, row: tuple[str, ...], key: str, why: str) -> None:
        column = self._listed.columns.get(key, 0) + 1
        tqdm.write(str(Problem(str(self._listed.file), line, column, key, why)), file=sys.stderr)
        if self._kept:
            self._kept.writerow((line, f"{key} {why}", *row))


@contextmanager
def _refusals(kept: Path | None, listed: ListFile) -> Iterator[_Refusals]:
    if kept is None:
        yield _Refusals(listed, None)
        return
    with output(kept) as sink:
        text = io.TextIOWrapper(sink, encoding="utf-8-sig", newline="")
        yield _Refusals(listed, text)
        text.detach()


def _good(
    listed: ListFile, terms: _Terms, count: _Count, refusals: _Refusals, doing: str
) -> Iterator[ListedEntry]:
    """The rows that are entries; the others are told."""
    rows = tqdm(listed.rows(), desc=doing, total=listed.about_rows, unit="", disable=None)
    for line, row in rows:
        count.rows += 1
        cells = {key: listed.cell(row, key) for key in ("number", "customer", "until", "purpose")}
        if wrong := _wrong(cells, terms):
            count.rejected += 1
            refusals.add(line, row, *wrong)
            continue
        yield ListedEntry(
            numbers.canonical(cells["number"], terms.region),
            cells["customer"],
            _end(cells["until"]) if cells["until"] else terms.until,
            cells["purpose"] or terms.purpose,
        )


def _wrong(cells: dict[str, str], terms: _Terms) -> tuple[str, str] | None:
    """The column and what is wrong in it; None for a row that is an entry."""
    if why := wrong_number(cells["number"], terms.region):
        return "number", why
    if cells["until"]:
        try:
            end = _end(cells["until"])
        except ValueError:
            return "until", "is no ISO 8601 date or time, e.g. 2030-12-31"
        if end <= terms.now:
            return "until", "has passed already"
    if cells["purpose"] and not is_purpose(cells["purpose"]):
        return "purpose", "is no scene such as marketing.loan, and no branch such as marketing.*"
    return None


def _end(text: str) -> datetime:
    """In UTC. A date is a whole day of this site's; a time without an offset is this site's too.
    Raises ValueError."""
    end = datetime.fromisoformat(text)
    if len(text) == len("2030-12-31"):
        end += timedelta(days=1)
    return end.astimezone(UTC)
