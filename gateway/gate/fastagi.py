"""Owns the FastAGI server: sessions from their first byte to their end, each with a deadline.

Asterisk connects, names the call in an `agi_…` environment, is told three channel variables and
hung up on. The one invariant: `ALLOW` is written only for an Answer of the gate that allows, as the
last command of a session that kept to the protocol; anything else is a refusal or a closed socket.

`SET VARIABLE` goes out one at a time: Asterisk reads commands through a buffer it does not poll, so
a second command in one packet could wait for ever.
"""

from enum import Enum
from typing import Final

from gateway.gate import agi_request
from gateway.gate.answer import Answer, BadRequest
from gateway.gate.sessions import Session, SessionServer

QUESTION_S: Final = 1.0
"""From connection to the end of the question; the dialplan itself waits 1.5 s in all."""
REPLY_S: Final = 1.0
"""For Asterisk's reply to each command."""
MAX_LINE_BYTES: Final = 1024
MAX_LINES: Final = 64
MAX_BYTES: Final = 16 * 1024


class FastAgiServer(SessionServer):
    """Serves `agi://HOST:PORT/gate`."""

    def session(self) -> "_Session":
        return _Session(self)


class _Phase(Enum):
    QUESTION = "question"
    DECISION = "decision"
    REPLY = "reply"


class _Session(Session):
    def __init__(self, server: FastAgiServer) -> None:
        super().__init__(server)
        self._region = server.region
        self._phase = _Phase.QUESTION
        self._buffer = bytearray()
        self._received_bytes = 0
        self._environment: list[tuple[bytes, bytes]] = []
        self._commands: list[bytes] = []

    def began(self) -> None:
        self.bound(QUESTION_S)

    def read(self, data: bytes) -> None:
        self._received_bytes += len(data)
        if self._received_bytes > MAX_BYTES:
            return self.drop("too many bytes")
        self._buffer += data
        while not self._over:
            end = self._buffer.find(b"\n")
            if max(end, len(self._buffer) if end < 0 else 0) > MAX_LINE_BYTES:
                return self.drop("line too long")
            if end < 0:
                return None
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._line(line)
        return None

    def answer(self, answer: Answer) -> None:
        self._commands = [
            f'SET VARIABLE {name} "{value}"\n'.encode("ascii") for name, value in answer.variables()
        ]
        self._phase = _Phase.REPLY
        self._say()

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
        self._phase = _Phase.DECISION
        try:
            request = agi_request.read(self._environment, self._region)
        except BadRequest as wrong:
            self.answer(self._gate.bad_request(wrong))
        else:
            self.ask(request)

    def _say(self) -> None:
        if self._commands:
            self.bound(REPLY_S)
            self._transport.write(self._commands.pop(0))
        else:
            self.finish()
