"""Owns one call as it was heard: everything that a replay of it needs, and what was found then.

Made by `scan` of a recording and by the ledger of a past call; read by the preview of a rulebook
and by whatever explains a finding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from policy.speech.circumstances import CallCircumstances
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.finding import Finding
from policy.speech.not_analysed import NotAnalysed
from policy.speech.utterance import Leg, Utterance


@dataclass(frozen=True)
class HeardCall:
    """`utterances` are final, each leg's in order; `looks` are the doubts with their answers;
    `seconds` is how long the call's audio was."""

    call_id: str
    circumstances: CallCircumstances
    seconds: float
    utterances: Sequence[Utterance]
    looks: Sequence[tuple[Doubt, SecondLook]]


@dataclass(frozen=True)
class HeardLeg:
    """How much of a leg was heard, in seconds; `causes` say why some was not, `missing` which."""

    leg: Leg
    received_s: float
    analysed_s: float
    causes: tuple[str, ...]
    missing: tuple[NotAnalysed, ...] = ()


@dataclass(frozen=True)
class JudgedRecording:
    """A recorded call with all that was found on it, every state of every finding in order."""

    heard: HeardCall
    started_at: datetime
    agent: str
    customer: str
    findings: Sequence[Finding]
    legs: Sequence[HeardLeg]


class Keeper(Protocol):
    """Where the results of recordings are kept. Raises OSError where they cannot be."""

    def has(self, call_id: str) -> bool:
        """Whether the results of that call are there, all of them."""

    def keep(self, recording: JudgedRecording) -> None:
        """Returns when they are on disk. What is there already is not kept twice."""

    def close(self) -> None:
        """Nothing is asked of it afterwards."""
