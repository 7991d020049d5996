"""Owns what an agent must tell on a call: each such thing, and whether it has been told by now.

Obligations are made by the compiler of rules, duties by `watching.owing`; shown while the call is
up. Invariant: a duty says what was heard and when
it was; whether that was too late is the rule's finding to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from policy.identity import Title
from policy.speech.event import Around, Said


@dataclass(frozen=True)
class Duty:
    """`made_s` is when it had been told, in seconds since the start of the call's audio, None while
    it is owed; `before` is what it is owed before, None for the end of the call. `missed`: words in
    which it may have been told were lost, so nobody can say that it is owed."""

    rule: str
    title: Title
    made_s: float | None
    before: Title | None
    missed: bool = False


@dataclass(frozen=True)
class Obligation:
    """What a rule says must be told: owed once each of `after` has happened, and not once one of
    `unless_after` has."""

    title: Title
    told: Said
    before: Title | None
    after: tuple[Around, ...]
    unless_after: tuple[Around, ...]


def of_either(first: Sequence[Duty], second: Sequence[Duty]) -> tuple[Duty, ...]:
    """The duties of a call that was heard twice: made where either hearing heard so, the first
    hearing's time before the second's."""
    other = {each.rule: each for each in second}
    mine = {each.rule for each in first}
    merged = [other.get(each.rule, each) if each.made_s is None else each for each in first]
    return (*merged, *(each for each in second if each.rule not in mine))
