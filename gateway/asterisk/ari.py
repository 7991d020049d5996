"""Owns the conversation with Asterisk's REST interface: requests, and the stream of events.

Used by `pbx`, `fork` and `doctor`. The password travels in a header only and appears in no message
and no log line.
"""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from callwarden.settings import Asterisk

_TIMEOUT_S: Final = 3.0
_MAX_EVENT_BYTES: Final = 1 << 20


class AriUnavailable(Exception):
    """Asterisk cannot be reached over ARI, or lets us not in; says where and what to do."""


class AriRefused(Exception):
    """Asterisk answered a request with an error. `status` is HTTP's; 404: the thing is gone."""

    def __init__(self, status: int, method: str, path: str, message: str) -> None:
        self.status = status
        super().__init__(f"ARI {method} {path}: {status} {message}")


@dataclass(frozen=True)
class Event:
    """One event, with the id of the channel it is about (empty: about none)."""

    kind: str
    channel: str
    body: Mapping[str, Any]


class Ari:
    """A client of one Asterisk. Close it, or use it in `async with`."""

    def __init__(self, asterisk: Asterisk) -> None:
        self.application = asterisk.ari_application
        self._url = asterisk.ari_url.rstrip("/")
        self._user = asterisk.ari_user
        self._password = asterisk.ari_password
        self._http = httpx.AsyncClient(
            base_url=f"{self._url}/ari/",
            auth=(asterisk.ari_user, asterisk.ari_password),
            timeout=_TIMEOUT_S,
            trust_env=False,
            limits=httpx.Limits(max_connections=16),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: str) -> Any:
        return await self._request("GET", path, query)

    async def post(self, path: str, **query: str) -> Any:
        return await self._request("POST", path, query)

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self._request("PUT", path, {}, body)

    async def delete(self, path: str) -> bool:
        """False: it was gone already."""
        try:
            await self._request("DELETE", path, {})
        except AriRefused as refused:
            if refused.status != httpx.codes.NOT_FOUND:
                raise
            return False
        return True

    async def variable(self, channel: str, name: str) -> str:
        """A channel's variable; empty when it has none, or the channel is gone."""
        try:
            found = await self.get(f"channels/{quote(channel, safe='')}/variable", variable=name)
        except AriRefused as refused:
            if refused.status != httpx.codes.NOT_FOUND:
                raise
            return ""
        return str(found.get("value", ""))

    async def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """Raises AriUnavailable or AriRefused. Returns the JSON of the answer, None without one."""
        try:
            answer = await self._http.request(method, path, params=query, json=body)
        except httpx.HTTPError as error:
            raise AriUnavailable(self._unreachable(type(error).__name__)) from None
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise AriUnavailable(self._not_let_in())
        if answer.is_error:
            raise AriRefused(answer.status_code, method, path, _message(answer))
        return answer.json() if answer.content else None

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[Event]]:
        """The events of every channel while the connection lasts. Raises AriUnavailable.

        The iterator ends when Asterisk closes the connection; what falls meanwhile is not repeated.
        """
        scheme = "wss" if self._url.startswith("https") else "ws"
        query = urlencode({"app": self.application, "subscribeAll": "true"})
        credentials = base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        try:
            connection = await connect(
                f"{scheme}://{self._url.partition('://')[2]}/ari/events?{query}",
                additional_headers={"Authorization": f"Basic {credentials}"},
                open_timeout=_TIMEOUT_S,
                close_timeout=1,
                max_size=_MAX_EVENT_BYTES,
                ping_interval=10,
                ping_timeout=10,
                proxy=None,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                raise AriUnavailable(self._not_let_in()) from None
            raise AriUnavailable(self._unreachable(f"HTTP {status}")) from None
        except (OSError, TimeoutError, InvalidHandshake, WebSocketException) as error:
            raise AriUnavailable(self._unreachable(type(error).__name__)) from None
        try:
            yield _events(connection)
        finally:
            await connection.close()

    def _unreachable(self, why: str) -> str:
        return (
            f"Asterisk's ARI does not answer at {self._url} ({why}): is Asterisk running, is "
            "http.conf enabled, is res_ari loaded, is asterisk.ari_url right?"
        )

    def _not_let_in(self) -> str:
        return (
            f"ARI at {self._url} does not let in user {self._user!r}: asterisk.ari_user and "
            "asterisk.ari_password must be a user of ari.conf without read_only"
        )


async def _events(connection: ClientConnection) -> AsyncIterator[Event]:
    try:
        async for message in connection:
            body = json.loads(message)
            yield Event(str(body.get("type", "")), _channel(body), body)
    except WebSocketException:
        return


def _channel(body: Mapping[str, Any]) -> str:
    channel = body.get("channel") or body.get("peer") or {}
    return str(channel.get("id", ""))


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("message", answer.reason_phrase))
    except (ValueError, AttributeError):
        return answer.reason_phrase
