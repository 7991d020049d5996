"""Owns `callwarden log erase` and `log retain`: personal data that goes, because the person asks
or because its time is over, while the ledger stays provable.

Neither goes below what a pack in force says must be kept, unless that is said expressly.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy import rulebook
from policy.commands.entries import WHO, canonical, login
from policy.dialling.pack import KeepText
from policy.ledger import LedgerUnavailable
from policy.ledger import forgetting as forget
from policy.ledger.erasing import Answerable, Eraser

_A_YEAR_DAYS: Final = 365

_WORDS: Final = {
    "zh": {
        "rows": "  {table}：{rows} 行",
        "nothing": "没有可删除的个人信息",
        "would": "将删除以下行中的号码、客户编号和谈话内容（行本身及其链接保留）：",
        "stands": "{entries} 条有效禁呼记录只留密钥哈希（不得再拨的义务仍在），其余删除",
        "counting": "此前的呼叫将不再计入该客户的次数限制",
        "confirm": "删除后无法恢复，确定吗？",
        "done": "已从 {rows} 行删除个人信息，账本仍可校验；备份和已导出的文件仍含这些信息",
        "terms": "有 {rows} 行尚在规则包要求的保存期内：",
        "term": "  {pack}：至少 {days} 天（{title}；{citation}）",
        "before": "早于 {before} 的个人信息（{days} 天）",
        "no term": "没有规则包规定一年以上的保存期：请设置 ledger.retain_days 或给出 --days",
    },
    "en": {
        "rows": "  {table}: {rows} rows",
        "nothing": "there is no personal data to erase",
        "would": "numbers, customers' ids and words go from these rows; the rows and their links "
        "stay:",
        "stands": "{entries} do-not-call entries stand: they keep their keyed hashes, for the duty "
        "not to call goes on, and lose everything else",
        "counting": "calls made so far no longer count for this person's limits",
        "confirm": "It cannot be undone. Erase?",
        "done": "erased from {rows} rows, and the ledger can still be verified; backups and "
        "exports still hold it",
        "terms": "{rows} rows are younger than a pack in force wants them kept:",
        "term": "  {pack}: at least {days} days ({title}; {citation})",
        "before": "personal data from before {before} ({days} days)",
        "no term": "no pack in force names a term of a year or more: set ledger.retain_days, or "
        "give --days",
    },
}


@click.command(
    epilog='Example: callwarden log erase --customer 4711 --why "request of 2026-03-01" --dry-run'
)
@click.option("--customer", default="", metavar="ID", help="The site's own id, with all numbers.")
@click.option("--number", default="", help="One number, whoever's.")
@click.option("--why", required=True, help="For the log; kept encrypted.")
@WHO
@click.option("--dry-run", is_flag=True, help="Say what would go, and stop.")
@click.option("--despite-terms", is_flag=True, help="Also what a pack in force wants kept.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_settings
def erase(
    configured: Settings,
    *,
    customer: str,
    number: str,
    why: str,
    who: str | None,
    dry_run: bool,
    despite_terms: bool,
    yes: bool,
) -> int:
    """Erases a person: numbers, ids, and every word of the calls with the person.

    Do-not-call entries that stand keep the keyed hash by which the gate finds them. Exit code 1:
    nothing was erased, because a pack in force wants it kept.
    """
    if not customer and not number:
        raise click.UsageError("say whom: --customer or --number")
    words, now = _WORDS[configured.locale], datetime.now(UTC)
    number = canonical(number, configured.gate.region) if number else ""
    with _erasing(configured) as eraser:
        stands = forget.person(eraser, number, customer, now)
        if not _say(eraser.counts(), words):
            return 0
        if stands:
            click.echo(words["stands"].format(entries=stands))
        click.echo(words["counting"])
        if not despite_terms and _too_young(eraser, configured, now):
            return 1
        if dry_run:
            return 0
        if not yes:
            click.confirm(words["confirm"], abort=True)
        forget.carry_over(eraser, number, customer, now)
        rows = _go(eraser, Answerable("person", who or login(), why), now)
        click.echo(words["done"].format(rows=rows))
    return 0


@click.command(epilog="Example: callwarden log retain --dry-run")
@click.option("--days", type=click.IntRange(1), help="Older than that (default: configuration).")
@WHO
@click.option("--dry-run", is_flag=True, help="Say what would go, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_settings
def retain(
    configured: Settings, *, days: int | None, who: str | None, dry_run: bool, yes: bool
) -> int:
    """Erases personal data whose time is over: older than `ledger.retain_days`, and than every pack
    in force wants it kept.

    Where the configuration says nothing, the longest term of the packs holds. Rows and links stay;
    do-not-call entries and consents that stand are left alone, and attempts for 400 days.
    """
    words, now = _WORDS[configured.locale], datetime.now(UTC)
    terms = _terms(configured)
    longest = max((each.at_least_days for _, each in terms), default=0)
    asked = days or configured.ledger.retain_days
    if asked is None and longest < _A_YEAR_DAYS:
        raise click.UsageError(words["no term"])
    term = max(asked or 0, longest)
    before = now - timedelta(days=term)
    _say_terms(configured, words)
    click.echo(words["before"].format(before=before.isoformat(timespec="seconds"), days=term))
    with _erasing(configured) as eraser:
        forget.older(eraser, before, now)
        if not _say(eraser.counts(), words) or dry_run:
            return 0
        if not yes:
            click.confirm(words["confirm"], abort=True)
        rows = _go(eraser, Answerable("retention", who or login(), f"{term} days"), now)
        click.echo(words["done"].format(rows=rows))
    return 0


@contextmanager
def _erasing(configured: Settings) -> Iterator[Eraser]:
    try:
        eraser = Eraser(configured.ledger_file, configured.ledger_key_file)
        try:
            yield eraser
        finally:
            eraser.close()
    except LedgerUnavailable as error:
        raise click.ClickException(str(error)) from None


def _say(counts: Mapping[str, int], words: Mapping[str, str]) -> bool:
    """What would go; False when it is nothing."""
    click.echo(words["would"] if counts else words["nothing"])
    for table, rows in counts.items():
        click.echo(words["rows"].format(table=table, rows=rows))
    return bool(counts)


def _too_young(eraser: Eraser, configured: Settings, now: datetime) -> bool:
    """Says so when rows are to go that a pack wants kept."""
    words = _WORDS[configured.locale]
    longest = max((each.at_least_days for _, each in _terms(configured)), default=0)
    rows = forget.younger(eraser, now - timedelta(days=longest)) if longest else 0
    if rows:
        click.echo(words["terms"].format(rows=rows), err=True)
        _say_terms(configured, words, err=True)
    return bool(rows)


def _terms(configured: Settings) -> list[tuple[str, KeepText]]:
    """What the packs in force want kept."""
    chosen = configured.rules
    packs = rulebook.read(chosen.folder, chosen.packs, chosen.speech).dialling
    return [(pack.pack, each) for pack in packs for each in pack.keep]


def _say_terms(configured: Settings, words: Mapping[str, str], *, err: bool = False) -> None:
    for pack, each in _terms(configured):
        title = getattr(each.title, configured.locale)
        told = {"pack": pack, "days": each.at_least_days, "title": title}
        click.echo(words["term"].format(**told, citation=each.citation), err=err)


def _go(eraser: Eraser, answerable: Answerable, now: datetime) -> int:
    count = sum(eraser.counts().values())
    with tqdm(total=count, unit=" rows", disable=None, file=sys.stderr) as bar:
        return eraser.erase(answerable, now, bar.update)
