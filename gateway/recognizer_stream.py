"""Owns what is known of one stream to one recognizer, why seconds of a call were not analysed on
it, and where that is heard of which comes back.

Used by `listening`, which holds a call's streams, one after the other.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from callwarden.v1 import conversation_pb2 as conversation
from gateway.recognizer_link import RecognizerLink
from policy.speech.not_analysed import NotAnalysed
from policy.speech.utterance import Leg

UNREACHED: Final = "recognizer-unreachable"
LOST: Final = "recognizer-lost"
FULL: Final = "recognizer-full"
OVERLOAD: Final = "overload"


class Outlet(Protocol):
    """Where what was heard goes. Called in the event loop; must not block."""

    def heard(self, utterance: conversation.Utterance) -> None: ...

    def found(self, finding: conversation.Finding) -> None: ...

    def looked(self, look: conversation.SecondLook) -> None:
        """Seconds in doubt were listened to once more; what follows from it comes after."""

    def owed(self, duties: Sequence[conversation.Duty]) -> None:
        """All that must be told on the call, told by now or not: one of them has changed."""

    def changed(self) -> None:
        """`cause`, `talking` or the coverage is another one."""


class Stream:
    """One Listen call, at one recognizer. A call has another one after each that broke."""

    def __init__(self, link: RecognizerLink, until_s: Mapping[Leg, float]) -> None:
        """`until_s`: what others have heard of each leg."""
        self.link = link
        self.ready = False
        self.answered = asyncio.Event()
        """It is ready, or it is over."""
        self.closed = self.over = False
        self.refused = False
        self.analysed_s = dict.fromkeys(Leg, 0.0)
        self.until_s = dict(until_s)
        self.causes: dict[Leg, set[str]] = {leg: set() for leg in Leg}
        self.missing: dict[Leg, tuple[NotAnalysed, ...]] = dict.fromkeys(Leg, ())

    @property
    def lost(self) -> str:
        """Why what it did not analyse was not, once it broke."""
        if self.ready:
            return LOST
        return FULL if self.refused else UNREACHED
