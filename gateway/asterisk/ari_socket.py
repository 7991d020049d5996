"""Owns one connection of ARI's events: the events it brings, and requests over it where Asterisk
takes them there (20.14, 21.9, 22.4 and later), at a tenth of what HTTP costs.

Made by `ari`. The one invariant: a request gets its answer or fails; none waits beyond its bound,
whatever becomes of the connection.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

RESPONSE: Final = "RESTResponse"
"""An answer is an event too: one that a filter of events must let through."""
_ANSWER_S: Final = 3.0
_MOST_EVENTS: Final = 20_000
"""Events that may wait: minutes of a busy PBX. Beyond it we are lost, and start over."""


@dataclass(frozen=True)
class Event:
    """One event, with the id of the channel it is about (empty: about none)."""

    kind: str
    channel: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """To one request: HTTP's status and its phrase, and the body as it came, empty without one."""

    status: int
    reason: str
    body: str


class ConnectionLost(Exception):
    """The request was not answered; the text says what happened to it."""


class AriSocket:
    """Reads from the moment it is made, in the running loop. Close it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._answers: dict[str, asyncio.Future[Answer]] = {}
        self._requests = 0
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._asking: asyncio.Task[None] | None = None
        self._reading = asyncio.get_running_loop().create_task(self._read())
        self.takes_requests = False
        """Whether Asterisk has answered a request here. Older ones never do."""

    def find_out(self) -> None:
        """Asks whether requests are taken here; `takes_requests` tells, as soon as it is known."""
        self._asking = asyncio.get_running_loop().create_task(self._find_out())

    async def _find_out(self) -> None:
        try:
            answer = await self.request("GET", "asterisk/ping", {})
        except ConnectionLost:
            return
        self.takes_requests = answer.status == HTTPStatus.OK and not self._reading.done()

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Raises ConnectionLost, within 3 s."""
        if self._reading.done():
            raise ConnectionLost("the connection of events is closed")
        self._requests += 1
        name = str(self._requests)
        message: dict[str, Any] = {
            "type": "RESTRequest",
            "request_id": name,
            "method": method,
            "uri": path,
            "query_strings": [{"name": key, "value": value} for key, value in query.items()],
        }
        if body is not None:
            message |= {"content_type": "application/json", "message_body": json.dumps(body)}
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[name] = answer
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._connection.send(json.dumps(message))
                return await answer
        except TimeoutError:
            raise ConnectionLost("no answer over the connection of events") from None
        except WebSocketException:
            raise ConnectionLost("the connection of events broke") from None
        finally:
            del self._answers[name]

    async def events(self) -> AsyncIterator[Event]:
        """Ends with the connection."""
        while event := await self._events.get():
            yield event

    async def _read(self) -> None:
        try:
            async for message in self._connection:
                body = json.loads(message)
                if body.get("type") == RESPONSE:
                    self._answered(body)
                elif self._events.qsize() < _MOST_EVENTS:
                    self._events.put_nowait(Event(str(body.get("type", "")), _channel(body), body))
                else:
                    break
        except WebSocketException:
            pass
        finally:
            self.takes_requests = False
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(ConnectionLost("the connection of events broke"))
            self._events.put_nowait(None)

    def _answered(self, body: Mapping[str, Any]) -> None:
        answer = self._answers.get(str(body.get("request_id", "")))
        if answer and not answer.done():
            reason, text = str(body.get("reason_phrase", "")), str(body.get("message_body") or "")
            answer.set_result(Answer(int(body["status_code"]), reason, text))

    async def close(self) -> None:
        await self._connection.close()
        tasks = [each for each in (self._reading, self._asking) if each]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _channel(body: Mapping[str, Any]) -> str:
    channel = body.get("channel") or body.get("peer") or {}
    return str(channel.get("id", ""))
