"""Owns the rulebooks that calls may be judged by: the recognizer's own, and those it was told.

Asked by the service for each call. A call keeps the rulebook it began with; a new one is compiled
beside the running calls and never disturbs them.
"""

import asyncio
from typing import Final

from policy import rulebook_text
from policy.identity import RulebookText
from policy.speech.rulebook import SpeechRulebook

KEPT: Final = 4
"""Learnt rulebooks that are kept: one in force and one in shadow, and those before them."""


class UnknownRulebook(Exception):
    """It must be learnt first."""


class Rulebooks:
    def __init__(self, own: SpeechRulebook) -> None:
        self.own = own
        self._learnt: dict[str, SpeechRulebook] = {}

    @property
    def learnt(self) -> tuple[str, ...]:
        """Digests, the one used longest ago first."""
        return tuple(self._learnt)

    def of(self, digest: str) -> SpeechRulebook:
        """The rulebook of that digest; empty: the recognizer's own. Raises UnknownRulebook."""
        if digest in ("", self.own.identity.digest):
            return self.own
        if digest not in self._learnt:
            raise UnknownRulebook(digest)
        self._learnt[digest] = self._learnt.pop(digest)
        return self._learnt[digest]

    async def learn(self, text: RulebookText) -> None:
        """Makes it known. Raises ProblemsFound."""
        digest = text.identity.digest
        if digest not in self._learnt:
            self._learnt[digest] = await asyncio.to_thread(rulebook_text.speech, text)
        self.of(digest)
        while len(self._learnt) > KEPT:
            del self._learnt[next(iter(self._learnt))]
