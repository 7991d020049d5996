"""Owns following the ledger: what was last activated is in force here, what is in shadow is asked
beside it, within a second and without a restart.

Asked once by `ledger_at_hand` before the ledger is used, so that not one decision is made by
another rulebook; then run by the gate's thread for ever. An activation that cannot be read never
comes into force, and health says so.
"""

import asyncio
from pathlib import Path
from typing import Final

import structlog

from callwarden.problems import Problem, ProblemsFound
from gateway.gate.rulebook_in_force import RulebookInForce
from policy.identity import RulebookText
from policy.ledger import LedgerReader, LedgerUnavailable
from policy.ledger.records import Activation, Mode

_EVERY_S: Final = 0.25

_log = structlog.get_logger(__name__)


class Activations:
    def __init__(self, file: Path, key_file: Path, rulebook: RulebookInForce) -> None:
        self._file, self._key_file = file, key_file
        self._rulebook = rulebook
        self._reader: LedgerReader | None = None
        self._followed: dict[Mode, int] = {}

    async def follow(self) -> None:
        """Puts in force and in shadow what the ledger says. Raises LedgerUnavailable."""
        for mode in ("active", "shadow"):
            latest = await asyncio.to_thread(self._latest, mode)
            if latest is None or latest.seq == self._followed.get(mode, 0):
                continue
            try:
                text = await asyncio.to_thread(self._text, latest)
            except ProblemsFound as found:
                self._rulebook.cannot_put(mode, found)
            else:
                await self._rulebook.put(mode, text)
            self._followed[mode] = latest.seq

    async def run(self) -> None:
        """Follows until cancelled. While the ledger is away everything is refused anyway."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.follow()
            except LedgerUnavailable:
                await self.close()

    async def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await asyncio.to_thread(reader.close)

    def _latest(self, mode: Mode) -> Activation | None:
        if self._reader is None:
            self._reader = LedgerReader.open(self._file, self._key_file)
        return self._reader.activation(mode)

    def _text(self, activation: Activation) -> RulebookText | None:
        """Its text; None where a shadow ended. Raises ProblemsFound, LedgerUnavailable."""
        identity = activation.rulebook
        if identity is None or self._reader is None:
            return None
        try:
            text = self._reader.rulebook(identity.digest)
        except ValueError as error:
            raise _unusable(activation, str(error)) from None
        if text is None:
            raise _unusable(activation, "its text is not in the ledger")
        return text


def _unusable(activation: Activation, why: str) -> ProblemsFound:
    text = f"{why}; activate another one: callwarden rules activate"
    return ProblemsFound([Problem("(ledger)", 1, 1, f"activation {activation.seq}", text)])
