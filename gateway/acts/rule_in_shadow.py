"""Owns switching a speech rule to shadow: another rulebook in force, in which that rule is judged
and recorded and nothing follows from it.

Called by oversight. It lasts until the next activation. The one invariant: the rule by which a
refusal suppresses is never switched off: nobody is called again who refused.
"""

import asyncio
import sys
from collections.abc import Iterable
from typing import Final

from callwarden.problems import ProblemsFound
from callwarden.settings import Rules
from gateway.acts.configured_rulebook import Read
from gateway.acts.desk import Desk
from gateway.acts.refused import Missing, NotThere, Unavailable
from gateway.enforcement import REFUSAL
from policy import rulebook_text
from policy.identity import RulebookIdentity, RulebookText
from policy.ledger import LedgerReader, LedgerUnavailable
from policy.ledger.acts import ActKind
from policy.people import Person

_WITHIN_S: Final = 60.0


class RuleInShadow:
    """`rules` are those that the configuration names."""

    def __init__(self, desk: Desk, rules: Rules) -> None:
        self._desk = desk
        self._rules = rules
        self._one_at_a_time = asyncio.Lock()

    async def shadow(self, person: Person, rule: str, note: str) -> RulebookIdentity:
        """Judges a speech rule in shadow from the next call on; returns the rulebook that is in
        force then. A rule that is in shadow already stays so, and nothing is recorded."""
        desk = self._desk
        desk.allow(person, ActKind.SHADOW_RULE)
        if not rule.strip():
            raise Missing("say which rule")
        if rule == REFUSAL:
            raise Missing(f"{REFUSAL} suppresses who refused to be called: it stays in force")
        act = desk.act(person, ActKind.SHADOW_RULE, subject=rule, note=note)
        async with self._one_at_a_time:
            before = await desk.read(_in_force)
            text = await self._made(rule, before or await self._configured())
            if text.identity != (before.identity if before else None):
                act = await desk.record(act)
                activating = desk.ledger().activate(
                    text, mode="active", who=person.name, now=desk.now(), note=f"shadow {rule}"
                )
                try:
                    await asyncio.wrap_future(activating)
                except LedgerUnavailable as error:
                    raise Unavailable(f"the rule stays in force, try again: {error}") from None
        return text.identity

    async def _made(self, rule: str, of: RulebookText) -> RulebookText:
        try:
            return await asyncio.to_thread(rulebook_text.with_rule_in_shadow, of, rule)
        except KeyError:
            raise NotThere("no speech rule in force has this id") from None
        except ProblemsFound as found:
            raise _broken(map(str, found.problems)) from None

    async def _configured(self) -> RulebookText:
        """The rulebook in force while none was activated."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.acts.configured_rulebook",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_WITHIN_S):
                said, _ = await process.communicate(self._rules.model_dump_json().encode())
        except TimeoutError:
            raise Unavailable("reading the rulebook took too long; try again") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise Unavailable("reading the rulebook failed: see the gateway's log")
        read = Read.model_validate_json(said)
        if read.problems:
            raise _broken(read.problems)
        return RulebookText(RulebookIdentity(read.version, read.digest), read.content)


def _broken(problems: Iterable[str]) -> Unavailable:
    return Unavailable(f"the rulebook has problems: {'; '.join([*problems][:3])}")


def _in_force(reader: LedgerReader) -> RulebookText | None:
    """The activated rulebook; None where none ever was."""
    active = reader.activation("active")
    if active is None or active.rulebook is None:
        return None
    return reader.rulebook(active.rulebook.digest)
