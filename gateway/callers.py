"""Owns who calls the operator API: known by a bearer token or by the common name of the client's
certificate, out of the file of people, which is read anew when it changes.

Asked by oversight for each call, and during a watch. The one invariant: whoever is not known for
certain is nobody; without a file of people only this box is answered. A file that becomes faulty
leaves those in force who were, and health says so.
"""

import asyncio
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import grpc
import grpc.aio
import structlog

from callwarden.caller import OPERATOR
from callwarden.problems import ProblemsFound
from gateway.health import HealthReport, HealthStatus
from policy.people import People, Person, Role

_BEARER: Final = "Bearer "
_EVERY_S: Final = 0.5
_LONGEST_NAME: Final = 128

_log = structlog.get_logger(__name__)


class Unknown(Exception):
    """Nobody known asks; says what to do."""


class Callers:
    """`file` None: the site names no people."""

    def __init__(self, file: Path | None, health: HealthReport) -> None:
        """Raises ProblemsFound."""
        self._file = file
        self._health = health
        self._people = People.read(file) if file else None
        self._read_at = _changed_at(file)
        self._then: list[Callable[[], None]] = []
        health.set("people", HealthStatus.OK)

    def team_of(self, agent: str) -> str:
        """Empty where the file puts the agent in no team, or there is none."""
        return self._people.team_of(agent) if self._people else ""

    def when_changed(self, then: Callable[[], None]) -> None:
        """Has `then` called whenever the people or their teams are others."""
        self._then.append(then)

    def who(self, context: grpc.aio.ServicerContext[Any, Any], claimed: str = "") -> Person:
        """Who asks, from the connection and its metadata; `claimed` is who a request says he is.
        Raises Unknown."""
        said = dict(context.invocation_metadata() or ())
        if self._people is None:
            if not _on_this_box(context.peer()):
                raise Unknown("without oversight.people only this box is served: name the people")
            name = claimed or unquote(_text(said.get(OPERATOR))) or "admin"
            return Person(name.strip()[:_LONGEST_NAME] or "admin", Role.ADMIN)
        token = _text(said.get("authorization"))
        if token.startswith(_BEARER):
            person = self._people.with_token(token.removeprefix(_BEARER).strip())
            if person is None:
                raise Unknown("this token is nobody's: see oversight.token_file")
            return person
        names: Iterable[str | bytes] = context.auth_context().get("x509_common_name", ())
        for common_name in names:
            if person := self._people.with_certificate(_text(common_name)):
                return person
        raise Unknown(
            "nobody known asks: set oversight.token_file, or show a certificate whose common name "
            "stands in the file of people"
        )

    def still(
        self, context: grpc.aio.ServicerContext[Any, Any], person: Person
    ) -> Callable[[], bool]:
        """Whether, by the people there are now, the same person with the same rights asks, and the
        teams are made of the same agents."""
        known = self._people

        def same() -> bool:
            nonlocal known
            if known is None or self._people is known:
                return True
            try:
                unchanged = self.who(context) == person and known.same_teams(self._people)
            except Unknown:
                return False
            known = self._people
            return unchanged

        return same

    async def follow(self) -> None:
        """Reads the file anew whenever it changes, until cancelled."""
        while self._file:
            await asyncio.sleep(_EVERY_S)
            changed_at = await asyncio.to_thread(_changed_at, self._file)
            if changed_at != self._read_at:
                self._read_at = changed_at
                await self._read_anew(self._file)

    async def _read_anew(self, file: Path) -> None:
        try:
            self._people = await asyncio.to_thread(People.read, file)
        except ProblemsFound as found:
            for problem in found.problems:
                _log.error("people file problem", problem=str(problem))
            text = f"the people before stay: {'; '.join(map(str, found.problems[:3]))}"
            self._health.set("people", HealthStatus.DEGRADED, text)
            return
        self._health.set("people", HealthStatus.OK)
        _log.info("people read")
        for then in self._then:
            then()


def _changed_at(file: Path | None) -> tuple[int, int] | None:
    try:
        found = file.stat() if file else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ino) if found else None


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _on_this_box(peer: str) -> bool:
    """Whether gRPC's name of the other end is this box."""
    kind, _, address = unquote(peer).partition(":")
    if kind == "unix":
        return True
    try:
        return ip_address(address.rpartition(":")[0].strip("[]")).is_loopback
    except ValueError:
        return False
