"""Owns AMI, through pyst2, of which this is the sole user: sessions that ask, for `callwarden
doctor`, and one that follows events, for `bypass`.

pyst2 blocks without a bound, so each session lives in a daemon thread that is given up when it is
late. Only events that a filter names leave Asterisk; the secret appears in no message.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BufferedRWPair, RawIOBase
from typing import Final, TypeVar

import asterisk.manager
from asterisk.manager import Event, Manager, ManagerAuthException, ManagerException, ManagerMsg

from callwarden.settings import Asterisk, split_address

_PING_S: Final = 1.0
"""How soon a lost connection is noticed; events that fall meanwhile are not repeated."""
_SESSION_S: Final = 5.0

Answer = TypeVar("Answer")


class AmiUnavailable(Exception):
    """AMI cannot be used; says where and what to do."""


_GONE: Final = (ManagerException, ValueError, OSError)
"""What pyst2 raises on a lost connection; ValueError when its reading thread closed the socket
between its own look and its write."""


@dataclass(frozen=True)
class AmiEvent:
    """One event; `variables` are those of the channel that were asked for."""

    name: str
    headers: dict[str, str]
    variables: dict[str, str]


class _Message(ManagerMsg):
    """As pyst2's, without the lines that it stumbles over: manager.conf's `channelvars`."""

    def parse(self, response: list[str]) -> None:
        super().parse([each for each in response if "ChanVariable" not in each.partition(":")[0]])


asterisk.manager.ManagerMsg = _Message  # type: ignore[misc]  # what pyst2 makes of each message


class AmiSession:
    """One login. Its methods block; call them in a session of `asked`."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def ping(self) -> None:
        """Raises AmiUnavailable."""
        self._act({"Action": "Ping"})

    def command(self, line: str) -> str:
        """What the console command prints. Raises AmiUnavailable: not let, or not known."""
        answer = self._act({"Action": "Command", "Command": line})
        return "".join(answer.response)

    def status(self, variables: Sequence[str]) -> Iterator[AmiEvent]:
        """A `Status` event of each channel that is up."""
        answer = self._act({"Action": "Status", "Variables": ",".join(variables)})
        return _events_in(answer.data)

    def follow(self, filters: Sequence[str], tell: Callable[[AmiEvent], None]) -> None:
        """Has events of calls and CDRs told from now on, in a thread of pyst2's: those that one of
        `filters` (POSIX expressions over a whole event) finds."""
        for each in filters:
            self._act({"Action": "Filter", "Operation": "Add", "Filter": each})

        def told(event: Event, manager: Manager) -> None:
            tell(AmiEvent(event.name, event.headers, {}))

        self._manager.register_event("*", told)
        self._act({"Action": "Events", "EventMask": "call,cdr"})

    def _act(self, action: dict[str, str | list[str]]) -> ManagerMsg:
        answer = self._manager.send_action(action)
        if answer.get_header("Response") == "Error":
            raise AmiUnavailable(
                f"AMI refuses {action['Action']}: {answer.get_header('Message')}; the user needs "
                "read and write `system`, `call`, `cdr` and `command` in manager.conf"
            )
        return answer


async def asked(asterisk: Asterisk, question: Callable[[AmiSession], Answer]) -> Answer:
    """What `question` returns of a session of its own, within 5 s. Raises AmiUnavailable."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()

    def tell(outcome: Answer | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(outcome)  # type: ignore[arg-type]  # without an error it is one

    def session() -> None:
        outcome, failure = None, None
        try:
            outcome = _session(asterisk, question)
        except Exception as error:  # of whatever kind, it is the asker's
            failure = error
        try:
            loop.call_soon_threadsafe(tell, outcome, failure)
        except RuntimeError:  # the asker's loop is closed: nobody waits any more
            return

    threading.Thread(target=session, name="ami", daemon=True).start()
    try:
        async with asyncio.timeout(_SESSION_S):
            return await answer
    except TimeoutError:
        raise _late(asterisk) from None


def _session(asterisk: Asterisk, question: Callable[[AmiSession], Answer]) -> Answer:
    host, port = split_address(asterisk.ami)
    manager = Manager()
    try:
        manager.connect(host, port)
        if isinstance(manager._sock, RawIOBase):
            # From the next message on; pyst2 by itself reads one byte a system call.
            manager._sock = BufferedRWPair(manager._sock, manager._sock)
        _log_in(manager, asterisk)
        return question(AmiSession(manager))
    except ManagerAuthException:
        raise AmiUnavailable(
            f"AMI at {asterisk.ami} does not let in user {asterisk.ami_user!r}: asterisk.ami_user "
            "and asterisk.ami_secret must be a user of manager.conf"
        ) from None
    except _GONE:
        raise AmiUnavailable(
            f"AMI does not answer at {asterisk.ami}: is Asterisk running, is manager.conf "
            "enabled, is asterisk.ami right?"
        ) from None
    finally:
        _closed(manager)


def _closed(manager: Manager) -> None:
    try:
        manager.close()
    except _GONE:  # the connection was gone already
        return


def _log_in(manager: Manager, asterisk: Asterisk) -> None:
    """As pyst2's login, but without events. Raises ManagerAuthException."""
    login: dict[str, str | list[str]] = {
        "Action": "Login",
        "Username": asterisk.ami_user,
        "Secret": asterisk.ami_secret,
        "Events": "off",
    }
    if manager.send_action(login).get_header("Response") == "Error":
        raise ManagerAuthException


async def followed(
    asterisk: Asterisk, filters: Sequence[str], variables: Sequence[str]
) -> AsyncGenerator[AmiEvent | None]:
    """The channels that are up (`Status`), then events as they fall; None now and then while
    nothing does. Raises AmiUnavailable when the connection cannot be had, or is lost."""
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[AmiEvent | AmiUnavailable | None] = asyncio.Queue()
    over = threading.Event()

    def tell(what: AmiEvent | AmiUnavailable | None) -> None:
        try:
            loop.call_soon_threadsafe(told.put_nowait, what)
        except RuntimeError:  # the follower's loop is closed
            over.set()

    def session() -> None:
        try:
            _session(asterisk, partial(_follow, filters, variables, tell, over))
        except AmiUnavailable as unavailable:
            tell(unavailable)
        except Exception as error:  # pyst2 fails in ways of its own; the follower connects again
            tell(AmiUnavailable(f"AMI at {asterisk.ami} failed ({type(error).__name__})"))

    threading.Thread(target=session, name="ami-events", daemon=True).start()
    try:
        while True:
            try:
                async with asyncio.timeout(_PING_S + _SESSION_S):
                    what = await told.get()
            except TimeoutError:
                raise _late(asterisk) from None
            if isinstance(what, AmiUnavailable):
                raise what
            yield what
    finally:
        over.set()


def _follow(
    filters: Sequence[str],
    variables: Sequence[str],
    tell: Callable[[AmiEvent | None], None],
    over: threading.Event,
    session: AmiSession,
) -> None:
    if filters:
        session.follow(filters, tell)
        for each in session.status(variables):
            tell(each)
    tell(None)
    while not over.wait(_PING_S):
        session.ping()
        tell(None)


def _events_in(text: str) -> Iterator[AmiEvent]:
    """Events as they stand in the text of one answer."""
    for block in text.split("\r\n\r\n"):
        headers: dict[str, str] = {}
        variables: dict[str, str] = {}
        for line in block.splitlines():
            name, _, value = line.partition(": ")
            if name == "Variable":
                variable, _, held = value.partition("=")
                variables[variable] = held
            else:
                headers[name] = value
        if headers.get("Event"):
            yield AmiEvent(headers["Event"], headers, variables)


def _late(asterisk: Asterisk) -> AmiUnavailable:
    return AmiUnavailable(
        f"AMI at {asterisk.ami} does not answer within {_SESSION_S:.0f} s: is Asterisk stuck?"
    )
