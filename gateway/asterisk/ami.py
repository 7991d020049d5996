"""Owns AMI, through pyst2, of which this is the sole user: the health part `asterisk-ami`, and the
commands that `callwarden doctor` asks of Asterisk.

pyst2 blocks without a bound, so each session lives in a daemon thread that is given up when it is
late. No event is asked for, so no number passes here; the secret appears in no message.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from asterisk.manager import Manager, ManagerAuthException, ManagerException, ManagerMsg

from callwarden.settings import Asterisk, split_address
from gateway.health import Health, HealthStatus

_EVERY_S: Final = 10.0
_AGAIN_S: Final = 1.0
_SESSION_S: Final = 5.0

Answer = TypeVar("Answer")


class AmiUnavailable(Exception):
    """AMI cannot be used; says where and what to do."""


_GONE: Final = (ManagerException, ValueError, OSError)
"""What pyst2 raises on a lost connection; ValueError when its reading thread closed the socket
between its own look and its write."""


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

    def _act(self, action: dict[str, str | list[str]]) -> ManagerMsg:
        answer = self._manager.send_action(action)
        if answer.get_header("Response") == "Error":
            raise AmiUnavailable(
                f"AMI refuses {action['Action']}: {answer.get_header('Message')}; the user needs "
                "read and write `command` in manager.conf"
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
        raise AmiUnavailable(
            f"AMI at {asterisk.ami} does not answer within {_SESSION_S:.0f} s: is Asterisk stuck?"
        ) from None


def _session(asterisk: Asterisk, question: Callable[[AmiSession], Answer]) -> Answer:
    host, port = split_address(asterisk.ami)
    manager = Manager()
    try:
        manager.connect(host, port)
        manager.login(asterisk.ami_user, asterisk.ami_secret)
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


async def watch_ami(asterisk: Asterisk, health: Health) -> None:
    """Keeps the health part `asterisk-ami`, until cancelled."""
    while True:
        try:
            await asked(asterisk, AmiSession.ping)
        except AmiUnavailable as unavailable:
            health.set("asterisk-ami", HealthStatus.DOWN, str(unavailable))
            await asyncio.sleep(_AGAIN_S)
        else:
            health.set("asterisk-ami", HealthStatus.OK)
            await asyncio.sleep(_EVERY_S)
