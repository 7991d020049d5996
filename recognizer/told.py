"""Owns what an analysis tells of a call, and its account of what was heard.

Made by `analysis`, read by the service's stream, by `scan` and by the benches.
"""

from dataclasses import dataclass

from policy.speech.doubt import Doubt, SecondLook
from policy.speech.duty import Duty
from policy.speech.finding import Finding
from policy.speech.not_analysed import NotAnalysed
from policy.speech.utterance import Leg, Utterance


@dataclass(frozen=True)
class ShadowFinding:
    """What a rulebook or a rule in shadow found. Nothing acts on it."""

    finding: Finding


@dataclass(frozen=True)
class Looked:
    """Seconds that the rules in force were in doubt about, and what was heard in them."""

    doubt: Doubt
    answer: SecondLook


@dataclass(frozen=True)
class Owed:
    """All that must be told on the call, told by now or not."""

    duties: tuple[Duty, ...]


Heard = Utterance | Finding | ShadowFinding | Looked | Owed


@dataclass(frozen=True)
class LegCoverage:
    """How much of a leg was heard, in seconds. analysed_s <= received_s; what another recognizer
    heard is not in it. Up to second `until_s` of the call all words are told. `missing` tells which
    seconds were not analysed, as far as they do not still wait."""

    leg: Leg
    received_s: float
    analysed_s: float
    causes: tuple[str, ...]
    until_s: float = 0.0
    missing: tuple[NotAnalysed, ...] = ()
