"""Owns `callwarden log verify-export`: whether a file is what was exported.

It needs the file, its manifest and the public key; where the ledger is at hand, it is asked too.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import click

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy.commands.entries import reading
from policy.commands.trusted_keys import FILE, PUBLIC_KEYS
from policy.ledger import LedgerUnavailable, signing
from policy.ledger.exported import Manifest, manifest_of, read

_WORDS: Final = {
    "zh": {
        "whole": "文件与导出时一致：{rows} 行 {kind}，{who} 于 {at} 导出（{numbers}）",
        "changed": "文件与清单不符：内容已被更改",
        "signature": "清单的签名无效，或不是由受信任的密钥签署",
        "ledger": "本账本中没有这次导出的记录",
        "told": "账本中有此次导出的记录",
        "masked": "号码已脱敏",
        "full": "号码完整",
    },
    "en": {
        "whole": "the file is as it was exported: {rows} rows of {kind}, by {who} at {at} "
        "({numbers})",
        "changed": "the file is not the one of its manifest: it was changed",
        "signature": "the manifest's signature is not that of a trusted key",
        "ledger": "this ledger does not tell of such an export",
        "told": "the ledger tells of this export",
        "masked": "numbers masked",
        "full": "numbers in full",
    },
}


@click.command(
    epilog="Example: callwarden log verify-export violations.csv "
    "--public-key /mnt/audit/signing.pub"
)
@click.argument("file", type=FILE)
@click.option("--manifest", type=FILE, help="Default: FILE.manifest.json.")
@PUBLIC_KEYS
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@with_settings
def verify_export(
    configured: Settings,
    *,
    file: Path,
    manifest: Path | None,
    public_keys: tuple[Path, ...],
    as_json: bool,
) -> int:
    """Checks an exported FILE against its manifest, the manifest's signature, and, on the box that
    has the ledger, the ledger's own record of the export.

    Exit code 1: it is not what was exported.
    """
    try:
        known = read(manifest or manifest_of(file))
        trusted = [signing.read_public(each) for each in public_keys] or list(
            signing.trusted(configured.ledger_key_file).values()
        )
        with file.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
    except (LedgerUnavailable, OSError) as error:
        raise click.ClickException(str(error)) from None
    if not trusted:
        raise click.UsageError("no key is known here: name it with --public-key")
    wrong = [
        *(["changed"] if digest != known.said.get("sha256") else []),
        *([] if any(map(known.is_signed_by, trusted)) else ["signature"]),
    ]
    told = None
    if configured.ledger_file.exists():
        with reading(configured) as reader:
            told = reader.exports.of(known)
        if not told:
            wrong.append("ledger")
    if as_json:
        said = {"whole": not wrong, "wrong": wrong, "ledger": told, "manifest": known.said}
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        _say(known, wrong, _WORDS[configured.locale], told=told)
    return 1 if wrong else 0


def _say(known: Manifest, wrong: list[str], words: dict[str, str], *, told: bool | None) -> None:
    for each in wrong:
        click.echo(words[each])
    if wrong:
        return
    said: dict[str, Any] = dict(known.said)
    numbers = words["full" if said.get("unmasked") else "masked"]
    click.echo(words["whole"].format(**said, numbers=numbers))
    if told:
        click.echo(words["told"])
