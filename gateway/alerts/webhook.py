"""Owns telling a site's own system of each alert that is raised: a POST of JSON, signed, tried
again until it is taken.

Called by `board`, run by `gateway.run`. The invariants: nobody waits for it; what waits is bounded,
the oldest is given up first and that is logged; no number and no word of a call is sent.

The body is signed with the site's secret: `Callwarden-Signature: sha256=` and HMAC-SHA256, in
hexadecimal, of the timestamp in `Callwarden-Timestamp` (Unix seconds), a dot, and the body.
"""

import asyncio
import hmac
import json
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import httpx
import structlog

from callwarden.v1 import oversight_pb2 as oversight

_log = structlog.get_logger(__name__)

_MOST_WAITING: Final = 200
_TIMEOUT_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 60.0
_TRIES: Final = 12
"""Over about five minutes; then this one is given up, and the next is tried."""
_NEVER_TAKEN: Final = frozenset(range(400, 500)) - {408, 425, 429}
"""Answers that say no, now and later."""


class Webhook:
    def __init__(self, url: str, secret: str, *, first_pause_s: float = _FIRST_PAUSE_S) -> None:
        self._url = url
        self._secret = secret.encode()
        self._first_pause_s = first_pause_s
        self._waiting: deque[bytes] = deque()
        self._arrived = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many alerts are still to be told."""
        return len(self._waiting)

    def tell(self, alert: oversight.AlertChanged, at: float) -> None:
        """Has it sent; `at` is when it was raised, in Unix seconds."""
        told = {
            "alert_id": alert.alert_id,
            "at": at,
            "severity": alert.severity,
            "kind": alert.kind,
            "title": {"zh": alert.title_zh, "en": alert.title_en},
            "call_id": alert.call_id,
            "agent": alert.agent,
        }
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.popleft()
            _log.error("an alert was not told to the webhook: too many wait for it")
        self._waiting.append(json.dumps(told, ensure_ascii=False).encode())
        self._arrived.set()

    async def run(self) -> None:
        """Sends, one after the other, until cancelled."""
        async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
            while True:
                while self._waiting:
                    await self._send(client, self._waiting[0])
                    if self._waiting:
                        self._waiting.popleft()
                self._arrived.clear()
                await self._arrived.wait()

    async def _send(self, client: httpx.AsyncClient, body: bytes) -> None:
        pause_s = self._first_pause_s
        why = ""
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            try:
                answer = await client.post(self._url, content=body, headers=self._headers(body))
            except httpx.HTTPError as error:
                why = type(error).__name__
                continue
            if answer.is_success:
                return
            why = f"HTTP {answer.status_code}"
            if answer.status_code in _NEVER_TAKEN:
                break
        _log.error("an alert was not told to the webhook", why=why)

    def _headers(self, body: bytes, now: Callable[[], float] = time.time) -> dict[str, str]:
        stamp = str(int(now()))
        signed = hmac.new(self._secret, stamp.encode() + b"." + body, "sha256").hexdigest()
        return {
            "Content-Type": "application/json",
            "Callwarden-Timestamp": stamp,
            "Callwarden-Signature": f"sha256={signed}",
        }
