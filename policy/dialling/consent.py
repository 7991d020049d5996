"""Owns what a customer agreed to: when a waiver lifts a rule, and the condition `consent`, which
nothing else lifts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from policy import scene
from policy.dialling.circumstances import Circumstances, Moment
from policy.dialling.do_not_call import Entries, is_unfounded
from policy.dialling.facts import Waiver

_REFUSALS = Entries()


@dataclass(frozen=True)
class Consent:
    """Denies always; waivers lift it. Who did not agree counts as having refused."""

    def denies(self, circumstances: Circumstances, at: Moment) -> bool:
        return True

    def lifts(self, circumstances: Circumstances, after: Moment) -> datetime | None:
        return None


def waived(rule: str, circumstances: Circumstances, at: datetime) -> bool:
    """Whether a waiver in force lets that rule (by its id) say nothing."""
    return any(
        waiver.since <= at
        and (waiver.until is None or at < waiver.until)
        and not _withdrawn(waiver, circumstances, at)
        for waiver in _naming(rule, circumstances)
    )


def next_waived(rule: str, circumstances: Circumstances, after: datetime) -> datetime | None:
    """The first instant later than `after` at which that rule is waived: a waiver begins, or a
    doubt about one ends."""
    turns = [waiver.since for waiver in _naming(rule, circumstances)]
    if turns:
        entries = circumstances.facts.suppressions
        turns += [each.until for each in entries if each.provisional and each.until is not None]
    later = sorted(each for each in turns if each > after)
    return next((each for each in later if waived(rule, circumstances, each)), None)


def _naming(rule: str, circumstances: Circumstances) -> Iterator[Waiver]:
    """The waivers of that rule for the call's scene that can be shown."""
    for waiver in circumstances.facts.waivers:
        if (
            waiver.proof
            and scene.covers(waiver.rules, rule)
            and _consents_to(waiver.purpose, circumstances.request.scene)
        ):
            yield waiver


def _consents_to(purpose: str, scene_of_call: str) -> bool:
    """A call that does not name its scene meets every rule, and no consent but one for all."""
    if scene_of_call in ("", scene.EVERY):
        return purpose == scene.EVERY
    return scene.covers((purpose,), scene_of_call)


def _withdrawn(waiver: Waiver, circumstances: Circumstances, at: datetime) -> bool:
    """Who asks not to be called withdraws what he agreed to before, whether or not his entry has
    ended; being on an imported list withdraws nothing."""
    return any(
        entry.since >= waiver.since and not entry.list_name and not is_unfounded(entry, at)
        for entry in _REFUSALS.about(circumstances)
    )
