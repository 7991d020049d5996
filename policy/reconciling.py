"""Owns comparing two accounts of the same calls: the PBX's, call by call, and the ledger's.

Called by `callwarden log reconcile`. Pure. The one invariant: every call of the PBX comes out in
exactly one class, every decision that allowed a call is met by a call or listed as met by none, and
of an answered call each second of each leg is either analysed or not.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from policy.dialling.number import SAME_DIGITS, same_number
from policy.ledger.accounts import CallAccount
from policy.speech.utterance import Leg

GIVEN_UP: Final = "CANCEL"
"""Disposition of a call given up before anybody answered, perhaps before it was dialled."""


@dataclass(frozen=True)
class PlacedCall:
    """A call towards a customer, as the PBX tells of it. `asked_on` is the channel whose dialplan
    placed it, `userfield` what a site writes there; what nobody tells is empty. `talk_s` is what
    the PBX bills, 0 of a call that was not answered."""

    at: datetime
    number: str = field(repr=False)
    asked_on: str
    linkedid: str
    userfield: str
    trunk: str
    answered: bool
    talk_s: float
    for_help: bool = False


class Class(Enum):
    """What the ledger says of a placed call."""

    DECIDED = "decided"
    FOR_HELP = "for-help"
    """An emergency number, about which nobody is asked."""
    AFTER_A_DENIAL = "after-a-denial"
    WITHOUT_A_DECISION = "without-a-decision"


@dataclass(frozen=True)
class Met:
    """A placed call with its decision; `by` says which rule found it: "uniqueid", "linkedid",
    "userfield" or "number and time"."""

    call: PlacedCall
    standing: Class
    decision: CallAccount | None = None
    by: str = ""


@dataclass(frozen=True)
class Unheard:
    """Seconds of one leg of an answered call that were not analysed, and why, as far as the ledger
    says it."""

    met: Met
    leg: Leg
    talk_s: float
    analysed_s: float
    causes: tuple[str, ...]

    @property
    def missing_s(self) -> float:
        return self.talk_s - self.analysed_s


@dataclass(frozen=True)
class Reconciled:
    """`undialled` are decisions that allowed a call which the PBX does not know; of them
    `given_up` was settled as given up before it was dialled, which explains it. Seconds are of both
    legs of answered calls."""

    met: tuple[Met, ...]
    undialled: tuple[CallAccount, ...]
    given_up: tuple[CallAccount, ...]
    unheard: tuple[Unheard, ...]
    talk_s: float
    analysed_s: float

    @property
    def missing_s(self) -> float:
        return self.talk_s - self.analysed_s

    def of(self, standing: Class) -> list[Met]:
        return [each for each in self.met if each.standing is standing]

    @property
    def adds_up(self) -> bool:
        """Whether each call has its decision, each decision its call, and each second of talk was
        analysed but for what `unheard` leaves out as too little."""
        wrong = (Class.AFTER_A_DENIAL, Class.WITHOUT_A_DECISION)
        return not (self.undialled or self.unheard or any(map(self.of, wrong)))


def reconcile(
    placed: Sequence[PlacedCall],
    decisions: Iterable[CallAccount],
    *,
    since: datetime,
    until: datetime,
    within: timedelta,
    tolerance_s: float,
) -> Reconciled:
    """Meets the calls that were placed from `since` to `until` with decisions, which may reach
    further on both sides. A call's decision has its number and, in this order, was asked for on
    its channel, has its linkedid, is named in its userfield, or fell at most `within` before or
    after its beginning (the nearest one no other call has). Of a leg, up to `tolerance_s` not
    analysed are no finding: PBXs count whole seconds, and a fork takes a moment."""
    known = _Known(decisions)
    placed = sorted((each for each in placed if since <= each.at < until), key=lambda each: each.at)
    by_name = {id(each): known.named_by(each) for each in placed}
    met = [by_name[id(each)] or known.nearest(each, within) or _unmet(each) for each in placed]
    used = {each.decision.decision_id for each in met if each.decision}
    unused = [
        each for each in known.allowed if since <= each.at < until and each.decision_id not in used
    ]
    given_up = tuple(each for each in unused if each.end and each.end.disposition == GIVEN_UP)
    talked = [each for each in met if each.call.answered and each.standing is not Class.FOR_HELP]
    legs = [(each, leg, *_heard(each, leg)) for each in talked for leg in Leg]
    return Reconciled(
        tuple(met),
        tuple(each for each in unused if each not in given_up),
        given_up,
        tuple(
            Unheard(each, leg, each.call.talk_s, analysed_s, causes)
            for each, leg, analysed_s, causes in legs
            if each.call.talk_s - analysed_s > tolerance_s
        ),
        sum(each.call.talk_s for each, *_ in legs),
        sum(analysed_s for *_, analysed_s, _ in legs),
    )


class _Known:
    """Decisions, found by what names them."""

    def __init__(self, decisions: Iterable[CallAccount]) -> None:
        self.allowed: list[CallAccount] = []
        self._of_channel: defaultdict[str, list[CallAccount]] = defaultdict(list)
        self._of_linkedid: defaultdict[str, list[CallAccount]] = defaultdict(list)
        self._of_nonce: defaultdict[str, list[CallAccount]] = defaultdict(list)
        self._of_number: defaultdict[str, list[CallAccount]] = defaultdict(list)
        self._taken: set[str] = set()
        for each in decisions:
            if each.allowed:
                self.allowed.append(each)
                self._of_number[_tail(each.number)].append(each)
            self._of_channel[each.call_id.rpartition("-")[0]].append(each)
            self._of_nonce[each.call_id].append(each)
            if each.linkedid:
                self._of_linkedid[each.linkedid].append(each)

    def named_by(self, call: PlacedCall) -> Met | None:
        """By what the PBX and the ledger both name; several trunks tried are one decision's."""
        if call.for_help:
            return Met(call, Class.FOR_HELP)
        channel = re.sub(r"[^A-Za-z0-9.\-]", "", call.asked_on)  # as the dialplan makes a nonce
        found = [
            ("uniqueid", self._of_channel.get(channel, []) if channel else []),
            ("linkedid", self._of_linkedid.get(call.linkedid or call.asked_on, [])),
            ("userfield", self._of_nonce.get(call.userfield, []) if call.userfield else []),
        ]
        denied: Met | None = None
        for by, decisions in found:
            same = [each for each in decisions if _same_number(call.number, each.number)]
            allowed = [each for each in same if each.allowed]
            if allowed:
                nearest = min(allowed, key=lambda each: abs(each.at - call.at))
                self._taken.add(nearest.decision_id)
                return Met(call, Class.DECIDED, nearest, by)
            if same and denied is None:
                denied = Met(call, Class.AFTER_A_DENIAL, same[-1], by)
        return denied

    def nearest(self, call: PlacedCall, within: timedelta) -> Met | None:
        """By number and time, for a PBX that names neither channel nor linkedid."""
        if not call.number:
            return None
        near = [
            each
            for each in self._of_number.get(_tail(call.number), [])
            if each.decision_id not in self._taken
            and abs(each.at - call.at) <= within
            and _same_number(call.number, each.number)
        ]
        if not near:
            return None
        nearest = min(near, key=lambda each: abs(each.at - call.at))
        self._taken.add(nearest.decision_id)
        return Met(call, Class.DECIDED, nearest, "number and time")


def _unmet(call: PlacedCall) -> Met:
    return Met(call, Class.WITHOUT_A_DECISION)


def _heard(met: Met, leg: Leg) -> tuple[float, tuple[str, ...]]:
    """Seconds of this leg that were analysed, at most those of talk, and why not all."""
    for each in met.decision.legs if met.decision else ():
        if each.leg is leg:
            return min(met.call.talk_s, each.analysed_s), each.causes
    return 0.0, ()


def _tail(number: str) -> str:
    return re.sub(r"\D", "", number)[-SAME_DIGITS:]


def _same_number(sent: str, decided: str) -> bool:
    """A PBX that does not tell the number speaks against none."""
    return not sent or same_number(sent, decided)
