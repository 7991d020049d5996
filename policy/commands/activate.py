"""Owns `callwarden rules activate|shadow|history`: putting a rulebook in force, or beside the one
in force without obeying it, and who did so when.

The gateway follows within a second, without a restart. The one invariant: a rulebook that has a
problem, or whose own tests fail, is never handed over.
"""

import getpass
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from callwarden.command import with_settings
from callwarden.settings import Settings
from policy import rulebook
from policy.commands import rules
from policy.identity import RulebookText
from policy.ledger import Activation, Ledger, LedgerReader, LedgerUnavailable

_PATIENCE_MS = 10_000
_ENDED = "(ended)"

_WORDS = {
    "zh": {
        "active": "已启用 {version}（{digest}）；运行中的网关会在一秒内切换，通话不受影响",
        "shadow": "已开始影子评估 {version}（{digest}）：只记录，不执行",
        "off": "影子评估已结束",
        "same": "{version}（{digest}）已在使用，未作改动",
        "failed": "规则自带的测试未通过，未启用；修正后重试，或先运行 callwarden rules test",
        "no previous": "此前没有启用过其他规则版本",
        "none": "尚未启用过规则：网关按配置文件中的 rules 读取",
        "heading": ("时间", "方式", "版本", "摘要", "操作人", "备注"),
        "mode active": "启用",
        "mode shadow": "影子",
    },
    "en": {
        "active": "{version} ({digest}) is active; a running gateway follows within a second, "
        "calls go on",
        "shadow": "{version} ({digest}) is in shadow: recorded beside the active rules, not obeyed",
        "off": "the shadow has ended",
        "same": "{version} ({digest}) is that already; nothing was changed",
        "failed": "tests that lie beside the rules fail, so nothing was activated; mend them and "
        "try again (callwarden rules test)",
        "no previous": "no other rulebook was active before this one",
        "none": "no rulebook was ever activated: the gateway reads what `rules` in its "
        "configuration names",
        "heading": ("time", "mode", "version", "digest", "who", "note"),
        "mode active": "active",
        "mode shadow": "shadow",
    },
}

_FOLDER = click.argument(
    "folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
_PACK = click.option("--pack", "packs", multiple=True, help="Dialling pack (default: configured).")
_SPEECH = click.option("--speech", multiple=True, help="Speech pack (default: configured).")
_WHO = click.option("--who", help="Who decides this, for the log (default: the login name).")
_NOTE = click.option("--note", default="", help="Why, for the log.")


@click.command(
    epilog="Example: callwarden rules activate /srv/rules --pack house --pack cn-collection "
    '--who "Li Na" --note "approved 2026-03-02"'
)
@_FOLDER
@_PACK
@_SPEECH
@_WHO
@_NOTE
@click.option(
    "--previous", is_flag=True, help="Back to the rulebook that was active before this one."
)
@with_settings
def activate(
    configured: Settings,
    *,
    folder: Path | None,
    packs: tuple[str, ...],
    speech: tuple[str, ...],
    who: str | None,
    note: str,
    previous: bool,
) -> int:
    """Put a rulebook in force, on the gateway and on its recognizers, without a restart.

    The rulebook is read and its tests are run; only when both are without fault it is written to
    the ledger, whole, with who did it. From the next call on it decides. Exit code 1: a test
    fails; 2: the rulebook has problems.
    """
    words = _WORDS[configured.locale]
    if previous and (folder or packs or speech):
        raise click.UsageError("--previous names the rulebook already: give no folder and no pack")
    text = None if previous else _tested(configured, folder, packs, speech)
    if not previous and text is None:
        click.echo(words["failed"], err=True)
        return 1
    with _ledger(configured) as (ledger, reader):
        before = reader.activation("active")
        text = text or _previous(reader, before)
        if text is None:
            raise click.ClickException(str(words["no previous"]))
        changed = before is None or before.rulebook != text.identity
        if changed:
            ledger.activate(
                text, mode="active", who=who or _login(), note=note, now=datetime.now(UTC)
            ).result()
    _say(configured, "active" if changed else "same", text)
    return 0


@click.command(epilog="Example: callwarden rules shadow --pack house --pack us-tcpa")
@_FOLDER
@_PACK
@_SPEECH
@_WHO
@_NOTE
@click.option("--off", is_flag=True, help="End the shadow.")
@with_settings
def shadow(
    configured: Settings,
    *,
    folder: Path | None,
    packs: tuple[str, ...],
    speech: tuple[str, ...],
    who: str | None,
    note: str,
    off: bool,
) -> int:
    """Evaluate a rulebook live beside the active one, without obeying it.

    What it would have decided and found is recorded: `callwarden log export --format csv`, with
    `--kind shadow` and `--kind shadow-findings`.
    """
    text = None if off else _tested(configured, folder, packs, speech)
    if text is None and not off:
        click.echo(_WORDS[configured.locale]["failed"], err=True)
        return 1
    with _ledger(configured) as (ledger, reader):
        before = reader.activation("shadow")
        now_shadow = before.rulebook if before else None
        changed = now_shadow != (text.identity if text else None)
        if changed:
            ledger.activate(
                text, mode="shadow", who=who or _login(), note=note, now=datetime.now(UTC)
            ).result()
    if text is None:
        click.echo(_WORDS[configured.locale]["off"])
    else:
        _say(configured, "shadow" if changed else "same", text)
    return 0


@click.command(epilog="Example: callwarden rules history --limit 5")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@with_settings
def history(configured: Settings, *, limit: int) -> None:
    """Which rulebook was put in force or in shadow, when and by whom, newest first."""
    words = _WORDS[configured.locale]
    try:
        with LedgerReader.open(configured.ledger_file, configured.ledger_key_file) as reader:
            found = reader.activations(limit)
    except LedgerUnavailable as error:
        raise click.ClickException(str(error)) from None
    if not found:
        click.echo(words["none"], err=True)
        return
    click.echo("\t".join(words["heading"]))
    for each in found:
        click.echo("\t".join(_told(each, str(words[f"mode {each.mode}"]))))


def _tested(
    configured: Settings, folder: Path | None, packs: Sequence[str], speech: Sequence[str]
) -> RulebookText | None:
    """The rulebook asked for; None when a test that lies beside it fails, which is then told.

    Raises ProblemsFound.
    """
    chosen = configured.rules
    place = folder or chosen.folder
    dialling = tuple(packs) or chosen.packs
    spoken = tuple(speech) or chosen.speech
    text = rulebook.read(place, dialling, spoken).text
    return None if rules.failures(place, dialling, spoken) else text


def _previous(reader: LedgerReader, now: Activation | None) -> RulebookText | None:
    """The rulebook that was active before the one that is."""
    if now is None or now.rulebook is None:
        return None
    for each in reader.activations(10_000):
        if each.mode == "active" and each.rulebook and each.rulebook != now.rulebook:
            return reader.rulebook(each.rulebook.digest)
    return None


@contextmanager
def _ledger(configured: Settings) -> Iterator[tuple[Ledger, LedgerReader]]:
    """To write and to read; raises ClickException where it is not to be had."""
    file, key = configured.ledger_file, configured.ledger_key_file
    try:
        with (
            Ledger.open(file, key, busy_ms=_PATIENCE_MS) as ledger,
            LedgerReader.open(file, key) as reader,
        ):
            yield ledger, reader
    except LedgerUnavailable as error:
        raise click.ClickException(str(error)) from None


def _login() -> str:
    return os.environ.get("SUDO_USER") or getpass.getuser()


def _say(configured: Settings, key: str, text: RulebookText) -> None:
    words = str(_WORDS[configured.locale][key])
    click.echo(words.format(version=text.identity.version, digest=text.identity.digest[:12]))


def _told(each: Activation, mode: str) -> tuple[str, ...]:
    identity = each.rulebook
    return (
        f"{each.at:%Y-%m-%dT%H:%M:%SZ}",
        mode,
        identity.version if identity else _ENDED,
        identity.digest[:12] if identity else "-",
        each.who,
        each.note or "-",
    )
