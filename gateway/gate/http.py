"""Owns the gate over HTTP, for a dialplan that asks by `CURL()`: `http://HOST:PORT/gate`, GET or
POST, the names of a question as form fields (URIENCODE each), one line of text for an answer.

The line is `ALLOW:<nonce>|<rule>|<cause>` or `DENY:<nonce>|<rule>|<cause>`. The one invariant is
FastAGI's: ALLOW is written only for an Answer of the gate that allows; what is no request of HTTP
is a closed socket, what is one and no question is a refusal. One request a connection. The token
comes as a form field `token`, or as `Authorization: Bearer …`.

h11 parses: it is small, strict, does no I/O, and came with httpx; servers built on it want the loop
and the sockets, which are the gate's own here.
"""

import hmac
from typing import Final
from urllib.parse import parse_qsl

import h11

from gateway.gate import question
from gateway.gate.answer import Answer, BadRequest
from gateway.gate.sessions import NotSpoken, Session, SessionServer
from policy.dialling.request import DialRequest

QUESTION_S: Final = 1.0
"""From connection to the end of the request."""
REPLY_S: Final = 1.0
"""For the answer to leave."""
PATH: Final = b"/gate"
MAX_HEAD_BYTES: Final = 8 * 1024
MAX_BODY_BYTES: Final = 8 * 1024
_MOST_NAMES: Final = 2 * len(question.ALPHABETS)
_OF_A_BROWSER: Final = frozenset({b"origin", b"sec-fetch-site"})
"""A web page that a browser beside the PBX shows must not be able to reserve calls."""


class HttpGateServer(SessionServer):
    """`token` is empty where none is asked for."""

    token = b""

    def session(self) -> "_Session":
        return _Session(self)


class _Refused(BadRequest):
    """Refused before the question was read."""

    def __init__(self, status: int, wrong: str) -> None:
        super().__init__(wrong)
        self.status = status


class _Session(Session):
    def __init__(self, server: HttpGateServer) -> None:
        super().__init__(server)
        self._region = server.region
        self._token = server.token
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._asked = False

    def began(self) -> None:
        self.bound(QUESTION_S)

    def read(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            while not self._asked:
                event = self._http.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    self._go_on()
                    return
                self._heard(event)
        except h11.RemoteProtocolError:
            raise NotSpoken("not a request of HTTP") from None
        if self._http.trailing_data[0]:
            self.drop("more than one request")

    def answer(self, answer: Answer) -> None:
        self._reply(200, answer)

    def _go_on(self) -> None:
        if self._http.they_are_waiting_for_100_continue:
            self._send(h11.InformationalResponse(status_code=100, headers=[]))

    def _heard(self, event: object) -> None:
        match event:
            case h11.Request():
                self._request = event
            case h11.Data():
                self._body += event.data
                if len(self._body) > MAX_BODY_BYTES:
                    self.drop("too many bytes")
                    self._asked = True
            case h11.EndOfMessage():
                self._asked = True
                self._question()
            case _:
                raise NotSpoken("ended before it asked")

    def _question(self) -> None:
        try:
            request = self._read_question()
        except BadRequest as wrong:
            # A wrong argument is refused with its reason; of other statuses CURL() tells nothing.
            status = wrong.status if isinstance(wrong, _Refused) else 200
            self._reply(status, self._gate.bad_request(wrong))
        else:
            self.ask(request)

    def _read_question(self) -> DialRequest:
        """Raises BadRequest."""
        assert self._request is not None  # noqa: S101 - h11 ends no message that did not begin
        headers = dict(self._request.headers)
        if _OF_A_BROWSER & headers.keys():
            raise _Refused(403, "http: sent by a web page")
        path, _, query = self._request.target.partition(b"?")
        if path != PATH:
            raise _Refused(404, "unknown path: http://HOST:PORT/gate is the one there is")
        if self._request.method not in {b"GET", b"POST"}:
            raise _Refused(405, "http: neither GET nor POST")
        if query and self._body:
            raise BadRequest("http: names in both the address and the body")
        values = _names(query or bytes(self._body))
        scheme, _, bearer = headers.get(b"authorization", b"").partition(b" ")
        given = values.pop("token", "").encode() or (bearer if scheme == b"Bearer" else b"")
        if self._token and not hmac.compare_digest(given, self._token):
            raise _Refused(401, "http: no token, or not the one of gate.http_token")
        return question.request(values, self._region)

    def _reply(self, status: int, answer: Answer) -> None:
        body = answer.line().encode("ascii")
        self.bound(REPLY_S)
        headers = [
            ("Content-Type", "text/plain; charset=us-ascii"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
        ]
        if status == 401:
            headers.append(("WWW-Authenticate", "Bearer"))
        self._send(h11.Response(status_code=status, headers=headers))
        self._send(h11.Data(data=body))
        self._send(h11.EndOfMessage())
        self._transport.close()

    def _send(self, event: h11.Event) -> None:
        self._transport.write(self._http.send(event) or b"")


def _names(form: bytes) -> dict[str, str]:
    """The fields of a form. Raises BadRequest."""
    try:
        pairs = parse_qsl(
            form.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_NAMES,
        )
    except ValueError:
        raise BadRequest("http: not a form, or not in UTF-8") from None
    values = dict(pairs)
    if len(values) != len(pairs):
        raise BadRequest("http: a name came twice", question.nonce_of(values))
    return values
