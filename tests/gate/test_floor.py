"""The floor: what is up, what follows what, and what a slow watcher loses."""

from datetime import UTC, datetime, timedelta

import pytest

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from gateway import floor as floors
from gateway.floor import CallState, Floor, LiveCall
from gateway.health import Health, HealthStatus
from policy.speech.utterance import Leg

NUMBER = "+8613800138000"
START = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def live_call(call_id: str = "a-1") -> LiveCall:
    return LiveCall(
        call_id=call_id,
        number=NUMBER,
        number_masked="+86138****8000",
        agent="1001",
        scene="marketing.loan",
        customer="c-77",
        linkedid="l-1",
        decision_id="d-1",
        started_at=START,
    )


async def test_a_call_is_published_with_every_change_and_never_its_number() -> None:
    floor = Floor()
    with floor.watch() as watcher:
        floor.allowed(live_call())
        floor.change("a-1", channels={Leg.AGENT: "PJSIP/x"}, state=CallState.LISTENED)
        floor.change("a-1", talking=frozenset({Leg.CUSTOMER}))
        floor.ended("a-1", q850_cause=16)
        events = [await anext(watcher) for _ in range(4)]
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    assert [event.call.state for event in events] == [
        oversight.CALL_STATE_DIALLING,
        oversight.CALL_STATE_LISTENED,
        oversight.CALL_STATE_LISTENED,
        oversight.CALL_STATE_ENDED,
    ]
    assert events[-1].call.q850_cause == 16
    assert not any(NUMBER in str(event) or "c-77" in str(event) for event in events)
    assert NUMBER not in repr(floor.call("a-1"))


async def test_nothing_follows_the_end() -> None:
    floor = Floor()
    floor.allowed(live_call())
    floor.ended("a-1")
    with pytest.raises(ValueError, match="ENDED"):
        floor.change("a-1", state=CallState.LISTENED)
    assert floor.ended("a-1") is None
    assert floor.ended("unknown") is None
    assert floor.calls() == ()


async def test_a_change_that_changes_nothing_is_no_event() -> None:
    floor = Floor()
    floor.allowed(live_call())
    floor.allowed(live_call())
    floor.change("a-1", state=CallState.DIALLING)
    assert floor.sequence == 1


async def test_a_call_that_was_never_dialled_leaves_the_floor() -> None:
    clock = Clock()
    floor = Floor(clock)
    floor.allowed(live_call("never-dialled"))
    floor.allowed(live_call("ringing"))
    floor.change("ringing", channels={Leg.AGENT: "PJSIP/x"})
    clock.now += floors.UNDIALLED - timedelta(seconds=1)
    floor.sweep()
    assert len(floor.calls()) == 2
    clock.now += timedelta(seconds=1)
    floor.sweep()
    assert [call.call_id for call in floor.calls()] == ["ringing"]
    assert floor.call("never-dialled") is not None
    clock.now += timedelta(seconds=60)
    floor.sweep()
    assert floor.call("never-dialled") is None


async def test_what_was_told_once_stays_told_whoever_listens_on() -> None:
    owed, told = conversation.Duty(rule="fees"), conversation.Duty(rule="fees", made_s=3.5)
    other = conversation.Duty(rule="apr", missed=True)
    clock = Clock()
    floor = Floor(clock)
    floor.allowed(live_call())
    with floor.watch(only=oversight.DutyChanged) as watcher:
        assert floor.owe("a-1", [owed]) == [owed]
        assert floor.owe("a-1", [owed]) == []
        assert floor.owe("a-1", [told]) == [told]
        assert floor.owe("a-1", [owed, other]) == [other]
        floor.owe("unknown", [owed])
        events = [each.duty for each in watcher.pending()]
    assert [list(each.duties) for each in events] == [[owed], [told], [told, other]]
    assert floor.duties("a-1") == events[-1]
    floor.ended("a-1")
    clock.now += timedelta(seconds=60)
    floor.sweep()
    assert not floor.duties("a-1").duties


async def test_a_slow_watcher_loses_the_oldest_and_sees_the_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(floors, "_WATCHER_EVENTS", 3)
    floor = Floor()
    with floor.watch() as slow:
        for _ in range(10):
            floor.publish(oversight.HealthChanged())
        assert [event.sequence for event in slow.pending()] == [8, 9, 10]


async def test_health_speaks_at_changes_only() -> None:
    floor = Floor()
    health = Health(floor)
    health.set("ledger", HealthStatus.DOWN, "read-only")
    health.set("ledger", HealthStatus.DOWN, "read-only")
    assert floor.sequence == 1
    health.set("ledger", HealthStatus.OK)
    parts = {part.part: part for part in health.changed().parts}
    assert parts["ledger"].status == oversight.HEALTH_STATUS_OK
    assert parts["gate"].status == oversight.HEALTH_STATUS_DOWN
    with pytest.raises(KeyError):
        health.set("lunch", HealthStatus.OK)
