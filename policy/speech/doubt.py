"""Owns the seconds in doubt: what the rules ask the recognizer to listen to once more, and what it
answers. A second look is an input like an utterance: the same answers give the same findings,
whenever they arrive.
"""

from dataclasses import dataclass

from policy.speech.utterance import Leg


@dataclass(frozen=True)
class Doubt:
    """`phrases` in characters are listened for between `start_s` and `end_s` of the leg (seconds
    since the start of the call's audio). `doubt_id` is unique within the call and the same live
    and on a recording."""

    doubt_id: str
    leg: Leg
    start_s: float
    end_s: float
    phrases: tuple[str, ...]
    thresholds: tuple[tuple[str, float], ...] = ()
    """Of phrases that must be heard more or less surely than usual: 0 to 1."""


@dataclass(frozen=True)
class SecondLook:
    """The answer to one doubt. `heard` is the phrase that was heard, empty when none was;
    `looked` is False where nobody could listen (no spotter, audio gone, too much to do)."""

    doubt_id: str
    heard: str = ""
    confidence: float = 0.0
    looked: bool = True
