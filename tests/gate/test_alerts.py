"""What needs a person is raised once, counted, told, kept over a restart, and seen to."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from callwarden.alert_settings import Alerts
from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1.oversight_pb2_grpc import OversightStub
from gateway.acts.desk import Desk
from gateway.alerts.board import Board, What
from gateway.alerts.quiet import is_quiet
from gateway.alerts.raising import Raising
from gateway.alerts.webhook import Webhook
from gateway.floor import CallState, Floor
from policy.ledger import Ledger, LedgerReader
from policy.ledger.acts import ActKind
from policy.people import Person, Role
from policy.speech.utterance import Leg
from tests.calls.test_enforcement import CALL
from tests.gate import people_file, posted
from tests.gate.at_the_gate import gate, served
from tests.gate.people_file import ADMIN, NORTH, OPERATOR, SOUTH, SUPERVISOR, by
from tests.gate.test_oversight import until_live
from tests.gate.waiting import until

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
THREAT = What(
    ("finding", "collection.threat", NORTH),
    "finding",
    "critical",
    "威胁",
    "A threat",
    "n-1",
    NORTH,
)
SECRET = "0123456789abcdef"  # noqa: S105 - the test's own


class Room:
    """A board over a real ledger, with a clock that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "ledger.sqlite3", folder / "ledger.key"
        self.ledger = Ledger.open(*self.files)
        self.floor = Floor()
        self.now = NOW
        self.desk = Desk(self.floor, lambda: self.ledger, self.files, now=lambda: self.now)
        self.watcher = self.floor.watch(only=oversight.AlertChanged)
        self.board = self.of()

    def of(self, webhook: Webhook | None = None, **settings: Any) -> Board:
        return Board(self.desk, Alerts(**settings), webhook)

    def told(self) -> list[tuple[str, int]]:
        return [(each.alert.alert_id, each.alert.count) for each in self.watcher.pending()]


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    made = Room(tmp_path)
    yield made
    await made.board.close()
    made.ledger.close()


async def test_a_flood_is_one_alert_that_counts(room: Room) -> None:
    for call in range(500):
        room.board.raise_(replace(THREAT, call_id=f"n-{call}"))
    room.board.raise_(replace(THREAT, key=("finding", "collection.threat", SOUTH), agent=SOUTH))
    told = room.told()
    assert len({alert for alert, _ in told}) == 2
    assert [count for _, count in told] == [*range(1, 501), 1]
    first, _ = (each.alert for each in room.board.events())
    assert (first.count, first.call_id, first.agent) == (500, "n-499", NORTH)


async def test_what_falls_after_the_window_is_another_alert(room: Room) -> None:
    room.board.raise_(THREAT)
    room.now += timedelta(seconds=299)
    room.board.raise_(THREAT)
    room.now += timedelta(seconds=301)
    room.board.raise_(THREAT)
    assert [count for _, count in room.told()] == [1, 2, 1]


async def test_nothing_below_the_least_severity_is_an_alert(room: Room) -> None:
    room.board.raise_(replace(THREAT, severity="minor"))
    assert room.told() == []


async def test_in_quiet_hours_it_is_shown_and_not_told(room: Room) -> None:
    with posted.server() as site:
        webhook = Webhook(site.url, SECRET)
        board = room.of(webhook, quiet_hours=["08:30-09:30"], zone="UTC")
        board.raise_(THREAT)
        room.now += timedelta(hours=1)
        board.raise_(replace(THREAT, severity="major"))
        assert [each.alert.quiet for each in board.events()] == [True, False]
        sending = asyncio.get_running_loop().create_task(webhook.run())
        await until(lambda: site.requests)
        sending.cancel()
        assert [json.loads(body)["severity"] for _, body in site.requests] == ["major"]
        await board.close()


@pytest.mark.parametrize(
    ("hour", "quiet"), [(21, False), (22, True), (3, True), (7, False), (12, False)]
)
def test_quiet_hours_go_over_midnight(hour: int, quiet: bool) -> None:
    at = NOW.replace(hour=hour)
    assert is_quiet(("22:00-07:00",), at, UTC) is quiet


async def test_somebody_sees_to_it_and_the_next_one_is_another(room: Room) -> None:
    room.board.raise_(THREAT)
    (event,) = room.board.events()
    await room.board.acknowledge(Person("Li", Role.ADMIN), event.alert.alert_id)
    await room.board.acknowledge(Person("Wang", Role.ADMIN), event.alert.alert_id)
    room.board.raise_(THREAT)
    first, second = (each.alert for each in room.board.events())
    assert (first.acknowledged_by, first.count) == ("Li", 1)
    assert (second.acknowledged_by, second.count) == ("", 1)
    with LedgerReader.open(*room.files) as reader:
        (act,) = reader.acts.recent(5)
    assert (act.act, act.who, act.subject) == (ActKind.ACKNOWLEDGE, "Li", first.alert_id)


async def test_alerts_outlive_the_gateway(room: Room) -> None:
    room.board.raise_(THREAT)
    room.board.raise_(replace(THREAT, key=("health", "ledger"), kind="health", agent=""))
    await room.board.close()
    first, _ = room.board.events()
    await room.board.acknowledge(Person("Li", Role.ADMIN), first.alert.alert_id)
    later = room.of()
    await later.recall()
    assert [
        (each.alert.kind, each.alert.title_zh, each.alert.acknowledged_by)
        for each in later.events()
    ] == [("finding", "威胁", "Li"), ("health", "威胁", "")]
    room.now += timedelta(hours=25)
    assert later.events() == []


class Site:
    """Raises into a list."""

    def __init__(self) -> None:
        self.raised: list[What] = []
        self.floor = Floor()
        self.raising = Raising(self.floor, self.raised.append, 10.0)
        self.at = NOW.timestamp()

    def fell(self, **payload: Any) -> None:
        self.raising.read(oversight.Event(at=self.at, **payload))

    def health(self, part: str, down_s: float) -> None:
        status = oversight.HEALTH_STATUS_DOWN if down_s else oversight.HEALTH_STATUS_OK
        parts = [oversight.PartHealth(part=part, status=status, since=self.at - down_s)]
        self.fell(health=oversight.HealthChanged(parts=parts))


@pytest.fixture
def site() -> Iterator[Site]:
    return Site()  # type: ignore[return-value]  # a fixture without an end


def finding(status: "conversation.FindingStatus.ValueType", rule: str) -> Any:
    found = conversation.Finding(
        finding_id=f"{rule}-1", rule=rule, status=status, severity="major", title_en="t"
    )
    return oversight.FindingRaised(call_id="n-1", agent=NORTH, finding=found)


def test_a_finding_is_raised_once_whatever_becomes_of_it(site: Site) -> None:
    for status in (
        conversation.FINDING_STATUS_PROVISIONAL,
        conversation.FINDING_STATUS_CERTAIN,
        conversation.FINDING_STATUS_WITHDRAWN,
    ):
        site.fell(finding=finding(status, "attitude.impatient"))
        site.fell(finding=finding(status, "refusal.explicit"))
    assert [(each.kind, each.severity, each.agent) for each in site.raised] == [
        ("finding", "major", NORTH),
        ("refusal", "major", NORTH),
    ]


def test_a_part_is_raised_when_it_stays_down_and_again_when_it_falls_again(site: Site) -> None:
    for down_s in (5, 16, 18, 0, 16):
        site.health("ledger", down_s)
    site.health("recognizer", 20)
    assert [(each.title_en, each.severity) for each in site.raised] == [
        ("ledger is down", "critical"),
        ("ledger is down", "critical"),
        ("recognizer is down", "major"),
    ]


def test_a_call_round_the_gate_is_raised(site: Site) -> None:
    site.fell(bypass=oversight.BypassFound(bypass_id="b", trunk="PJSIP/t", number_masked="+86*"))
    (raised,) = site.raised
    assert (raised.kind, raised.severity) == ("bypass", "critical")
    assert "86" not in raised.title_en


def answered(site: Site, analysed_s: float, **changes: Any) -> None:
    """A call that has been up for a minute."""
    at = datetime.fromtimestamp(site.at, UTC)
    site.floor.allowed(replace(CALL, started_at=at - timedelta(seconds=70)))
    leg = conversation.LegCoverage(analysed_s=analysed_s)
    site.floor.change(
        CALL.call_id,
        answered_at=at - timedelta(seconds=60),
        coverage=dict.fromkeys(Leg, leg),
        **changes,
    )


@pytest.mark.parametrize(("analysed_s", "raised"), [(59.0, 0), (45.0, 1)])
def test_an_ended_call_is_raised_by_its_whole_account(
    site: Site, analysed_s: float, raised: int
) -> None:
    answered(site, 30.0, state=CallState.LISTENED)
    site.floor.ended(CALL.call_id, ended_at=datetime.fromtimestamp(site.at, UTC))
    site.health("gate", 0)
    leg = conversation.LegCoverage(analysed_s=analysed_s)
    site.floor.change(CALL.call_id, coverage=dict.fromkeys(Leg, leg))
    site.at += 13
    site.health("gate", 0)
    assert len(site.raised) == raised


def test_a_call_that_nobody_hears_is_raised_while_it_is_up(site: Site) -> None:
    answered(site, 0.0, state=CallState.UNHEARD)
    for _ in range(3):
        site.health("gate", 0)
    assert [(each.kind, each.call_id) for each in site.raised] == [("uncovered", CALL.call_id)]


async def test_the_webhook_is_signed_tried_again_and_told_nothing_personal() -> None:
    with posted.server() as site:
        site.answers = [503, 500]
        webhook = Webhook(site.url, SECRET, first_pause_s=0.01)
        alert = oversight.AlertChanged(alert_id="a", severity="major", kind="finding", call_id="n")
        webhook.tell(alert, 5.0)
        sending = asyncio.get_running_loop().create_task(webhook.run())
        await until(lambda: len(site.requests) == 3)
        site.answers = [410]
        webhook.tell(oversight.AlertChanged(alert_id="b"), 6.0)
        webhook.tell(oversight.AlertChanged(alert_id="c"), 7.0)
        await until(lambda: len(site.requests) == 5)
        sending.cancel()
    names = [json.loads(body)["alert_id"] for _, body in site.requests]
    assert names == ["a", "a", "a", "b", "c"], "what is refused for good is not tried again"
    headers, body = site.requests[2]
    signed = headers["Callwarden-Timestamp"].encode() + b"." + body
    digest = hmac.new(SECRET.encode(), signed, "sha256").hexdigest()
    assert headers["Callwarden-Signature"] == f"sha256={digest}"
    assert json.loads(body).keys() == {
        *("alert_id", "at", "severity", "kind", "title", "call_id", "agent")
    }


async def test_a_webhook_that_does_not_answer_holds_nothing_up() -> None:
    webhook = Webhook("http://127.0.0.1:9/", SECRET, first_pause_s=0.01)
    sending = asyncio.get_running_loop().create_task(webhook.run())
    for number in range(1000):
        webhook.tell(oversight.AlertChanged(alert_id=str(number)), 0.0)
    assert 0 < webhook.waiting <= 200
    sending.cancel()
    with suppress(asyncio.CancelledError):
        await sending


async def test_alerts_are_shown_and_seen_to_by_who_may(tmp_path: Path) -> None:
    people = people_file.write(tmp_path / "people.yaml")
    async with gate(tmp_path) as parts, served(parts, tmp_path, people=people) as channel:
        stub, board = OversightStub(channel), parts.alerts
        assert board
        board.raise_(THREAT)
        board.raise_(replace(THREAT, key=("s",), agent=SOUTH))
        shown = {}
        for who in (OPERATOR, ADMIN):
            watch = aiter(stub.Watch(oversight.WatchRequest(), metadata=by(who)))
            shown[who] = [each.alert for each in await until_live(watch) if each.HasField("alert")]
        assert [each.agent for each in shown[OPERATOR]] == [NORTH]
        assert [each.agent for each in shown[ADMIN]] == [NORTH, SOUTH]
        mine, other = (
            oversight.AcknowledgeAlertRequest(alert_id=each.alert_id) for each in shown[ADMIN]
        )
        for request, who, code in (
            (mine, OPERATOR, grpc.StatusCode.PERMISSION_DENIED),
            (other, SUPERVISOR, grpc.StatusCode.NOT_FOUND),
            (oversight.AcknowledgeAlertRequest(alert_id="x"), ADMIN, grpc.StatusCode.NOT_FOUND),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.AcknowledgeAlert(request, metadata=by(who))
            assert refused.value.code() is code
        board.raise_(replace(THREAT, key=("health", "ledger"), kind="health", agent=""))
        of_all = oversight.AcknowledgeAlertRequest(alert_id=board.events()[-1].alert.alert_id)
        for request in (mine, of_all):
            await stub.AcknowledgeAlert(request, metadata=by(SUPERVISOR))
        assert board.events()[0].alert.acknowledged_by == SUPERVISOR
        await board.close()
