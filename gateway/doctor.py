"""Owns `callwarden doctor`: is everything there that a call needs, and if not, what to do."""

import asyncio
import json

import click

from callwarden.command import with_settings
from callwarden.settings import Settings
from gateway.examination import examine
from gateway.examined import Line, State

_SIGN = {State.OK: "✓", State.WARNING: "!", State.FAILED: "✗"}
_TITLE = {
    "ari": ("Asterisk (ARI)", "Asterisk (ARI)"),
    "ari-rights": ("ARI 权限", "ARI rights"),
    "modules": ("Asterisk 模块", "Asterisk modules"),
    "ami": ("AMI 权限", "AMI rights"),
    "hook": ("拨号方案", "dialplan hook"),
    "trunks": ("中继", "trunks"),
    "websocket-client": ("音频通道", "audio client"),
    "overload": ("PJSIP 过载", "PJSIP overload"),
    "gate": ("闸门", "gate"),
    "gate-http": ("闸门 (HTTP)", "gate (HTTP)"),
    "recognizer": ("识别器", "recognizer"),
    "ledger": ("台账", "ledger"),
    "disk": ("磁盘", "disk"),
}


@click.command(epilog="Example: callwarden doctor --config /etc/callwarden/callwarden.yaml")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@with_settings
def doctor(settings: Settings, as_json: bool) -> int:
    """Check that Asterisk, the dialplan, the gate, the recognizer and the ledger are fit for calls.

    Exit code 1 when a check failed; its line says what to do.
    """
    lines = asyncio.run(examine(settings))
    failed = any(line.state is State.FAILED for line in lines)
    if as_json:
        click.echo(_json(lines, settings.locale))
    else:
        for line in lines:
            click.echo(_told(line, settings.locale))
    return 1 if failed else 0


def _text(line: Line, locale: str) -> str:
    return line.zh if locale == "zh" else line.en


def _told(line: Line, locale: str) -> str:
    title = _TITLE[line.check][locale != "zh"]
    return f"{_SIGN[line.state]} {title}: {_text(line, locale)}"


def _json(lines: list[Line], locale: str) -> str:
    checks = [
        {"check": line.check, "state": line.state.value, "message": _text(line, locale)}
        for line in lines
    ]
    ok = not any(line.state is State.FAILED for line in lines)
    return json.dumps({"ok": ok, "checks": checks}, ensure_ascii=False, indent=2)
