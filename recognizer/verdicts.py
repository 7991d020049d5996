"""Owns which finding stands when a call is heard twice: the first pass at once, the second with its
better words a little later.

Called by the analysis. Invariant: a certain finding stays, whoever made it; a provisional one that
the second pass does not make is withdrawn openly; what both passes find is told under one id.
"""

from collections.abc import Iterator
from dataclasses import replace
from enum import Enum

from policy.speech.finding import Finding, FindingStatus
from policy.speech.utterance import Leg

SAME_WITHIN_S = 3.0
"""Findings of one rule and leg that begin this close are one: tokens of two models lie apart by
tenths of a second, and sayings this close are one turn's."""


class Pass(Enum):
    FIRST = "first"
    SECOND = "second"


class Verdicts:
    """Each method gives what is to be told, in its order."""

    def __init__(self) -> None:
        self._told: dict[str, Finding] = {}
        self._ids: dict[tuple[Pass, str], str] = {}
        """Under which id a finding of a pass was told."""
        self._confirmed: set[str] = set()

    def take(self, by: Pass, finding: Finding) -> Iterator[Finding]:
        """A finding of one pass, or a change of its status."""
        finding_id = self._id(by, finding)
        known = self._told.get(finding_id)
        if by is Pass.SECOND and finding.status is not FindingStatus.WITHDRAWN:
            self._confirmed.add(finding_id)
        if known is not None and known.status is FindingStatus.CERTAIN:
            return
        if finding.status is FindingStatus.WITHDRAWN:
            # What the first pass takes back may be what the second one heard.
            if known is None or (by is Pass.FIRST and finding_id in self._confirmed):
                return
            self._confirmed.discard(finding_id)
        told = replace(finding, finding_id=finding_id)
        if told != known:
            self._told[finding_id] = told
            yield told

    def settle(self, leg: Leg, heard_again_s: float) -> Iterator[Finding]:
        """The second pass has heard the leg up to there: what it should have found by now and did
        not is withdrawn."""
        for finding_id, finding in self._told.items():
            if (
                finding.leg is leg
                and finding.status is FindingStatus.PROVISIONAL
                and finding_id not in self._confirmed
                and finding.raised_s + SAME_WITHIN_S <= heard_again_s
            ):
                withdrawn = replace(finding, status=FindingStatus.WITHDRAWN)
                self._told[finding_id] = withdrawn
                yield withdrawn

    def _id(self, by: Pass, finding: Finding) -> str:
        """That under which it is told: the one of the other pass, where that found the same."""
        if (by, finding.finding_id) not in self._ids:
            own = {told for (one, _), told in self._ids.items() if one is by}
            same = (
                each.finding_id
                for each in self._told.values()
                if (each.rule, each.leg) == (finding.rule, finding.leg)
                and abs(each.start_s - finding.start_s) <= SAME_WITHIN_S
                and each.finding_id not in own
            )
            self._ids[by, finding.finding_id] = next(same, finding.finding_id)
        return self._ids[by, finding.finding_id]
