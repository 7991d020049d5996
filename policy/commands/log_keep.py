"""Owns `callwarden log backup`, `log restore` and `log rotate-key`: copies of the ledger, and the
key its personal data is sealed with."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy.commands.entries import WHO, login
from policy.ledger import LedgerUnavailable, keeping

_WORDS: Final = {
    "zh": {
        "made": "已备份：{links} 条链接，{size} 字节，{file} 及其清单",
        "key": "恢复时需要密钥目录 {folder}：请另行保存，不要与备份放在一起",
        "restored": "已恢复到链接 {links}；请重新启动 gateway",
        "aside": "原账本移至 {file}",
        "later": "备份之后的检查点会显示账本被截断：这是实情，请记录恢复的时间和原因",
        "confirm": "用备份替换 {file}？",
        "rotated": "新密钥 {key} 从现在起用于加密；旧数据仍可读取",
        "save": "请立即备份 {file}：没有它，新数据无法读取",
    },
    "en": {
        "made": "backed up {links} links, {size} bytes: {file} and its manifest",
        "key": "to restore it you need the key folder {folder}: keep a copy, not beside the backup",
        "restored": "restored up to link {links}; start the gateway again",
        "aside": "the ledger that was there lies in {file}",
        "later": "checkpoints from after the backup will show the ledger as cut off, which it is: "
        "write down when and why it was restored",
        "confirm": "Replace {file} by the backup?",
        "rotated": "key {key} seals from now on; what was sealed before stays readable",
        "save": "copy {file} to where keys are kept, now: without it nobody reads what is new",
    },
}


@click.command(epilog="Example: callwarden log backup /mnt/backup/ledger-2026-03-04.sqlite3")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_settings
def backup(configured: Settings, file: Path) -> None:
    """Copies the ledger to FILE as it is at this moment, while the gateway works, with a signed
    manifest beside it. FILE is a ledger by itself: `log verify --ledger FILE` checks it."""
    words, keys = _WORDS[configured.locale], configured.ledger_key_file
    with _told():
        made = keeping.back_up(configured.ledger_file, keys, file, datetime.now(UTC))
    click.echo(words["made"].format(links=made.links, size=made.size, file=file))
    click.echo(words["key"].format(folder=keys.parent))


@click.command(epilog="Example: callwarden log restore /mnt/backup/ledger-2026-03-04.sqlite3")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_settings
def restore(configured: Settings, file: Path, *, yes: bool) -> None:
    """Puts the backup in FILE in the ledger's place, after checking all of it. Stop the gateway
    first. The ledger that is there is put aside, not removed."""
    words = _WORDS[configured.locale]
    if not yes and configured.ledger_file.exists():
        click.confirm(words["confirm"].format(file=configured.ledger_file), abort=True)
    with _told():
        made, aside = keeping.restore(
            file, configured.ledger_file, configured.ledger_key_file, datetime.now(UTC)
        )
    if aside is not None:
        click.echo(words["aside"].format(file=aside))
    click.echo(words["restored"].format(links=made.links))
    click.echo(words["later"])


@click.command("rotate-key", epilog="Example: callwarden log rotate-key --who Li")
@WHO
@with_settings
def rotate_key(configured: Settings, *, who: str | None) -> None:
    """Seals with a fresh key from now on; the gateway takes it up within a second.

    What was sealed before stays readable. The keyed hashes by which people are found stay those of
    the first key, for a person must be found in old rows and new ones.
    """
    words, keys = _WORDS[configured.locale], configured.ledger_key_file
    with _told():
        made = keeping.rotate(configured.ledger_file, keys, who or login(), datetime.now(UTC))
    click.echo(words["rotated"].format(key=made))
    click.echo(words["save"].format(file=keys))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except LedgerUnavailable as error:
        raise click.ClickException(str(error)) from None
