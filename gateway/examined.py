"""Owns the form of what `callwarden doctor` finds: a line a check."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Line:
    """One check's outcome: what was found or, unless ok, what is wrong and what to do."""

    check: str
    state: State
    zh: str
    en: str


def failed(check: str, text: str) -> Line:
    return Line(check, State.FAILED, text, text)
