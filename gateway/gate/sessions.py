"""Owns what every way in over TCP has in common: a server that knows its open sessions, and a
session that ends at its deadline, when its client goes, and at anything unexpected.

Implemented by `fastagi` and `http`. The one invariant: a session that has nothing left to say does
not stay open, and one that is dropped has given no verdict.
"""

import asyncio
from typing import Final, Protocol, cast

import structlog

from gateway.gate.answer import Answer, BadRequest
from policy.dialling.request import DialRequest

DECISION_S: Final = 2.0
"""Outer bound of a decision: the gate's own deadline is 1.4 s at most."""
_LAST_S: Final = 1.0
"""For sessions that are open when the server stops."""

_log = structlog.get_logger(__name__)


class NotSpoken(Exception):
    """Whoever connected does not speak the protocol of this port."""


class Gate(Protocol):
    """Whoever decides. Neither method may raise; one that does is answered by a closed socket."""

    async def decide(self, request: DialRequest) -> Answer: ...

    def bad_request(self, wrong: BadRequest) -> Answer: ...


class Session(asyncio.Protocol):
    """One connection. A way in says what `began`, `read` and `answer` are."""

    def __init__(self, server: "SessionServer") -> None:
        self._server = server
        self._gate = server.gate
        self._over = False
        self._deadline: asyncio.TimerHandle | None = None
        self._deciding: asyncio.Task[None] | None = None

    def began(self) -> None:
        raise NotImplementedError

    def read(self, data: bytes) -> None:
        """What came. Whatever it raises, the session is dropped."""
        raise NotImplementedError

    def answer(self, answer: Answer) -> None:
        """What the gate says to the question that was handed to `ask`."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.opened(self)
        self.began()

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish()
        self._server.closed(self)

    def data_received(self, data: bytes) -> None:
        try:
            self.read(data)
        except NotSpoken as error:
            self.drop(str(error))
        except Exception as error:  # whatever it is, this caller gets no verdict
            self.drop(f"unexpected {type(error).__name__}")

    def ask(self, request: DialRequest) -> None:
        """Has the gate decide; `answer` follows unless the session ends before."""
        self.bound(DECISION_S)
        self._deciding = asyncio.get_running_loop().create_task(self._decide(request))

    def bound(self, seconds: float) -> None:
        """Drops the session in so many seconds, unless it is bound anew or finished by then."""
        if self._deadline:
            self._deadline.cancel()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(seconds, self.drop, "took too long")

    def drop(self, why: str) -> None:
        """Ends the session at once, without a verdict."""
        if not self._over:
            _log.debug("session dropped", why=why, session=type(self).__name__)
            self._finish()
            self._transport.abort()

    def finish(self) -> None:
        """Ends the session; what was written still leaves."""
        self._finish()
        self._transport.close()

    async def _decide(self, request: DialRequest) -> None:
        try:
            answer = await self._gate.decide(request)
            if answer.nonce != request.nonce:
                return self.drop("an answer to another question")
            if not self._over:
                self.answer(answer)
        except Exception as error:  # whatever it is, this caller gets no verdict
            self.drop(f"unexpected {type(error).__name__}")

    def _finish(self) -> None:
        self._over = True
        if self._deadline:
            self._deadline.cancel()
        if self._deciding and self._deciding is not asyncio.current_task():
            self._deciding.cancel()


class SessionServer:
    """Listens, and knows the sessions that are open. `region` is the country of numbers without a
    prefix."""

    def __init__(self, gate: Gate, region: str) -> None:
        self.gate = gate
        self.region = region
        self._sessions: set[Session] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def open_sessions(self) -> int:
        return len(self._sessions)

    @property
    def port(self) -> int:
        """Where it listens, once started."""
        return self._port

    def session(self) -> Session:
        """One for a connection that was just made."""
        raise NotImplementedError

    async def start(self, host: str, port: int) -> int:
        """Listens and returns the port; 0 takes a free one. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.session, host, port, backlog=1024)
        self._port = int(self._server.sockets[0].getsockname()[1])
        return self._port

    async def close(self) -> None:
        """Stops listening, lets open sessions finish for a second, then drops them."""
        if self._server:
            self._server.close()
        try:
            await asyncio.wait_for(self._idle.wait(), _LAST_S)
        except TimeoutError:
            for session in tuple(self._sessions):
                session.drop("the gateway stops")

    def opened(self, session: Session) -> None:
        self._sessions.add(session)
        self._idle.clear()

    def closed(self, session: Session) -> None:
        self._sessions.discard(session)
        if not self._sessions:
            self._idle.set()
