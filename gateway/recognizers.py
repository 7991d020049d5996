"""Owns the recognizers a gateway may send calls to, which of them a call goes to, and the health
part `recognizer`.

Made by the PBX side; `listening` asks it for each call. Each address has a channel of its own, and
each recognizer is asked every 2 s how many calls it has and takes: gRPC's own balancing knows
neither. A call stays where it is while that lives. The one invariant: while nothing can be
analysed, `cause` says why and what to do about it.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import structlog

from callwarden.settings import Settings, split_address
from callwarden.transport import channel_to
from gateway.health import Health, HealthStatus
from gateway.judging import Digests, Judging
from gateway.metrics import Metrics
from gateway.recognizer_link import RecognizerLink

_log = structlog.get_logger(__name__)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses, HOST:PORT, that a name has at present. Raises OSError."""

_EVERY_S: Final = 2.0
_CHANGES_SEEN_S: Final = 0.2
_RESOLVED_EVERY_S: Final = 5.0
_DNS: Final = "dns:///"


async def by_dns(host: str, port: int) -> Sequence[str]:
    """All of a name, as the box resolves it."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    hosts = dict.fromkeys(str(address[0]) for *_, address in found)
    return [f"[{each}]:{port}" if ":" in each else f"{each}:{port}" for each in hosts]


class Recognizers:
    """`watch` it for ever, `close` it at the end. Raises ProblemsFound as `channel_to` does."""

    def __init__(
        self,
        settings: Settings,
        health: Health,
        judging: Judging,
        metrics: Metrics,
        resolve: Resolve = by_dns,
    ) -> None:
        self.metrics = metrics
        self._tls = settings.tls
        self._health, self._judging, self._resolve = health, judging, resolve
        self._links: dict[str, RecognizerLink] = {}
        self._names = [each for each in settings.recognizer.addresses if each.startswith(_DNS)]
        for address in settings.recognizer.addresses:
            if address not in self._names:
                self._add(address)
        self._unresolved = ""
        self._watching: dict[str, asyncio.Task[None]] = {}
        health.recognizers = lambda: [each.health() for each in self._links.values()]

    @property
    def digests(self) -> Digests:
        """The rulebooks that a call which begins now is judged by."""
        return self._judging.digests

    @property
    def cause(self) -> str:
        """Why nothing can be analysed and what to do; empty while somebody can."""
        causes = [each.cause for each in self._links.values()]
        if not causes:
            return self._unresolved or "the recognizer's name has not been resolved yet"
        return "" if "" in causes else causes[0]

    def link(self, address: str) -> RecognizerLink:
        """To the recognizer at HOST:PORT. Raises KeyError."""
        return self._links[address]

    def choose(self, but: Collection[RecognizerLink] = ()) -> RecognizerLink | None:
        """Where a call is to go: to who serves and has the most room. None: to nobody, `but` those
        that have been tried."""
        others = [each for each in self._links.values() if each not in but]
        return min(others, key=lambda each: each.standing, default=None)

    async def watch(self) -> None:
        """Asks each how it is every 2 s, and when another rulebook was activated, until
        cancelled."""
        try:
            while True:
                for name in self._names:
                    await self._resolve_name(name)
                for address, link in self._links.items():
                    if address not in self._watching:
                        task = asyncio.create_task(self._watch(link))
                        self._watching[address] = task
                await asyncio.sleep(_RESOLVED_EVERY_S if self._links else _CHANGES_SEEN_S)
                for task in self._watching.values():
                    if task.done():
                        task.result()
        finally:
            for task in self._watching.values():
                task.cancel()
            await asyncio.gather(*self._watching.values(), return_exceptions=True)
            self._watching.clear()

    async def _watch(self, link: RecognizerLink) -> None:
        while True:
            await link.look()
            self._tell()
            for _ in range(int(_EVERY_S / _CHANGES_SEEN_S)):
                await asyncio.sleep(_CHANGES_SEEN_S)
                if not link.cause and not link.knows_what_judges:
                    break

    async def _resolve_name(self, name: str) -> None:
        """Finds who has come under the name, and lets go of who has left it and has no calls."""
        host, port = split_address(name)
        try:
            addresses = await self._resolve(host, port)
        except OSError as error:
            self._unresolved = f"{host} cannot be resolved ({error}): see recognizer.address"
            self._tell()
            return
        for address in addresses:
            if address not in self._links:
                self._add(address, host)
        own = {each for each in self._links if self._links[each].named == host}
        for address in own - set(addresses):
            if not self._links[address].carried:
                await self._drop(address)

    def _add(self, address: str, named: str = "") -> None:
        channel = channel_to(address, self._tls, name=named)
        self._links[address] = RecognizerLink(address, channel, self._judging, named=named)

    async def _drop(self, address: str) -> None:
        _log.info("recognizer left its name", address=address)
        link = self._links.pop(address)
        if task := self._watching.pop(address, None):
            task.cancel()
        await link.close()

    def _tell(self) -> None:
        links = list(self._links.values())
        serving = [each for each in links if not each.cause]
        self._health.model = serving[0].state.model if serving else ""
        if serving:
            self._health.recognizer_rulebook = serving[0].state.rulebook
        unwell = [each for each in links if each.status is not HealthStatus.OK]
        if not serving:
            status = HealthStatus.DOWN
        else:
            status = HealthStatus.DEGRADED if unwell else HealthStatus.OK
        said = {each.address: each.cause or each.told for each in unwell}
        if len(links) > 1:
            message = "; ".join(f"{address}: {text}" for address, text in said.items())
        else:
            message = "".join(said.values()) or ("" if serving else self.cause)
        self._health.set("recognizer", status, message)

    async def close(self) -> None:
        for link in self._links.values():
            await link.close()
