"""Owns what a recognizer hears: utterances of a leg, as timed tokens."""

from dataclasses import dataclass
from enum import Enum


class Leg(Enum):
    AGENT = "agent"
    CUSTOMER = "customer"


@dataclass(frozen=True)
class Token:
    """One syllable (toned pinyin such as `bao3`), character or word, and when it begins.

    `start_s` counts from the start of the call's audio.
    """

    text: str
    start_s: float


@dataclass(frozen=True)
class Voice:
    """What an utterance sounds like besides its words. `loudness_db`: mean level of its speech in
    dB below full scale (negative); `emotion`: the model's own label where it gives one
    ("angry", "neutral", ...), else empty."""

    loudness_db: float
    emotion: str = ""


@dataclass(frozen=True)
class Utterance:
    """What one leg said between two pauses; partial while it grows, final once.

    Tokens of a partial are a prefix of the final ones for models whose search only appends
    (greedy search); `settled` counts the tokens that can no longer change.
    """

    utterance_id: str
    leg: Leg
    start_s: float
    end_s: float
    tokens: tuple[Token, ...]
    final: bool
    settled: int
    text: str = ""
    """Characters where the model writes them, otherwise toned pinyin."""
    voice: Voice | None = None
    """None where only words are known."""
    second_pass: bool = False
    """Recognised once more, by a stronger model, after it was final: its words replace the final
    utterance of the same id."""
