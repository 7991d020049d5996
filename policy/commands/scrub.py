"""Owns `callwarden scrub LIST`: which numbers of a dial list would be allowed, and of the others
why not and when.

A dry run over CSV or XLSX of any length, in flat memory. A running gateway does the work (its
service Gate); without one, scrubber processes of this command's own over rules and ledger.
"""

import asyncio
import csv
import sys
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Final

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.problems import ProblemsFound
from callwarden.settings import Settings
from callwarden.v1 import gate_pb2 as wire
from callwarden.v1 import oversight_pb2 as oversight
from policy import rulebook
from policy.commands import list_file, running_gateway
from policy.commands.about_the_call import AboutTheCall, about_the_call
from policy.commands.iso_time import Instant
from policy.commands.list_file import ListFile
from policy.ledger import LedgerUnavailable
from policy.ruling_on_the_wire import call_message, instant, seconds
from policy.scrubber import Scrubbing
from policy.scrubbing import scrubbed

_BATCH: Final = 1000
_AHEAD: Final = 8
"""Batches under way at a time: their rows are what is kept in memory."""
_ADDED: Final = ("verdict", "reasons", "earliest")

_WORDS: Final = {
    "zh": {
        "progress": "号码",
        "done": "{asked} 个号码：允许 {allowed}，拒绝 {refused}",
        "by gateway": "由运行中的网关判定：{address}",
        "by ledger": "由本命令依规则与台账判定：{file}",
        "no ledger": "未找到台账 {file}：按从未呼叫过的客户判定",
        "column": "号码所在列：第 {place} 列",
    },
    "en": {
        "progress": "numbers",
        "done": "{asked} numbers: {allowed} allowed, {refused} refused",
        "by gateway": "decided by the gateway at {address}",
        "by ledger": "decided here, from rules and the ledger {file}",
        "no ledger": "no ledger at {file}: decided as for people who were never called",
        "column": "the numbers are in column {place}",
    },
}

Row = tuple[str, ...]


@dataclass
class _Tally:
    asked: int = 0
    allowed: int = 0
    rules: Counter[str] = field(default_factory=Counter)


@click.command(
    epilog="Example: callwarden scrub tomorrow.csv --scene marketing.loan"
    " --at 2026-03-02T10:00:00+08:00 --output tomorrow-scrubbed.csv"
)
@click.argument(
    "file", metavar="LIST", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the CSV (default: standard output).",
)
@click.option(
    "--at", type=Instant(), metavar="TIME", help="ISO 8601; when it is dialled (default: now)."
)
@click.option("--number-column", metavar="NAME", help="Header, or place from 1, of the numbers.")
@click.option("--customer-column", metavar="NAME", help="Of the site's own ids of the people.")
@click.option("--debt-column", metavar="NAME", help="Of the site's own ids of the debts.")
@click.option("--product-column", metavar="NAME", help="Of the products, where they differ.")
@about_the_call
@click.option(
    "--pack", "packs", multiple=True, help="Evaluate these packs in place of the active ones."
)
@with_settings
def scrub(
    configured: Settings,
    *,
    file: Path,
    output: Path | None,
    at: datetime | None,
    call: AboutTheCall,
    packs: tuple[str, ...],
    **columns: str | None,
) -> int:
    """Which numbers of a dial list would be allowed? A dry run: nothing is reserved.

    LIST is CSV or XLSX, with or without a header; the columns of number, customer, debt and
    product are found by their names. The output is the list as CSV with three more columns:
    verdict, reasons (rule ids), earliest (UTC). A running gateway is asked (oversight.address);
    without one, and with --pack, rules and ledger are read directly.

    Exit code 0: all allowed. 1: at least one refused. 2: the list or the configuration is wrong.
    """
    named = {key.removesuffix("_column"): value for key, value in columns.items() if value}
    listed = list_file.read(file, named)
    words = _WORDS[configured.locale]
    click.echo(words["column"].format(place=listed.columns["number"] + 1), err=True)
    try:
        with _writing(output) as sink:
            scrubbing = _Scrub(configured, listed, call, at or datetime.now(UTC), sink)
            tally = asyncio.run(scrubbing.run(packs))
    except (LedgerUnavailable, OSError) as error:
        raise click.ClickException(str(error)) from None
    refused = tally.asked - tally.allowed
    click.echo(
        words["done"].format(asked=tally.asked, allowed=tally.allowed, refused=refused), err=True
    )
    for rule, count in tally.rules.most_common():
        click.echo(f"  {count:>9}  {rule}", err=True)
    return 1 if refused else 0


@contextmanager
def _writing(output: Path | None) -> Iterator[IO[str]]:
    """A file appears under its name only when it is complete."""
    if output is None:
        yield sys.stdout
        return
    unfinished = output.with_name(output.name + ".part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as sink:
            yield sink
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)


class _Scrub:
    """One list on its way."""

    def __init__(
        self,
        configured: Settings,
        listed: ListFile,
        call: AboutTheCall,
        at: datetime,
        sink: IO[str],
    ) -> None:
        self._configured = configured
        self._listed = listed
        self._call = call
        self._at = at
        self._writer = csv.writer(sink, lineterminator="\n")
        self._under_way: deque[list[Row]] = deque()
        self._room = asyncio.Semaphore(_AHEAD)
        self._trouble: ProblemsFound | None = None
        self._tally = _Tally()

    async def run(self, packs: tuple[str, ...]) -> _Tally:
        """Raises LedgerUnavailable, and ProblemsFound for a list that goes bad halfway."""
        words = _WORDS[self._configured.locale]
        if self._listed.header:
            self._writer.writerow([*self._listed.header, *_ADDED])
        total = self._listed.about_rows
        with tqdm(total=total, desc=words["progress"], unit="", disable=None) as progress:
            async with aclosing(await self._responses(packs)) as responses:
                async for response in responses:
                    rows = self._under_way.popleft()
                    self._room.release()
                    self._write(rows, response)
                    progress.update(len(rows))
        if self._trouble:
            raise self._trouble
        return self._tally

    async def _responses(self, packs: tuple[str, ...]) -> AsyncGenerator[wire.ScrubResponse, None]:
        """Where they come from; says which it is."""
        configured, words = self._configured, _WORDS[self._configured.locale]
        if not packs and await running_gateway.serves(configured):
            address = configured.oversight.address
            click.echo(words["by gateway"].format(address=address), err=True)
            return running_gateway.scrubbed(configured, self._batches())
        file = configured.ledger_file
        told = "by ledger" if file.exists() else "no ledger"
        click.echo(words[told].format(file=file), err=True)
        rules = rulebook.load(
            configured.rules.folder, packs or configured.rules.packs, configured.rules.speech
        )
        by = Scrubbing(
            rules.dialling,
            file if file.exists() else None,
            configured.ledger_key_file,
            configured.gate.region,
            self._at,
        )
        return scrubbed(self._batches(), by)

    async def _batches(self) -> AsyncIterator[wire.ScrubRequest]:
        rows = self._listed.rows()
        at = seconds(self._at)
        while True:
            await self._room.acquire()
            try:
                batch = [row for _, row in islice(rows, _BATCH)]
            except ProblemsFound as trouble:
                # gRPC takes what a stream of requests raises for a reason of its own to cancel.
                self._trouble = trouble
                return
            if not batch:
                return
            self._under_way.append(batch)
            yield wire.ScrubRequest(calls=map(self._asked, batch), at=at)

    def _asked(self, row: Row) -> wire.Call:
        cell = self._listed.cell
        request = self._call.request(
            cell(row, "number"),
            self._configured.gate.region,
            customer=cell(row, "customer"),
            debt=cell(row, "debt"),
            product=cell(row, "product"),
        )
        return call_message(request)

    def _write(self, rows: list[Row], response: wire.ScrubResponse) -> None:
        rules = [reason.rule for reason in response.reasons]
        tally, width = self._tally, len(self._listed.header)
        for row, found in zip(rows, response.scrubbed, strict=True):
            against = [rules[place] for place in found.reasons]
            allowed = found.verdict == oversight.VERDICT_ALLOW
            earliest = None if allowed else instant(found.earliest)
            padding = [""] * (width - len(row))
            self._writer.writerow(
                [
                    *row,
                    *padding,
                    "ALLOW" if allowed else "DENY",
                    " ".join(against),
                    earliest.isoformat() if earliest else "",
                ]
            )
            tally.asked += 1
            tally.allowed += allowed
            if not allowed:
                tally.rules.update(against)
