"""Owns `callwarden suppress remove|export`: ending do-not-call entries before their time, and all
entries as a file.

A removed entry stays in the ledger and in every list of entries, with who removed it and why; what
a rule's minimum term still holds is not lifted by it.
"""

import hashlib
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy.commands.entries import WHO, canonical, login, reading, writing
from policy.commands.output import leave_quietly, output, write_csv
from policy.commands.suppress import fields, told
from policy.commands.who import TOKEN_FILE, who_sees_numbers
from policy.ledger import RecordedSuppression
from policy.ledger.export import Chosen
from policy.ledger.export_kinds import Cell
from policy.ledger.exported import Export
from policy.people import Person

_ID: Final = re.compile(r"[0-9a-f]{32}")

_WORDS: Final = {
    "zh": {
        "removed": "已解除 {count} 条；规则规定的最短期限仍然有效",
        "none": "没有可解除的禁呼条目",
    },
    "en": {
        "removed": "{count} removed; a rule's minimum term holds in spite of it",
        "none": "there is no do-not-call entry to remove",
    },
}

_CHINESE: Final = {
    "id": "禁呼编号",
    "number": "号码",
    "since": "起始时间",
    "until": "截止时间",
    "source": "来源",
    "list": "名单",
    "channel": "渠道",
    "purpose": "用途",
    "provisional": "待复核",
    "call": "通话编号",
    "finding": "发现编号",
    "released_at": "解除时间",
    "released_by": "解除人",
    "customer": "客户编号",
    "released_why": "解除原因",
    "note": "备注",
}
_PERSONAL: Final = ("customer", "released_why", "note")
_COLUMNS: Final = tuple(each for each in _CHINESE if each not in _PERSONAL)


@click.command(
    epilog='Example: callwarden suppress remove +8613800138000 --why "he asked for it in form 12"'
)
@click.argument("number_or_id", metavar="NUMBER|ID")
@click.option("--why", required=True, help="Kept encrypted, and shown to an auditor.")
@WHO
@with_settings
def remove(configured: Settings, *, number_or_id: str, why: str, who: str | None) -> int:
    """Ends the entries of NUMBER, or the one of this ID, before their time.

    Nothing is deleted: each entry stays listed with who ended it, when and why. Exit code 1: there
    is nothing to end.
    """
    if not why.strip():
        raise click.UsageError("--why is empty: say why it is ended")
    words, now = _WORDS[configured.locale], datetime.now(UTC)
    by_id = _ID.fullmatch(number_or_id)
    number = "" if by_id else canonical(number_or_id, configured.gate.region)
    with reading(configured) as reader:
        found = [reader.suppression(number_or_id)] if by_id else reader.suppressions_of(number)
    standing = [each for each in found if each and not _ended(each, now)]
    if not standing:
        click.echo(words["none"], err=True)
        return 1
    with writing(configured) as ledger:
        for entry in standing:
            ledger.release(
                entry.suppression.suppression_id, who=who or login(), why=why, now=now
            ).result()
            click.echo("\t".join(told(entry, configured.locale)))
    click.echo(words["removed"].format(count=len(standing)), err=True)
    return 0


@click.command(epilog="Example: callwarden suppress export -o do-not-call.csv")
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write (default: stdout).",
)
@click.option(
    "--unmasked",
    is_flag=True,
    help="Numbers in full, customers, notes and reasons, for auditors and admins; the log tells.",
)
@TOKEN_FILE
@with_settings
def export(
    configured: Settings, *, file: Path | None, unmasked: bool, token_file: Path | None
) -> None:
    """All do-not-call entries as CSV, oldest first, ended and removed ones among them."""
    who = who_sees_numbers(configured, token_file, file) if unmasked else None
    names = _COLUMNS + _PERSONAL * unmasked
    headings = [_CHINESE[each] for each in names] if configured.locale == "zh" else names
    try:
        with reading(configured) as reader, output(file) as sink:
            entries = tqdm(
                reader.suppressions(),
                total=reader.select("suppressions", Chosen()).places,
                unit=" rows",
                disable=True if file is None and sys.stdout.isatty() else None,
                file=sys.stderr,
            )
            cells = (_cells(each, unmasked=unmasked) for each in entries)
            rows = write_csv(sink, headings, cells)
            if who is not None and file is not None:
                _record(configured, who, file, sink, rows)
    except BrokenPipeError:
        leave_quietly()
    except OSError as error:
        raise click.ClickException(str(error)) from None


def _record(configured: Settings, who: Person, file: Path, written: IO[bytes], rows: int) -> None:
    """The ledger tells of the export before its file has its name."""
    written.flush()
    written.seek(0)
    sha256 = hashlib.file_digest(written, "sha256").hexdigest()  # type: ignore[arg-type]  # a file that can be read
    now = datetime.now(UTC)
    made = Export(now, who.name, who.role.value, "suppressions", "csv", {}, True, rows, sha256)
    with writing(configured) as ledger:
        ledger.exports.record(made, file=file.name).result()


def _cells(entry: RecordedSuppression, *, unmasked: bool) -> list[Cell]:
    """In the order of the columns."""
    made: dict[str, Cell] = dict(fields(entry))
    if unmasked:
        made |= {
            "number": entry.number,
            "customer": entry.customer,
            "note": entry.note,
            "released_why": entry.release.why if entry.release else "",
        }
    return [made[each] for each in _COLUMNS + _PERSONAL * unmasked]


def _ended(entry: RecordedSuppression, now: datetime) -> bool:
    until = entry.suppression.until
    return until is not None and until <= now
