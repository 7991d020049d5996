"""Owns letting a supervisor's phone into a live call: the phone is rung, and a snoop on the agent's
channel is bridged with it.

Kept by `pbx`, asked by the acts. The invariants: only an endpoint of the configured template is
ever rung, with letters and digits in it, and never a trunk, so no customer can be; whatever was
made is gone again when the call ends, the phone hangs up, the listening is ended, or half of it
failed. The phone enters our application, no dialplan.
"""

import asyncio
import re
import secrets
from collections.abc import Mapping
from enum import Enum
from fnmatch import fnmatchcase
from typing import Final

import structlog

from callwarden.settings import Asterisk
from gateway.asterisk.ari import Ari, AriRefused, AriUnavailable
from gateway.asterisk.fork import Stasis, to_the_end
from policy.people import EXTENSION

_log = structlog.get_logger(__name__)

_RINGS_S: Final = 30
_ENTER_S: Final = 3.0
_DELETE_S: Final = 5.0


class Mode(Enum):
    """What the snoop on the agent's channel takes and gives: `spy` both, so that both parties are
    heard; `whisper` is the value: to nobody, out to the agent alone, or both ways."""

    LISTEN = "none"
    WHISPER = "out"
    BARGE = "both"


class NoPhone(Exception):
    """This may not be rung; says why."""


def endpoint(asterisk: Asterisk, extension: str) -> str:
    """The supervisor's endpoint. Raises NoPhone."""
    template = asterisk.supervisor_endpoint
    if template is None:
        raise NoPhone("no phone can be rung: asterisk.supervisor_endpoint is not set")
    if not re.fullmatch(EXTENSION, extension):
        raise NoPhone("an extension is letters and digits alone")
    made = template.replace("{extension}", extension)
    if any(fnmatchcase(made.lower(), each.lower()) for each in asterisk.trunks):
        raise NoPhone("this extension is a trunk towards customers: nobody is rung over it")
    return made


class ListenIns:
    """All of one gateway. `close` ends them."""

    def __init__(self, ari: Ari, stasis: Stasis, asterisk: Asterisk) -> None:
        self._ari = ari
        self._stasis = stasis
        self._asterisk = asterisk
        self._running: dict[str, asyncio.Task[None]] = {}

    async def begin(self, agent_channel: str, mode: Mode, extension: str) -> str:
        """Rings the phone and returns the listening's id; the call is heard once it is answered.
        Raises NoPhone, AriUnavailable, AriRefused."""
        rung = endpoint(self._asterisk, extension)
        if not self._stasis.connected.is_set():
            raise AriUnavailable("Asterisk is not connected: see the health of asterisk-ari")
        listening = _Listening(self._ari, self._stasis, agent_channel, mode)
        try:
            await listening.ring(rung)
        except BaseException:  # cancelled too, what was made half-way goes
            await to_the_end(listening.delete())
            raise
        task = asyncio.get_running_loop().create_task(listening.run())
        self._running[listening.id] = task
        task.add_done_callback(lambda done: self._ended(listening.id, done))
        return listening.id

    async def end(self, listening_id: str) -> None:
        """Raises KeyError: nobody listens in under this id."""
        task = self._running[listening_id]
        task.cancel()
        await asyncio.wait({task})

    async def close(self) -> None:
        for task in (running := tuple(self._running.values())):
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _ended(self, listening_id: str, task: asyncio.Task[None]) -> None:
        del self._running[listening_id]
        if not task.cancelled() and (error := task.exception()):
            _log.warning("listening in failed", kind=type(error).__name__)


class _Listening:
    """One phone in one call."""

    def __init__(self, ari: Ari, stasis: Stasis, agent_channel: str, mode: Mode) -> None:
        self.id = secrets.token_hex(8)
        self._ari = ari
        self._stasis = stasis
        self._agent_channel = agent_channel
        self._mode = mode
        self._name = f"listen.{self.id}.{agent_channel}"
        stasis.claim(self._name)
        self._phone = f"{ari.application}.phone.{self._name}"
        self._snoop = f"{ari.application}.snoop.{self._name}"
        self._bridge = f"{ari.application}.bridge.{self._name}"
        self._phone_entered, self._phone_left = stasis.expect(self._phone)
        self._snoop_entered, self._snoop_left = stasis.expect(self._snoop)

    async def ring(self, rung: str) -> None:
        query: Mapping[str, str] = {
            "endpoint": rung,
            "app": self._ari.application,
            "channelId": self._phone,
            "timeout": str(_RINGS_S),
            "callerId": "Callwarden",
        }
        await self._ari.post("channels", **query)

    async def run(self) -> None:
        """From the ringing until one of them is gone, or cancelled."""
        try:
            rung = {self._phone_entered, self._phone_left}
            await asyncio.wait(rung, return_when=asyncio.FIRST_COMPLETED)
            if self._phone_entered.done() and not self._phone_left.done():
                await self._join()
                left = {self._phone_left, self._snoop_left}
                await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await to_the_end(self.delete())

    async def _join(self) -> None:
        application = self._ari.application
        await self._ari.post(
            f"channels/{self._agent_channel}/snoop",
            app=application,
            spy="both",
            whisper=self._mode.value,
            snoopId=self._snoop,
        )
        await self._ari.post("bridges", type="mixing", bridgeId=self._bridge, name=self._bridge)
        async with asyncio.timeout(_ENTER_S):
            await self._snoop_entered
        await self._ari.post(
            f"bridges/{self._bridge}/addChannel", channel=f"{self._snoop},{self._phone}"
        )

    async def delete(self) -> None:
        """Deletes what is there; what cannot be deleted now is an orphan that the next look around
        deletes."""
        made = (f"bridges/{self._bridge}", f"channels/{self._snoop}", f"channels/{self._phone}")
        try:
            async with asyncio.timeout(_DELETE_S):
                for each in made:
                    await self._ari.delete(each)
        except (AriUnavailable, AriRefused, TimeoutError) as error:
            _log.warning("listening in not deleted", cause=str(error) or "timeout")
        finally:
            self._stasis.forget(self._snoop)
            self._stasis.forget(self._phone)
            self._stasis.disclaim(self._name)
