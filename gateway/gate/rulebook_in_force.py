"""Owns which rulebook the gate decides by, and which one it asks beside it: the one the ledger says
was activated; else what the configuration names, loaded at the start and anew on SIGHUP.

The one invariant: a rulebook that has a problem never comes into force. Without one in force every
call is refused; with an earlier one in force that one stays, and health says so.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from callwarden.problems import ProblemsFound
from callwarden.settings import Rules
from gateway.gate import deciding_rulebook
from gateway.gate.deciding_rulebook import DecidingRulebook
from gateway.gate.fail_closed import RulebookBroken
from gateway.health import HealthReport, HealthStatus
from gateway.judging import Digests
from policy import rulebook_text
from policy.identity import RulebookText
from policy.ledger.records import Mode

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
        self._shadow: DecidingRulebook | None = None
        self._activated = False
        self._broken = RulebookBroken(ProblemsFound([]))

    @property
    def current(self) -> DecidingRulebook:
        """The rulebook to decide by. Raises RulebookBroken when there is none."""
        if self._current is None:
            raise self._broken
        return self._current

    @property
    def shadow(self) -> DecidingRulebook | None:
        """The rulebook to ask beside it, if there is one. Nothing that it says is obeyed."""
        return self._shadow

    @property
    def digests(self) -> Digests:
        """Of the activated rulebook and of the one in shadow; empty where there is none."""
        active = self._current.identity.digest if self._current and self._activated else ""
        return Digests(active, self._shadow.identity.digest if self._shadow else "")

    async def load(self) -> bool:
        """Reads what the configuration names and puts it in force, unless a rulebook was
        activated: that one stays until another is. False: problems, now in health and log, and
        what was in force before stays."""
        try:
            loaded = await self._read(self._rules)
        except ProblemsFound as problems:
            if self._activated:
                _log.warning("the configured rulebooks have problems; the activated one stays")
                return False
            self._failed(problems)
            return False
        if self._activated:
            _log.info("the activated rulebook stays", configured=loaded.identity.version)
        else:
            self._use(loaded)
        return True

    async def put(self, mode: Mode, text: RulebookText | None) -> None:
        """Puts an activated rulebook in force or in shadow, or ends the shadow. One that has
        problems changes nothing, but for health."""
        if text is None:
            self._shadow = None
            _log.info("shadow ended")
            return
        try:
            dialling = await asyncio.to_thread(rulebook_text.dialling, text)
        except ProblemsFound as problems:
            self.cannot_put(mode, problems)
            return
        loaded = DecidingRulebook(text.identity, dialling, activated=True)
        if mode == "active":
            self._activated = True
            self._use(loaded)
        else:
            self._shadow = loaded
            _log.info("rulebook in shadow", **vars(loaded.identity))

    def cannot_put(self, mode: Mode, found: ProblemsFound) -> None:
        """A rulebook that was activated has problems. What was activated before stays; what the
        configuration names does not take its place: nobody chose it for now."""
        if mode == "active":
            self._activated = True
            if self._current and not self._current.activated:
                self._current = None
        self._failed(found)

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
            text = f"every call is refused; mend this, then activate it or send SIGHUP: {quoted}"
            self._health.set("rulebook", HealthStatus.DOWN, text)

    def _use(self, rulebook: DecidingRulebook) -> None:
        self._current = rulebook
        self._health.set("rulebook", HealthStatus.OK)
        _log.info("rulebook in force", **vars(rulebook.identity))
