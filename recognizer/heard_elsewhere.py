"""Owns what a call brings along from a recognizer that was lost: what that one had heard for
certain, and how far it had come.

Read from `start` by the stream's Listening, taken up by the analysis before any audio. Invariant:
what was heard elsewhere is an input like one's own hearing, so the rules find in it what they found
there, under the same names.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import recognition_pb2 as wire
from policy.on_the_wire import LEG_OF, second_look_of, utterance_of
from policy.speech.doubt import SecondLook
from policy.speech.utterance import Leg, Utterance

_NUMBER = re.compile(r"-(\d+)$")


@dataclass(frozen=True)
class HeardElsewhere:
    """`utterances` are final, in the order they were told, those of the second pass among them;
    `answers` are second looks by their doubt; `until_s` tells the legs that were heard, and up to
    which second; of those `missed` words may have been lost."""

    utterances: tuple[Utterance, ...] = ()
    answers: Mapping[str, SecondLook] = field(default_factory=dict)
    until_s: Mapping[Leg, float] = field(default_factory=dict)
    missed: frozenset[Leg] = frozenset()

    def utterances_of(self, leg: Leg) -> int:
        """How many names of utterances the leg has used up."""
        numbers = [
            int(found[1])
            for each in self.utterances
            if each.leg is leg and (found := _NUMBER.search(each.utterance_id))
        ]
        return max(numbers, default=-1) + 1


def heard_elsewhere(start: wire.CallStart) -> HeardElsewhere:
    """What `start` says of it. Raises ValueError, with what is wrong, for what no recognizer
    tells."""
    utterances, answers = list[Utterance](), dict[str, SecondLook]()
    try:
        for each in start.heard:
            match each.WhichOneof("payload"):
                case "utterance":
                    utterances.append(_final(each.utterance))
                case "second_look":
                    _, answer = second_look_of(each.second_look)
                    answers[answer.doubt_id] = answer
                case _:
                    raise ValueError("heard: neither an utterance nor a second look")
        until_s = {LEG_OF[each.leg]: each.until_s for each in start.heard_until}
        missed = frozenset(LEG_OF[each.leg] for each in start.heard_until if each.missed)
    except KeyError:
        raise ValueError("heard: of no leg") from None
    if not all(0 <= each < math.inf for each in until_s.values()):
        raise ValueError("heard_until: until_s must be a second of the call")
    return HeardElsewhere(tuple(utterances), answers, until_s, missed)


def _final(message: conversation.Utterance) -> Utterance:
    heard = utterance_of(message)
    if not heard.final or not heard.tokens or len(message.tokens) != len(message.token_starts_s):
        raise ValueError("heard: an utterance is not final, or its tokens have no times")
    times = [*message.token_starts_s, heard.end_s]
    if times != sorted(times) or not all(0 <= each < math.inf for each in times):
        raise ValueError("heard: an utterance's times are not those of a call")
    return heard
