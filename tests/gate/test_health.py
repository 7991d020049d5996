"""What stands beside the parts in health: the ledger's room, the limits, the rulebooks, and how
much of the calls that are up was heard."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab.numbers import open_now
from gateway.floor import Floor
from gateway.gate.tally import Tally, limits_used
from gateway.health import LITTLE_ROOM_BYTES, Figures, Health, HealthStatus
from gateway.history import History
from gateway.room import Room, room_of
from policy.identity import RulebookIdentity
from policy.speech.utterance import Leg
from tests.gate.at_the_gate import gate
from tests.gate.test_floor import live_call

DIALLED_BY = RulebookIdentity("house-1", "7c" * 32)
JUDGED_BY = conversation.RulebookIdentity(version="base-1", digest="4a" * 32)


def test_the_rulebooks_of_both_ends_are_told() -> None:
    health = Health(Floor())
    health.recognizer_rulebook = JUDGED_BY
    figures = Figures(rulebook=DIALLED_BY)
    health.figures = lambda: figures
    assert health.changed().dialling_rulebook.version == "house-1"
    assert health.changed().speech_rulebook == JUDGED_BY
    figures = replace(figures, judged_by_it=True)
    assert health.changed().speech_rulebook.version == "house-1", "an activated one judges both"
    health.figures = Figures
    assert not health.changed().HasField("dialling_rulebook")


def test_what_was_received_and_analysed_counts_both_legs_of_the_calls_that_are_up() -> None:
    floor = Floor()
    health = Health(floor)
    floor.allowed(live_call("a-1"))
    floor.allowed(live_call("a-2"))
    heard = conversation.LegCoverage(received_s=30, analysed_s=20)
    floor.change("a-1", coverage={Leg.AGENT: heard, Leg.CUSTOMER: heard})
    floor.change("a-2", coverage={Leg.AGENT: heard})
    assert (health.changed().received_s, health.changed().analysed_s) == (90, 60)
    floor.ended("a-2")
    assert (health.changed().received_s, health.changed().analysed_s) == (60, 40)


def test_the_room_of_a_ledger_is_its_own_with_what_waits_beside_it(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").write_bytes(b"x" * 1000)
    (tmp_path / "ledger.sqlite3-wal").write_bytes(b"x" * 24)
    room = room_of(tmp_path / "ledger.sqlite3")
    assert room.ledger_bytes == 1024
    assert room.disk_free_bytes > 0
    with pytest.raises(OSError, match="No such file"):
        room_of(tmp_path / "nowhere" / "ledger.sqlite3")


async def _told(health: Health, floor: Floor, message: str) -> oversight.HealthChanged:
    """The first health in which the ledger says that."""
    with floor.watch(only=oversight.HealthChanged) as watcher:
        running = asyncio.create_task(health.run())
        try:
            async with asyncio.timeout(10):
                async for event in watcher:
                    ledger = next(each for each in event.health.parts if each.part == "ledger")
                    if message in ledger.message:
                        return event.health
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    raise AssertionError


async def test_a_ledger_that_has_little_room_is_degraded_before_it_is_full() -> None:
    floor = Floor()
    health = Health(floor)
    health.set("ledger", HealthStatus.OK)
    health.room = lambda: Room(LITTLE_ROOM_BYTES - 1, 500, known=True)
    told = await _told(health, floor, "2.0 GB left beside the ledger: free some")
    assert (told.disk_free_bytes, told.ledger_bytes) == (LITTLE_ROOM_BYTES - 1, 500)
    assert health.part("ledger").status is HealthStatus.DEGRADED
    assert health.part("ledger").since


async def test_a_disk_that_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    floor = Floor()
    health = Health(floor)
    health.room = lambda: room_of(tmp_path / "nowhere" / "ledger.sqlite3")
    await _told(health, floor, "the disk of the ledger cannot be looked at")


async def test_limits_that_refused_today_are_counted_over_a_restart_too(tmp_path: Path) -> None:
    number = open_now(12)
    files = tmp_path / "ledger.sqlite3", tmp_path / "keys" / "ledger.key"
    async with gate(tmp_path) as parts:
        limits = parts.rulebook.current.dialling.limits
        assert [each.rule for each in limits] == ["house.daily-attempts"]
        for made in range(5):
            await parts.ask(number, nonce=f"n-{made}")
        used = limits_used(limits, parts.tally)
        assert [each.refusals_today for each in used] == [2]
        assert used[0].limit.title_en
    today = History(*files).today()
    anew = Tally()
    anew.begin_with(today.decisions, today.denials, today.denials_by_rule)
    assert limits_used(limits, anew) == used
