"""Owns the WebSocket server to which Asterisk's chan_websocket brings the audio of a leg.

Used by `fork` through `Line`. A connection is let in only with the id of a line that was opened for
it, unguessable and used once; anything else is answered 403 before a byte of audio is read. One
that comes for a line closed meanwhile is let in and closed: after a refusal Asterisk comes back
three times, half a second apart, and for so long stands still for other calls.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from callwarden.settings import Media, split_address
from gateway.media.reception import Reception

_log = structlog.get_logger(__name__)

_MEDIA = Subprotocol("media")
_MAX_FRAME_BYTES = 65_536
_MOST_AWAITED = 4096
"""Connections that may still come for lines that are closed; of older ones none will."""


class WebsocketLine:
    """A line that waits for Asterisk's connection, or has it."""

    def __init__(
        self,
        lines: "dict[str, WebsocketLine]",
        awaited: deque[str],
        client: str,
        reception: Reception,
    ) -> None:
        self.id = secrets.token_hex(16)
        self.parameters: Mapping[str, str] = {
            "external_host": client,
            "encapsulation": "none",
            "transport": "websocket",
            "format": "slin",
            "transport_data": f"d(in)f(json)v(sid={self.id})",
        }
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.connection: ServerConnection | None = None
        self.reception = reception
        self._lines = lines
        self._awaited = awaited
        lines[self.id] = self

    def end(self, cause: str) -> None:
        if not self.lost.done():
            self.lost.set_result(cause)

    async def close(self) -> None:
        self._lines.pop(self.id, None)
        self.end("closed")
        if self.connection:
            await self.connection.close()
        else:
            self._awaited.append(self.id)


class WebsocketMedia:
    """The server. One for the gateway."""

    def __init__(self, media: Media) -> None:
        self._media = media
        self._lines: dict[str, WebsocketLine] = {}
        self._awaited: deque[str] = deque(maxlen=_MOST_AWAITED)
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        assert self._server is not None, "start() first"  # noqa: S101 a mistake of the caller
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def start(self) -> None:
        """Raises OSError when the address is taken."""
        host, port = split_address(self._media.listen)
        self._server = await serve(
            self._receive,
            host,
            port,
            process_request=self._admit,
            select_subprotocol=lambda _, offered: _MEDIA if _MEDIA in offered else None,
            compression=None,
            max_size=_MAX_FRAME_BYTES,
            ping_interval=None,  # 50 frames a second tell more than a ping
            close_timeout=1,
        )

    async def open(self, reception: Reception) -> WebsocketLine:
        return WebsocketLine(self._lines, self._awaited, self._media.websocket_client, reception)

    async def close(self) -> None:
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    def _line(self, request: Request | None) -> WebsocketLine | None:
        return self._lines.get(_id(request))

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        line = self._line(request)
        if line is None and _id(request) in self._awaited:
            self._awaited.remove(_id(request))
            return None
        if line is None or line.connection is not None:
            return connection.respond(HTTPStatus.FORBIDDEN, "no such line\n")
        line.connection = connection
        return None

    async def _receive(self, connection: ServerConnection) -> None:
        line = self._line(connection.request)
        if line is None:  # closed between the handshake and now
            return
        line.reception.interrupted()
        cause = "audio connection closed by Asterisk"
        try:
            async for message in connection:
                if isinstance(message, str):
                    continue  # MEDIA_START and its kin say what we asked for
                if len(message) % 2:
                    cause = "Asterisk sent half a sample"
                    break
                line.reception.arrived(message)
        except ConnectionClosed:
            pass
        finally:
            line.end(cause)
            _log.debug("media line ended", cause=cause)


def _id(request: Request | None) -> str:
    return parse_qs(urlsplit(request.path).query).get("sid", [""])[0] if request else ""
