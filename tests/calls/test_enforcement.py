"""A refusal becomes a suppression: at once, once, and for certain."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.durable import Durable
from gateway.enforcement import Enforcement
from gateway.floor import Floor, LiveCall
from gateway.health import Health, HealthStatus
from policy.identity import RulebookIdentity, Title
from policy.ledger import Ledger, RecordedSuppression
from policy.ledger.reader import LedgerReader
from policy.speech.finding import Finding, FindingStatus, Severity
from policy.speech.utterance import Leg
from tests.calls.heard import until
from tests.calls.locked import locked

NUMBER = "+8613800138000"
CALL = LiveCall(
    call_id="1.2-3",
    number=NUMBER,
    number_masked="+86138****8000",
    agent="1001",
    scene="marketing.loan",
    customer="C-1",
    linkedid="1.2",
    decision_id="d",
    started_at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
)
REFUSED = Finding(
    finding_id="f-1",
    rule="refusal.explicit",
    pack="base",
    title=Title("明确拒绝", "Explicit refusal"),
    severity=Severity.MAJOR,
    rulebook=RulebookIdentity("1", "0" * 64),
    leg=Leg.CUSTOMER,
    start_s=1.0,
    end_s=2.0,
    heard_text="",
    heard_pinyin="bie2 zai4 da3",
    matched="别再打",
    confidence=1.0,
    status=FindingStatus.CERTAIN,
    raised_s=2.5,
)


class Bench:
    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.file, self.key = folder / "ledger.sqlite3", folder / "ledger.key"
        self.floor = Floor()
        self.health = Health(self.floor)
        self.health.set("ledger", HealthStatus.OK)
        self.durable = Durable(self.health)
        self.enforcement = Enforcement(ledger, self.durable, self.floor)
        self.watcher = self.floor.watch()

    def suppressions(self) -> list[RecordedSuppression]:
        with LedgerReader.open(self.file, self.key) as reader:
            return list(reader.suppressions())

    def published(self) -> list[str]:
        return [
            each.suppression.finding_id
            for each in self.watcher.pending()
            if each.HasField("suppression")
        ]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    ledger = Ledger.open(tmp_path / "ledger.sqlite3", tmp_path / "ledger.key", busy_ms=50)
    made = Bench(tmp_path, ledger)
    yield made
    await made.durable.close()
    ledger.close()


async def test_a_certain_refusal_suppresses_number_and_customer(bench: Bench) -> None:
    bench.enforcement.found(CALL, REFUSED)
    await until(bench.published)
    (made,) = bench.suppressions()
    assert (made.number, made.customer) == (NUMBER, "C-1")
    assert (made.call_id, made.finding_id) == (CALL.call_id, "f-1")
    assert (made.suppression.source, made.suppression.provisional) == ("refusal", False)
    assert made.suppression.until is None
    assert NUMBER not in str(bench.watcher.pending())


async def test_the_same_finding_suppresses_once(bench: Bench) -> None:
    for _ in range(3):
        bench.enforcement.found(CALL, REFUSED)
    await bench.durable.close()
    assert len(bench.suppressions()) == 1


async def test_a_doubtful_refusal_suppresses_provisionally_until_it_is_certain(
    bench: Bench,
) -> None:
    bench.enforcement.found(CALL, replace(REFUSED, status=FindingStatus.PROVISIONAL))
    await until(bench.published)
    bench.enforcement.found(CALL, REFUSED)
    await bench.durable.close()
    assert [each.suppression.provisional for each in bench.suppressions()] == [True, False]


async def test_nothing_else_suppresses_and_a_withdrawal_takes_nothing_back(bench: Bench) -> None:
    bench.enforcement.found(CALL, replace(REFUSED, rule="attitude.impatient"))
    bench.enforcement.found(CALL, replace(REFUSED, status=FindingStatus.PROVISIONAL))
    bench.enforcement.found(CALL, replace(REFUSED, status=FindingStatus.WITHDRAWN))
    await bench.durable.close()
    assert [each.suppression.provisional for each in bench.suppressions()] == [True]


async def test_a_suppression_that_cannot_be_written_is_written_again(bench: Bench) -> None:
    with locked(bench.file):
        bench.enforcement.found(CALL, REFUSED)
        await until(lambda: bench.health.part("ledger").status is HealthStatus.DEGRADED)
        assert not bench.published()
    await until(bench.published)
    assert len(bench.suppressions()) == 1
    assert bench.health.part("ledger").status is HealthStatus.OK
