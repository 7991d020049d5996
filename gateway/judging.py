"""Owns which rulebooks judge what is said on calls, and teaching them to the recognizer.

Asked by `recognizer_link`. Where no rulebook was activated the recognizer judges by its own; an
activated one it is taught whole, from the ledger, before the next call names it.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from callwarden.v1 import recognition_pb2 as recognition
from policy.ledger import LedgerReader
from policy.on_the_wire import identity_message


class Digests(NamedTuple):
    """Of the activated rulebook and of the one in shadow; empty where there is none."""

    active: str = ""
    shadow: str = ""


class Judging:
    """`digests` are those of the present moment."""

    def __init__(self, digests: Callable[[], Digests], file: Path, key_file: Path) -> None:
        self._digests = digests
        self._file, self._key_file = file, key_file

    @property
    def digests(self) -> Digests:
        return self._digests()

    async def lesson(self, digest: str) -> recognition.LearnRulebookRequest:
        """What the recognizer is told of a rulebook. Raises LedgerUnavailable, ValueError where the
        ledger does not have its text."""
        return await asyncio.to_thread(self._lesson, digest)

    def _lesson(self, digest: str) -> recognition.LearnRulebookRequest:
        with LedgerReader.open(self._file, self._key_file) as reader:
            text = reader.rulebook(digest)
        if text is None:
            raise ValueError(f"rulebook {digest[:12]} is not in the ledger")
        return recognition.LearnRulebookRequest(
            rulebook=identity_message(text.identity), content=text.content
        )
