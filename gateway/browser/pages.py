"""Owns the pages on which a call is listened to in a browser: each behind a link of its own, good
for one person and a few minutes, over HTTP; the page then asks for the audio over a WebSocket.

Started by `gateway.run`, asked by the acts. The invariants: a link is unguessable, is used once,
and tells nothing to whoever has it besides the audio of the one call; off loopback only TLS is
spoken; whoever listens is gone when the call is, when the page closes, and when it is ended.
"""

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from callwarden.settings import Tls, split_address
from gateway.media.tap import Tap

if TYPE_CHECKING:
    from gateway.browser.peer import Peer

_log = structlog.get_logger(__name__)

GOOD_S: Final = 300.0
"""How long a link waits for its page."""
_PATH: Final = "/listen/"
_MOST: Final = 32
"""Pages that wait or play at once: each costs the encoding of a stereo stream."""
_MAX_MESSAGE_BYTES: Final = 64 * 1024
_OFFER_S: Final = 15.0
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class TooManyPages(Exception):
    """As many as can be are listened on already."""


@dataclass
class _Page:
    listening_id: str
    tap: Callable[[], Tap]
    good_until: float
    used: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)
    why: str = "ended"

    def end(self, why: str) -> None:
        """`why` is the page's own word for it."""
        if not self.over.is_set():
            self.why = why
            self.over.set()


class Pages:
    """One for the gateway."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._pages: dict[str, _Page] = {}
        self._server: Server | None = None
        self._origin = ""

    async def start(self, address: str, tls: Tls) -> int:
        """Serves and returns the port; 0 takes a free one. Raises OSError, ssl.SSLError."""
        host, port = split_address(address)
        context = None
        if tls.certificate and tls.key:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(tls.certificate, tls.key)
        self._server = await serve(
            self._signal,
            host,
            port,
            ssl=context,
            process_request=self._asked,
            compression=None,
            max_size=_MAX_MESSAGE_BYTES,
            close_timeout=1,
            server_header=None,
        )
        port = int(next(iter(self._server.sockets)).getsockname()[1])
        self._origin = f"{'https' if context else 'http'}://{address.rpartition(':')[0]}:{port}"
        return port

    @property
    def serving(self) -> bool:
        return self._server is not None

    def offer(self, tap: Callable[[], Tap]) -> tuple[str, str]:
        """Makes a link to listen to what `tap` opens (it raises KeyError once the call is over);
        returns the listening's id and the link. Raises TooManyPages."""
        self._sweep()
        if len(self._pages) >= _MOST:
            raise TooManyPages
        token, listening_id = secrets.token_urlsafe(32), secrets.token_hex(8)
        self._pages[token] = _Page(listening_id, tap, self._now() + GOOD_S)
        return listening_id, f"{self._origin}{_PATH}{token}"

    async def end(self, listening_id: str) -> None:
        """Raises KeyError: nobody listens, or can, under this id."""
        self._sweep()
        for token, page in self._pages.items():
            if page.listening_id == listening_id:
                page.end("ended")
                if not page.used:
                    del self._pages[token]
                return
        raise KeyError(listening_id)

    async def close(self) -> None:
        for page in self._pages.values():
            page.end("ended")
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    def _sweep(self) -> None:
        now = self._now()
        self._pages = {
            token: page for token, page in self._pages.items() if page.used or page.good_until > now
        }

    def _page(self, request: Request | None) -> _Page | None:
        """The page of this address that nobody listens on yet."""
        self._sweep()
        if request is None or not request.path.startswith(_PATH):
            return None
        page = self._pages.get(request.path.removeprefix(_PATH))
        return None if page is None or page.used else page

    def _asked(self, connection: ServerConnection, request: Request) -> Response | None:
        """The page itself; a request for a WebSocket goes on, the first one for its link."""
        page = self._page(request)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            if page is None:
                return connection.respond(HTTPStatus.FORBIDDEN, "this link is no longer good\n")
            page.used = True
            return None
        if page is None and not request.path.startswith(_PATH):
            return connection.respond(HTTPStatus.NOT_FOUND, "nothing is here\n")
        return _html(HTTPStatus.OK if page else HTTPStatus.GONE)

    async def _signal(self, connection: ServerConnection) -> None:
        token = (connection.request.path if connection.request else "").removeprefix(_PATH)
        page = self._pages.get(token)
        if page is None:  # ended between the handshake and now
            return
        peer: Peer | None = None
        tap: Tap | None = None
        try:
            tap = page.tap()
            tap.ended = lambda: page.end("over")
            peer = await _peer(tap, lambda: page.end("ended"))
            async with asyncio.timeout(_OFFER_S):
                offer = json.loads(await connection.recv())["offer"]
            await connection.send(json.dumps({"answer": await peer.answer(str(offer))}))
            await _until_over(connection, page)
            await connection.send(json.dumps({"over": page.why}))
        except KeyError:
            await connection.send(json.dumps({"over": "over"}))
        except (ConnectionClosed, TimeoutError, ValueError, TypeError) as error:
            _log.info("listening in a browser ended", kind=type(error).__name__)
        finally:
            self._pages.pop(token, None)
            if tap:
                tap.close()
            if peer:
                await peer.close()


async def _until_over(connection: ServerConnection, page: _Page) -> None:
    over = asyncio.ensure_future(page.over.wait())
    closed = asyncio.ensure_future(connection.wait_closed())
    try:
        await asyncio.wait({over, closed}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        over.cancel()
        closed.cancel()


async def _peer(tap: Tap, gone: Callable[[], None]) -> "Peer":
    """aiortc is loaded for the first page, beside the calls: it takes a second."""

    def load() -> "type[Peer]":
        from gateway.browser.peer import Peer

        return Peer

    made = await asyncio.to_thread(load)
    return made(tap, gone)


def _html(status: HTTPStatus) -> Response:
    """The page; of a link that is no longer good, the same page, which will find that out."""
    nonce = secrets.token_urlsafe(16)
    text = files("gateway.browser").joinpath("page.html").read_text(encoding="utf-8")
    body = text.replace("{nonce}", nonce).encode()
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "style-src-attr 'unsafe-inline'; connect-src 'self'; media-src 'self' blob: mediastream:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = Headers(
        {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": policy,
            "Connection": "close",
            **_HEADERS,
        }
    )
    return Response(status, status.phrase, headers, body)
