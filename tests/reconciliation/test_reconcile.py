"""The PBX's account of calls against the ledger's: every call in one class, every second once."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.ledger.accounts import CallAccount, CallEnd
from policy.ledger.records import LegCoverage
from policy.reconciling import Class, PlacedCall, Reconciled, reconcile
from policy.speech.utterance import Leg

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def placed(index: int, **changed: object) -> PlacedCall:
    fields = {
        "at": START + timedelta(minutes=index),
        "number": f"+861380013{index:04}",
        "asked_on": f"pbx-1.{index}",
        "linkedid": "",
        "userfield": "",
        "trunk": "PJSIP/trunk",
        "answered": True,
        "talk_s": 10.0,
    }
    return PlacedCall(**{**fields, **changed})  # type: ignore[arg-type]  # fields by their names


def decided(index: int, **changed: object) -> CallAccount:
    legs = tuple(LegCoverage(leg, 10.4, 10.2, 10.2) for leg in Leg)
    fields = {
        "decision_id": f"d{index}",
        "call_id": f"pbx-1.{index}-4711",
        "at": START + timedelta(minutes=index),
        "allowed": True,
        "rules": (),
        "number": f"+861380013{index:04}",
        "agent": "1001",
        "scene": "",
        "linkedid": "",
        "end": CallEnd("ANSWER", True, 10.0),
        "legs": legs,
    }
    return CallAccount(**{**fields, **changed})  # type: ignore[arg-type]  # fields by their names


def reconciled(calls: list[PlacedCall], decisions: list[CallAccount]) -> Reconciled:
    return reconcile(
        calls,
        decisions,
        since=START,
        until=START + DAY,
        within=timedelta(seconds=60),
        tolerance_s=2.0,
    )


def test_calls_that_were_decided_and_heard_add_up() -> None:
    made = reconciled([placed(1), placed(2)], [decided(1), decided(2)])
    assert made.adds_up
    assert [each.by for each in made.met] == ["uniqueid", "uniqueid"]
    assert (made.talk_s, made.analysed_s) == (40.0, 40.0)


@pytest.mark.parametrize(
    ("call", "decision", "by"),
    [
        ({}, {}, "uniqueid"),
        ({"number": "0086 13800130001"}, {}, "uniqueid"),
        ({"number": ""}, {}, "uniqueid"),
        ({}, {"call_id": "other-1"}, "number and time"),
        ({"linkedid": "L"}, {"call_id": "other-1", "linkedid": "L"}, "linkedid"),
        ({}, {"call_id": "other-1", "linkedid": "pbx-1.1"}, "linkedid"),
        ({"userfield": "other-1"}, {"call_id": "other-1"}, "userfield"),
        ({"at": START + timedelta(minutes=1, seconds=60)}, {"call_id": "x-1"}, "number and time"),
        ({"at": START + timedelta(minutes=1, seconds=61)}, {"call_id": "x-1"}, ""),
        ({"number": "+8613800139999"}, {}, ""),
        ({"number": ""}, {"call_id": "x-1"}, ""),
    ],
)
def test_how_a_call_is_met(call: dict[str, object], decision: dict[str, object], by: str) -> None:
    made = reconciled([placed(1, **call)], [decided(1, **decision)])
    assert made.met[0].by == by
    assert made.met[0].standing is (Class.DECIDED if by else Class.WITHOUT_A_DECISION)
    assert bool(made.undialled) is not bool(by)
    assert made.adds_up is bool(by)


def test_a_call_after_its_denial_is_told_apart() -> None:
    denied = decided(1, allowed=False, end=None, legs=())
    made = reconciled([placed(1)], [denied])
    assert [each.standing for each in made.met] == [Class.AFTER_A_DENIAL]
    assert not made.adds_up
    again = decided(2, call_id="pbx-1.1-9", number=denied.number)
    assert reconciled([placed(1)], [denied, again]).met[0].standing is Class.DECIDED


def test_two_trunks_of_one_call_are_one_decisions() -> None:
    tried = [placed(1, answered=False, talk_s=0.0), placed(1, trunk="PJSIP/second")]
    made = reconciled(tried, [decided(1)])
    assert [each.standing for each in made.met] == [Class.DECIDED] * 2
    assert made.adds_up


def test_two_calls_by_number_alone_are_not_one_decisions() -> None:
    calls = [placed(1, asked_on="a"), placed(1, asked_on="b")]
    made = reconciled(calls, [decided(1)])
    assert [each.standing for each in made.met] == [Class.DECIDED, Class.WITHOUT_A_DECISION]


def test_decisions_without_a_call_and_those_given_up_before_dialling() -> None:
    given_up = decided(2, end=CallEnd("CANCEL", False, 0.0), legs=())
    made = reconciled([], [decided(1), given_up, decided(3, allowed=False)])
    assert [each.decision_id for each in made.undialled] == ["d1"]
    assert [each.decision_id for each in made.given_up] == ["d2"]
    assert not made.adds_up
    assert reconciled([], [given_up]).adds_up


def test_an_emergency_call_needs_no_decision() -> None:
    made = reconciled([placed(1, number="110", for_help=True)], [])
    assert made.met[0].standing is Class.FOR_HELP
    assert made.adds_up
    assert made.talk_s == 0


def test_seconds_that_were_not_analysed_are_told_with_their_causes() -> None:
    agent = LegCoverage(Leg.AGENT, 10.4, 10.2, 4.0, ("worker-lost",))
    made = reconciled([placed(1)], [decided(1, legs=(agent,))])
    told = [(each.leg, each.missing_s, each.causes) for each in made.unheard]
    assert told == [(Leg.AGENT, 6.0, ("worker-lost",)), (Leg.CUSTOMER, 10.0, ())]
    assert made.missing_s == 16.0
    assert not made.adds_up


def test_what_lies_outside_of_the_period_is_not_asked_about() -> None:
    before = {"at": START - timedelta(seconds=30)}
    made = reconciled([placed(1, **before)], [decided(1, **before)])
    assert (made.met, made.undialled, made.adds_up) == ((), (), True)
    # A decision just before the period is that of a call within it.
    assert reconciled([placed(0)], [decided(0, **before, call_id="x-1")]).adds_up


_CALL = st.builds(
    lambda index, seconds, answered, channel, help_: placed(
        index,
        at=START + timedelta(seconds=seconds),
        answered=answered,
        talk_s=float(index + 1) if answered else 0.0,
        asked_on=f"pbx-1.{channel}",
        for_help=help_,
    ),
    st.integers(0, 3),
    st.integers(-100, 300),
    st.booleans(),
    st.integers(0, 5),
    st.booleans(),
)
_LEG = st.builds(
    lambda leg, analysed: LegCoverage(leg, 20.0, 20.0, analysed, ("audio-lost",)),
    st.sampled_from(list(Leg)),
    st.floats(0, 20),
)
_DECISION = st.builds(
    lambda index, unique, seconds, allowed, channel, legs: decided(
        index,
        decision_id=f"d{unique}",
        call_id=f"pbx-1.{channel}-{unique}",
        at=START + timedelta(seconds=seconds),
        allowed=allowed,
        legs=tuple({each.leg: each for each in legs}.values()),
    ),
    st.integers(0, 3),
    st.uuids(),
    st.integers(-100, 300),
    st.booleans(),
    st.integers(0, 5),
    st.lists(_LEG, max_size=2),
)


@given(st.lists(_CALL, max_size=8), st.lists(_DECISION, max_size=8))
def test_every_call_and_second_is_somewhere_once(
    calls: list[PlacedCall], decisions: list[CallAccount]
) -> None:
    made = reconciled(calls, decisions)
    inside = [each for each in calls if START <= each.at < START + DAY]
    assert sorted(map(id, inside)) == sorted(id(each.call) for each in made.met)
    assert sum(len(made.of(each)) for each in Class) == len(inside)
    allowed = {e.decision_id for e in decisions if e.allowed and START <= e.at < START + DAY}
    met = {each.decision.decision_id for each in made.met if each.decision}
    left = [each.decision_id for each in (*made.undialled, *made.given_up)]
    assert set(left) == allowed - met
    assert len(left) == len(set(left))
    by_number = [e.decision.decision_id for e in made.met if e.decision and " " in e.by]
    assert len(by_number) == len(set(by_number))
    talk = 2 * sum(each.talk_s for each in inside if each.answered and not each.for_help)
    assert made.talk_s == pytest.approx(talk)
    assert 0 <= made.analysed_s <= made.talk_s + 1e-6
    assert sum(each.missing_s for each in made.unheard) <= made.missing_s + 1e-6
    if made.adds_up:
        assert made.missing_s <= 2.0 * 2 * len(inside) + 1e-6
