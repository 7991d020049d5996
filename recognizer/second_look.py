"""Owns second looks: the seconds that the rules are in doubt about, listened to once more for the
phrases that they are in doubt between.

Called by the analysis through the pool. Invariant: the same doubt over the same audio has the same
answer, live or on a recording; where nobody could listen the answer says so.
"""

from dataclasses import dataclass
from pathlib import Path

from policy.speech.doubt import Doubt, SecondLook
from policy.speech.units import Units, UnknownUnit
from recognizer import wire
from recognizer.errands import Errands
from recognizer.leg_stream import LegStream
from recognizer.models.model import Model
from recognizer.wire import Kind, Look

THRESHOLD = 0.2
"""Mean probability of a phrase's units from which it counts as heard, unless its pack says
another."""


@dataclass
class SecondLooks:
    """`asked` counts doubts, `answered` those somebody could listen to; `cpu_s` is what that cost
    the workers."""

    units: Units | None
    errands: Errands
    asked: int = 0
    answered: int = 0
    cpu_s: float = 0.0

    @classmethod
    def by(cls, model: Model, errands: Errands) -> "SecondLooks":
        """Without units where the model cannot listen for phrases. Raises OSError when its list of
        units cannot be read."""
        if not model.spots:
            return cls(None, errands)
        with Path(model.tokens).open(encoding="utf-8") as lines:
            return cls(Units.read(model.name, lines), errands)

    async def look(self, stream: LegStream, doubt: Doubt, *, patient: bool) -> SecondLook:
        """The answer to a doubt; `looked` is False when its audio is gone, the model spells none
        of the phrases, or (unless `patient`) many others wait."""
        self.asked += 1
        spelled = {each: spellings for each in doubt.phrases if (spellings := self._spelled(each))}
        pcm = await stream.audio(doubt.start_s, doubt.end_s)
        if not spelled or pcm is None:
            return SecondLook(doubt.doubt_id, looked=False)
        asked = dict(doubt.thresholds)
        thresholds = [asked.get(each, THRESHOLD) for each in spelled]
        look = Look(stream.rate_hz, list(spelled.values()), thresholds, pcm)
        told = await self.errands.run(Kind.LOOK, wire.look_payload(look), patient=patient)
        if told is None:
            return SecondLook(doubt.doubt_id, looked=False)
        answer = wire.looked_of(told)
        self.cpu_s += answer.cpu_s
        self.answered += answer.looked
        heard = list(spelled)[answer.phrase] if answer.phrase >= 0 else ""
        return SecondLook(doubt.doubt_id, heard, answer.confidence, answer.looked)

    def _spelled(self, phrase: str) -> list[str]:
        if self.units is None:
            return []
        try:
            return [" ".join(each) for each in self.units.spell(phrase)]
        except UnknownUnit:  # told when the rules were loaded
            return []
