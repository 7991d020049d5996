"""Owns `callwarden log verify` and `log checkpoint`: whether the ledger is as it was written, and a
signed statement of how it stands.

Verifying needs neither the ledger's key nor a running gateway, and holds up nobody who writes.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from tqdm import tqdm

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy.commands.entries import writing
from policy.commands.trusted_keys import FILE, PUBLIC_KEYS
from policy.ledger import LedgerUnavailable, auditing, checkpoints, signing
from policy.ledger.auditing import Audit

_WORDS: Final = {
    "zh": {
        "whole": "账本完好：{links} 条记录逐一核对，{checkpoints} 个检查点相符",
        "bad": "账本与写入时不符：{bad}",
        "what": "请保留该文件供调查，并用最近的备份恢复（callwarden log restore）",
        "id": "账本 {ledger}，链尾 {head}",
        "nothing": "自上一个检查点以来没有新记录",
    },
    "en": {
        "whole": "the ledger is as it was written: {links} links and their rows, {checkpoints} "
        "checkpoints agree",
        "bad": "the ledger is not as it was written: {bad}",
        "what": "keep the file for whoever looks into it, and go on with the last backup "
        "(`callwarden log restore`)",
        "id": "ledger {ledger}, head {head}",
        "nothing": "nothing was added since the last checkpoint",
    },
}


@click.command(
    epilog="Example: callwarden log verify --checkpoints /mnt/audit/callwarden.jsonl "
    "--public-key /mnt/audit/signing.pub"
)
@click.option("--ledger", "file", type=FILE, help="Another ledger, such as a backup.")
@click.option(
    "--checkpoints",
    "kept",
    type=FILE,
    multiple=True,
    help="Checkpoints kept elsewhere, one a line: only these show that the end was cut off.",
)
@PUBLIC_KEYS
@click.option("--processes", type=click.IntRange(1, 64), help="How many (default: all processors).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@with_settings
def verify(
    configured: Settings,
    *,
    file: Path | None,
    kept: tuple[Path, ...],
    public_keys: tuple[Path, ...],
    processes: int | None,
    as_json: bool,
) -> int:
    """Checks every row of the ledger against the hash chain, and the chain against checkpoints.

    Finds a row that was changed, removed, inserted or reordered, an end that was cut off, and a
    ledger that is another one; names the first place. The form is written down in
    docs/ledger-format.md.

    Exit code 1: the ledger is not as it was written.
    """
    with tqdm(unit=" rows", disable=None, file=sys.stderr) as bar:

        def told(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        try:
            trusted = {
                signing.key_id(key): key for key in map(signing.read_public, public_keys)
            } or signing.trusted(configured.ledger_key_file)
            made = auditing.audit(
                file or configured.ledger_file,
                trusted,
                [each for one in kept for each in checkpoints.read(one)],
                processes=processes or os.cpu_count() or 1,
                told=told,
            )
        except LedgerUnavailable as error:
            raise click.ClickException(str(error)) from None
    _say(made, configured.locale, as_json=as_json)
    return 0 if made.bad is None else 1


def _say(made: Audit, locale: str, *, as_json: bool) -> None:
    if as_json:
        bad = made.bad
        click.echo(
            json.dumps(
                {
                    "whole": bad is None,
                    "ledger": made.ledger_id.hex(),
                    "links": made.links,
                    "head": made.head.hex(),
                    "checkpoints": made.checkpoints,
                    "bad": None if bad is None else vars(bad),
                }
            )
        )
        return
    words = _WORDS[locale]
    click.echo(words["id"].format(ledger=made.ledger_id.hex(), head=made.head.hex()))
    if made.bad is None:
        click.echo(words["whole"].format(links=made.links, checkpoints=made.checkpoints))
    else:
        click.echo(words["bad"].format(bad=made.bad))
        click.echo(words["what"], err=True)


@click.command(epilog="Example: callwarden log checkpoint >> /mnt/audit/callwarden.jsonl")
@with_settings
def checkpoint(configured: Settings) -> None:
    """Signs the ledger's head as it stands now and prints it, one JSON object.

    The gateway does this by itself (`ledger.checkpoint_every_s`) and sends each one off the box.
    """
    with writing(configured) as ledger:
        made = ledger.checkpoint(datetime.now(UTC)).result()
    if made is None:
        click.echo(_WORDS[configured.locale]["nothing"], err=True)
    else:
        click.echo(made.as_json())
