"""Owns what was known at an instant of the past, as far as what is known now tells it.

Called by the preview of a rulebook, which judges past calls anew.
"""

from dataclasses import replace
from datetime import datetime

from policy.dialling.facts import Attempt, Facts


def as_of(facts: Facts, at: datetime) -> Facts:
    """The facts without what came at `at` or later: attempts and how they ended, entries,
    consents. Lists keep their newest import: which one was in use then is not among the facts."""
    return Facts(
        tuple(_unsettled_at(each, at) for each in facts.attempts if each.reserved_at < at),
        tuple(each for each in facts.suppressions if each.since < at),
        tuple(each for each in facts.waivers if each.since <= at),
        facts.lists,
    )


def _unsettled_at(attempt: Attempt, at: datetime) -> Attempt:
    if attempt.ended_at is None or attempt.ended_at <= at:
        return attempt
    return replace(attempt, connected=None, talk_seconds=None, ended_at=None)
