"""Owns the conversation with Asterisk's REST interface: requests, and the stream of events.

Used by `pbx`, `fork` and `doctor`. Requests go over the connection of events where Asterisk takes
them there, else over HTTP. The password travels in a header only and appears in no message and no
log line.
"""

import base64
import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

import httpx
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from callwarden.settings import Asterisk
from gateway.asterisk.ari_socket import RESPONSE, Answer, AriSocket, ConnectionLost, Event

_log = structlog.get_logger(__name__)

_TIMEOUT_S: Final = 3.0
_MAX_EVENT_BYTES: Final = 1 << 20


class AriUnavailable(Exception):
    """Asterisk cannot be reached over ARI, or lets us not in; says where and what to do."""


class AriRefused(Exception):
    """Asterisk answered a request with an error. `status` is HTTP's; 404: the thing is gone."""

    def __init__(self, status: int, method: str, path: str, message: str) -> None:
        self.status = status
        super().__init__(f"ARI {method} {path}: {status} {message}")


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
        self._socket: AriSocket | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: str) -> Any:
        """Always over HTTP: a long list must not hold up the events."""
        return self._read("GET", path, await self._over_http("GET", path, query))

    async def post(self, path: str, **query: str) -> Any:
        return await self._request("POST", path, query)

    async def delete(self, path: str) -> bool:
        """False: it was gone already, or goes: Asterisk calls a bridge no longer Stasis's then."""
        try:
            await self._request("DELETE", path, {})
        except AriRefused as refused:
            goes = refused.status == httpx.codes.CONFLICT and path.startswith("bridges/")
            if refused.status != httpx.codes.NOT_FOUND and not goes:
                raise
            return False
        return True

    async def variable(self, channel: str, name: str) -> str:
        """A channel's variable; empty when it has none, or the channel is gone."""
        try:
            path = f"channels/{quote(channel, safe='')}/variable"
            found = await self._request("GET", path, {"variable": name})
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
        if self._socket and self._socket.takes_requests:
            try:
                answer = await self._socket.request(method, path, query, body)
            except ConnectionLost as lost:
                raise AriUnavailable(self._unreachable(str(lost))) from None
        else:
            answer = await self._over_http(method, path, query, body)
        return self._read(method, path, answer)

    async def _over_http(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Raises AriUnavailable."""
        try:
            answer = await self._http.request(method, path, params=query, json=body)
        except httpx.HTTPError as error:
            raise AriUnavailable(self._unreachable(type(error).__name__)) from None
        return Answer(answer.status_code, answer.reason_phrase, answer.text)

    def _read(self, method: str, path: str, answer: Answer) -> Any:
        """What the answer says, None where nothing. Raises AriUnavailable or AriRefused."""
        if answer.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise AriUnavailable(self._not_let_in())
        if httpx.codes.is_error(answer.status):
            raise AriRefused(answer.status, method, path, _message(answer))
        return json.loads(answer.body) if answer.body else None

    @asynccontextmanager
    async def events(self, kinds: Collection[str]) -> AsyncIterator[AsyncIterator[Event]]:
        """The events of these kinds, of every channel, while the connection lasts; requests go over
        it where Asterisk takes them. Raises AriUnavailable.

        The iterator ends when Asterisk closes the connection; what falls meanwhile is not repeated.
        """
        socket = AriSocket(await self._connect())
        try:
            await self._filter(kinds)
            await self._subscribe()
            socket.find_out()
            self._socket = socket
            yield socket.events()
        finally:
            self._socket = None
            await socket.close()

    async def _filter(self, kinds: Collection[str]) -> None:
        """Spares us the events of whole queues and conferences. Older than 16.3: gets them all."""
        path = f"applications/{self.application}/eventFilter"
        allowed = {"allowed": [{"type": kind} for kind in (RESPONSE, *kinds)]}
        try:
            self._read("PUT", path, await self._over_http("PUT", path, {}, allowed))
        except AriRefused as refused:
            _log.info("events are not filtered", why=str(refused))

    async def _subscribe(self) -> None:
        """To every channel, and nothing else. With `subscribeAll` come device states, on which
        Asterisk locks up for good when a connection of events ends at the wrong moment
        (https://github.com/asterisk/asterisk/issues/2170)."""
        path = f"applications/{self.application}/subscription"
        query = {"eventSource": "channel:"}
        self._read("POST", path, await self._over_http("POST", path, query))

    async def _connect(self) -> ClientConnection:
        scheme = "wss" if self._url.startswith("https") else "ws"
        query = urlencode({"app": self.application})
        credentials = base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        try:
            return await connect(
                f"{scheme}://{self._url.partition('://')[2]}/ari/events?{query}",
                additional_headers={"Authorization": f"Basic {credentials}"},
                open_timeout=_TIMEOUT_S,
                close_timeout=1,
                max_size=_MAX_EVENT_BYTES,
                ping_interval=10,
                ping_timeout=10,
                compression=None,
                proxy=None,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                raise AriUnavailable(self._not_let_in()) from None
            raise AriUnavailable(self._unreachable(f"HTTP {status}")) from None
        except (OSError, TimeoutError, InvalidHandshake, WebSocketException) as error:
            raise AriUnavailable(self._unreachable(type(error).__name__)) from None

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


def _message(answer: Answer) -> str:
    try:
        return str(json.loads(answer.body).get("message", answer.reason))
    except (ValueError, AttributeError):
        return answer.reason
