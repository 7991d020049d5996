"""Owns what a call was told by the recognizers that have heard it: what the next one must know when
one is lost, and what that one tells anew.

Used by `listening`. Invariants: nothing that was told for certain is lost on the way to the next
recognizer; what that one tells once more is told to nobody twice.
"""

from collections.abc import Iterator
from typing import Final

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import recognition_pb2 as recognition
from policy.on_the_wire import LEG_OF
from policy.speech.utterance import Leg

CONTEXT_S: Final = 12.0
"""Audio before the words in question that makes another recognizer hear them as the lost one did:
its engine looks back so far, or begins afresh in a silence within it."""
_STILL_ASKED_S: Final = 5.0
"""How long after its end an utterance may still be listened to once more."""
_AROUND_S: Final = 1.0
_UNSURE_S: Final = 0.5
"""A word's beginning may be heard this much earlier the second time."""
_SAME_WITHIN_S: Final = 1.0
"""Findings of one rule and leg that begin this close on two recognizers are one."""
_MOST_BYTES: Final = 3 << 20
"""A gRPC message has 4 MB at most; this is some hours of talk."""

_CERTAIN: Final = conversation.FINDING_STATUS_CERTAIN
_Name = tuple[str, bool]
"""A finding's id, and whether it is a shadow's."""


class HeardSoFar:
    """Each method that takes something says whether it is news."""

    def __init__(self) -> None:
        self._in_order: list[recognition.Heard] = []
        self._finals: set[tuple[str, bool]] = set()
        self._looks: set[str] = set()
        self._last: dict[Leg, conversation.Utterance] = {}
        self._open_since_s: dict[Leg, float] = {}
        self._findings: dict[_Name, conversation.Finding] = {}
        self._starts_s: dict[_Name, list[float]] = {}
        """Where each was told to begin: one about a silence lies on it as long as it lasts, then on
        the words that end it, and is told as both by each recognizer that hears the call."""
        self._names: dict[_Name, str] = {}
        """Under which id the call knows what the present recognizer found."""
        self._told_before: set[_Name] = set()
        """What was found by recognizers that were lost, and by this one not otherwise."""

    def go_on(self) -> None:
        """Another recognizer takes the call."""
        self._open_since_s.clear()
        self._names.clear()
        self._told_before = set(self._findings)

    def utterance(self, heard: conversation.Utterance) -> bool:
        leg = LEG_OF[heard.leg]
        if not heard.final:
            self._open_since_s[leg] = heard.start_s
            return (heard.utterance_id, False) not in self._finals
        if not heard.second_pass:
            self._open_since_s.pop(leg, None)
            self._last[leg] = heard
        if (heard.utterance_id, heard.second_pass) in self._finals:
            return False
        self._finals.add((heard.utterance_id, heard.second_pass))
        self._in_order.append(recognition.Heard(utterance=heard))
        return True

    def look(self, look: conversation.SecondLook) -> bool:
        if look.doubt_id in self._looks:
            return False
        self._looks.add(look.doubt_id)
        self._in_order.append(recognition.Heard(second_look=look))
        return True

    def finding(self, found: conversation.Finding) -> bool:
        """Gives it the name that the call knows it by."""
        own = found.finding_id, found.shadow
        if own not in self._names:
            self._names[own] = self._known_as(found)
        found.finding_id = self._names[own]
        name = found.finding_id, found.shadow
        if name in self._told_before:
            known = self._findings[name]
            if known.status == _CERTAIN != found.status:
                return False
            if known.status == found.status and self._was_told_there(name, found):
                return False
            self._told_before.discard(name)
        copy = conversation.Finding()
        copy.CopyFrom(found)
        self._findings[name] = copy
        self._starts_s.setdefault(name, []).append(found.start_s)
        return True

    def _known_as(self, found: conversation.Finding) -> str:
        if (found.finding_id, found.shadow) in self._findings:
            return found.finding_id
        taken = set(self._names.values())
        for name, shadow in self._told_before:
            each = self._findings[name, shadow]
            same = (each.rule, each.leg, shadow) == (found.rule, found.leg, found.shadow)
            if same and name not in taken and self._was_told_there((name, shadow), found):
                return name
        return found.finding_id

    def _was_told_there(self, name: _Name, found: conversation.Finding) -> bool:
        return any(abs(each - found.start_s) <= _SAME_WITHIN_S for each in self._starts_s[name])

    def not_found_again(self) -> Iterator[conversation.Finding]:
        """Provisional findings that the present recognizer, which heard all of the call, did not
        make: as what they are now, withdrawn."""
        again = set(self._names.values())
        for (name, _), each in self._findings.items():
            if name not in again and each.status == conversation.FINDING_STATUS_PROVISIONAL:
                withdrawn = conversation.Finding()
                withdrawn.CopyFrom(each)
                withdrawn.status = conversation.FINDING_STATUS_WITHDRAWN
                yield withdrawn

    def until_s(self, leg: Leg, told_until_s: float) -> float:
        """Second of the call up to which all that was said on the leg stands in final utterances,
        when the words up to `told_until_s` have been told."""
        last_s = self._last[leg].end_s if leg in self._last else 0.0
        open_s = self._open_since_s.get(leg, told_until_s)
        return max(last_s, min(told_until_s, open_s) - _UNSURE_S)

    def needed_from_s(self, leg: Leg, told_until_s: float) -> float:
        """Audio of the leg before that second is needed by no other recognizer."""
        needed_s = self.until_s(leg, told_until_s) - CONTEXT_S
        last = self._last.get(leg)
        if last is not None and told_until_s - last.end_s < _STILL_ASKED_S:
            needed_s = min(needed_s, last.start_s - _AROUND_S)
        return needed_s

    def in_order(self) -> tuple[list[recognition.Heard], bool]:
        """What another recognizer is to be told, and whether that is everything."""
        size, at = 0, len(self._in_order)
        while at and size + self._in_order[at - 1].ByteSize() <= _MOST_BYTES:
            at -= 1
            size += self._in_order[at].ByteSize()
        return self._in_order[at:], at == 0
