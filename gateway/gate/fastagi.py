"""Owns the FastAGI server: sessions from their first byte to their end, each with a deadline.

Asterisk connects, names the call in an `agi_…` environment, is told three channel variables and
hung up on. The one invariant: `ALLOW` is written only for an Answer of the gate that allows, as the
last command of a session that kept to the protocol; anything else is a refusal or a closed socket,
and a session that has nothing left to say does not stay open.

`SET VARIABLE` goes out one at a time: Asterisk reads commands through a buffer it does not poll, so
a second command in one packet could wait for ever.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol, cast

import structlog

from gateway.gate import agi_request
from gateway.gate.answer import Answer, BadRequest
from policy.dialling.request import DialRequest

QUESTION_S: Final = 1.0
"""From connection to the end of the question; the dialplan itself waits 1.5 s in all."""
DECISION_S: Final = 2.0
"""Outer bound of a decision: the gate's own deadline is 1.4 s at most."""
REPLY_S: Final = 1.0
"""For Asterisk's reply to each command."""
MAX_LINE_BYTES: Final = 1024
MAX_LINES: Final = 64
MAX_BYTES: Final = 16 * 1024

_log = structlog.get_logger(__name__)


class Gate(Protocol):
    """Whoever decides. Neither method may raise; one that does is answered by a closed socket."""

    async def decide(self, request: DialRequest) -> Answer: ...

    def bad_request(self, wrong: BadRequest) -> Answer: ...


class FastAgiServer:
    """Serves `agi://HOST:PORT/gate`."""

    def __init__(self, gate: Gate, region: str) -> None:
        self._gate = gate
        self._region = region
        self._sessions: set[_Session] = set()
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

    async def start(self, host: str, port: int) -> int:
        """Listens and returns the port; 0 takes a free one. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, host, port, backlog=1024)
        self._port = int(self._server.sockets[0].getsockname()[1])
        return self._port

    async def close(self) -> None:
        """Stops listening, lets open sessions finish for a second, then drops them."""
        if self._server:
            self._server.close()
        try:
            await asyncio.wait_for(self._idle.wait(), REPLY_S)
        except TimeoutError:
            for session in tuple(self._sessions):
                session.drop("the gateway stops")

    def _session(self) -> "_Session":
        return _Session(self._gate, self._region, self._opened, self._closed)

    def _opened(self, session: "_Session") -> None:
        self._sessions.add(session)
        self._idle.clear()

    def _closed(self, session: "_Session") -> None:
        self._sessions.discard(session)
        if not self._sessions:
            self._idle.set()


class _Phase(Enum):
    QUESTION = "question"
    DECISION = "decision"
    REPLY = "reply"
    DONE = "done"


class _Session(asyncio.Protocol):
    """One connection. Whatever goes wrong in it ends it."""

    def __init__(
        self,
        gate: Gate,
        region: str,
        opened: Callable[["_Session"], None],
        closed: Callable[["_Session"], None],
    ) -> None:
        self._gate = gate
        self._region = region
        self._opened = opened
        self._closed = closed
        self._phase = _Phase.QUESTION
        self._buffer = bytearray()
        self._received_bytes = 0
        self._environment: list[tuple[bytes, bytes]] = []
        self._commands: list[bytes] = []
        self._deadline: asyncio.TimerHandle | None = None
        self._deciding: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._opened(self)
        self._enter(_Phase.QUESTION, QUESTION_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish()
        self._closed(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._read(data)
        except agi_request.NotAgi as error:
            self.drop(str(error))
        except Exception as error:  # whatever it is, this caller gets no verdict
            self.drop(f"unexpected {type(error).__name__}")

    def drop(self, why: str) -> None:
        """Ends the session at once, without a verdict."""
        if self._phase is not _Phase.DONE:
            _log.debug("session dropped", why=why, phase=self._phase.value)
            self._finish()
            self._transport.abort()

    def _read(self, data: bytes) -> None:
        self._received_bytes += len(data)
        if self._received_bytes > MAX_BYTES:
            return self.drop("too many bytes")
        self._buffer += data
        while self._phase is not _Phase.DONE:
            end = self._buffer.find(b"\n")
            if max(end, len(self._buffer) if end < 0 else 0) > MAX_LINE_BYTES:
                return self.drop("line too long")
            if end < 0:
                return None
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._line(line)
        return None

    def _line(self, line: bytes) -> None:
        if line == b"HANGUP":
            self.drop("hung up")
        elif self._phase is _Phase.QUESTION and line:
            self._environment.append(agi_request.environment_line(line))
            if len(self._environment) > MAX_LINES:
                self.drop("too many lines")
        elif self._phase is _Phase.QUESTION:
            self._asked()
        elif self._phase is _Phase.REPLY and line.startswith(b"200 result=1"):
            self._say()
        else:
            self.drop("out of turn")

    def _asked(self) -> None:
        self._enter(_Phase.DECISION, DECISION_S)
        try:
            request = agi_request.read(self._environment, self._region)
        except BadRequest as wrong:
            self._answer(self._gate.bad_request(wrong))
        else:
            self._deciding = asyncio.get_running_loop().create_task(self._decide(request))

    async def _decide(self, request: DialRequest) -> None:
        try:
            answer = await self._gate.decide(request)
            if answer.nonce != request.nonce:
                return self.drop("an answer to another question")
            if self._phase is _Phase.DECISION:
                self._answer(answer)
        except Exception as error:  # whatever it is, this caller gets no verdict
            self.drop(f"unexpected {type(error).__name__}")

    def _answer(self, answer: Answer) -> None:
        self._commands = [
            f'SET VARIABLE {name} "{value}"\n'.encode("ascii") for name, value in answer.variables()
        ]
        self._say()

    def _say(self) -> None:
        if self._commands:
            self._enter(_Phase.REPLY, REPLY_S)
            self._transport.write(self._commands.pop(0))
        else:
            self._finish()
            self._transport.close()

    def _enter(self, phase: _Phase, seconds: float) -> None:
        self._phase = phase
        if self._deadline:
            self._deadline.cancel()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(seconds, self.drop, "took too long")

    def _finish(self) -> None:
        self._phase = _Phase.DONE
        if self._deadline:
            self._deadline.cancel()
        if self._deciding and self._deciding is not asyncio.current_task():
            self._deciding.cancel()
