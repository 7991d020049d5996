"""Owns stating the ledger's head at an interval, and getting each statement off the box: appended
to a file, by syslog, to a webhook.

Run by `gateway.run` for its life. What cannot be sent is sent again, the newest only, for it binds
all before it; nothing waits for it, and health says so.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import structlog

from callwarden.settings import LedgerKeeping
from gateway.health import Health, HealthStatus
from policy.ledger import Checkpoint, Ledger, LedgerUnavailable

_AGAIN_S: Final = 10.0
_SENT_WITHIN_S: Final = 5.0
_SYSLOG_PRIORITY: Final = 13 * 8 + 5
"""Facility "log audit", severity "notice" (RFC 5424)."""
_SYSLOG_PORT: Final = 514

_log = structlog.get_logger(__name__)

Send = Callable[[Checkpoint], Awaitable[None]]


class Checkpointing:
    """`closing` states the head once more; until `run` there is no ledger to state anything of."""

    def __init__(self, settings: LedgerKeeping, health: Health) -> None:
        self._every_s = settings.checkpoint_every_s
        self._health = health
        self._ledger: Ledger | None = None
        self._sends = _targets(settings)
        self._owed: dict[str, Checkpoint] = {}

    async def run(self, ledger: Ledger) -> None:
        """States the head now and at the interval, until cancelled."""
        self._ledger = ledger
        due = asyncio.get_running_loop().time()
        while True:
            if asyncio.get_running_loop().time() >= due:
                await self._state(ledger)
                due += self._every_s
            await self._send()
            wait_s = max(0.0, due - asyncio.get_running_loop().time())
            await asyncio.sleep(min(wait_s, _AGAIN_S) if self._owed else wait_s)

    async def close(self) -> None:
        """The last statement: what comes after it came after the gateway."""
        if self._ledger is not None:
            await self._state(self._ledger)
            await self._send()

    async def _state(self, ledger: Ledger) -> None:
        try:
            made = await asyncio.wrap_future(ledger.checkpoint(datetime.now(UTC)))
        except LedgerUnavailable as error:
            self._tell(f"no checkpoint could be made: {error}")
            return
        if made is not None:
            self._owed = dict.fromkeys(self._sends, made)

    async def _send(self) -> None:
        why = []
        for target, made in tuple(self._owed.items()):
            try:
                async with asyncio.timeout(_SENT_WITHIN_S):
                    await self._sends[target](made)
            except (OSError, httpx.HTTPError, TimeoutError) as error:
                why.append(f"{target}: {getattr(error, 'strerror', None) or type(error).__name__}")
            else:
                del self._owed[target]
        self._tell("checkpoints are not sent and sent again: " + "; ".join(why) if why else "")

    def _tell(self, why: str) -> None:
        status = HealthStatus.DEGRADED if why else HealthStatus.OK
        self._health.set("ledger", status, why, source="checkpoints")


def _targets(settings: LedgerKeeping) -> dict[str, Send]:
    """How to send to each place the configuration names, by what a user calls it."""
    sends: dict[str, Send] = {}
    if settings.checkpoint_file is not None:
        sends["ledger.checkpoint_file"] = partial(_to_file, settings.checkpoint_file)
    if settings.checkpoint_syslog:
        sends["ledger.checkpoint_syslog"] = partial(_to_syslog, settings.checkpoint_syslog)
    if settings.checkpoint_webhook:
        sends["ledger.checkpoint_webhook"] = partial(_to_webhook, settings.checkpoint_webhook)
    return sends


async def _to_file(file: Path, made: Checkpoint) -> None:
    def append() -> None:
        with file.open("a", encoding="ascii") as kept:
            kept.write(made.as_json() + "\n")
            kept.flush()
            os.fsync(kept.fileno())

    await asyncio.to_thread(append)


async def _to_webhook(url: str, made: Checkpoint) -> None:
    async with httpx.AsyncClient() as client:
        headers = {"content-type": "application/json"}
        answer = await client.post(url, content=made.as_json(), headers=headers)
        answer.raise_for_status()


async def _to_syslog(url: str, made: Checkpoint) -> None:
    """RFC 5424, over UDP (RFC 5426), TCP with octet counting (RFC 6587) or a local socket."""
    place = urlsplit(url)
    moment = made.at.isoformat().replace("+00:00", "Z")
    message = (
        f"<{_SYSLOG_PRIORITY}>1 {moment} {socket.gethostname()} callwarden {os.getpid()} "
        f"checkpoint - {made.as_json()}"
    ).encode()
    if place.scheme == "tcp":
        _, writer = await asyncio.open_connection(place.hostname, place.port or _SYSLOG_PORT)
        with contextlib.closing(writer):
            writer.write(b"%d %b" % (len(message), message))
            await writer.drain()
        await writer.wait_closed()
        return

    def send() -> None:
        if place.scheme == "unix":
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.sendto(message, place.path)
            return
        port = place.port or _SYSLOG_PORT
        found = socket.getaddrinfo(place.hostname, port, type=socket.SOCK_DGRAM)
        family, _, _, _, where = found[0]
        with socket.socket(family, socket.SOCK_DGRAM) as out:
            out.sendto(message, where)

    await asyncio.to_thread(send)
