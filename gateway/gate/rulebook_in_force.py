"""Owns which rulebook the gate decides by: loaded at the start, loaded anew on SIGHUP.

The one invariant: a rulebook that has a problem never comes into force. Without one in force every
call is refused; with an earlier one in force that one stays, and health says so.
"""

from collections.abc import Awaitable, Callable

import structlog

from callwarden.problems import ProblemsFound
from callwarden.settings import Rules
from gateway.gate import deciding_rulebook
from gateway.gate.deciding_rulebook import DecidingRulebook
from gateway.gate.fail_closed import RulebookBroken
from gateway.health import HealthReport, HealthStatus

_SHOWN = 5
"""Problems that a health message quotes; the log has them all."""

_log = structlog.get_logger(__name__)


class RulebookInForce:
    def __init__(
        self,
        rules: Rules,
        health: HealthReport,
        read: Callable[[Rules], Awaitable[DecidingRulebook]] = deciding_rulebook.read,
    ) -> None:
        self._rules = rules
        self._read = read
        self._health = health
        self._current: DecidingRulebook | None = None
        self._broken = RulebookBroken(ProblemsFound([]))

    @property
    def current(self) -> DecidingRulebook:
        """The rulebook to decide by. Raises RulebookBroken when there is none."""
        if self._current is None:
            raise self._broken
        return self._current

    async def load(self) -> bool:
        """Reads the rulebooks and puts them in force. False: they have problems, now in health and
        log, and what was in force before stays."""
        try:
            loaded = await self._read(self._rules)
        except ProblemsFound as problems:
            self._failed(problems)
            return False
        self._current = loaded
        self._health.set("rulebook", HealthStatus.OK)
        _log.info(
            "rulebook in force", version=loaded.identity.version, digest=loaded.identity.digest
        )
        return True

    def _failed(self, found: ProblemsFound) -> None:
        for problem in found.problems:
            _log.error("rulebook problem", problem=str(problem))
        quoted = "; ".join(map(str, found.problems[:_SHOWN]))
        if self._current:
            version = self._current.identity.version
            text = f"{version} stays in force, the new one is broken: {quoted}"
            self._health.set("rulebook", HealthStatus.DEGRADED, text)
        else:
            self._broken = RulebookBroken(found)
            text = f"every call is refused; mend this and send SIGHUP: {quoted}"
            self._health.set("rulebook", HealthStatus.DOWN, text)
