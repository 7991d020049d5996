"""What is recorded of a call reaches the ledger, also one that cannot be written for a while."""

from collections.abc import AsyncIterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.durable import SUPPRESSION, UTTERANCE, Durable
from gateway.floor import Floor
from gateway.health import Health, HealthStatus
from policy.ledger import Ledger, LedgerReader
from policy.speech.finding import FindingStatus
from policy.speech.utterance import Leg, Token, Utterance
from tests.calls.heard import until
from tests.calls.locked import locked
from tests.calls.test_enforcement import NUMBER, REFUSED

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SAID = Utterance("agent-1", Leg.AGENT, 0.0, 1.0, (Token("wei2", 0.0),), True, 1, "喂")


class Bench:
    def __init__(self, folder: Path) -> None:
        self.file, self.key = folder / "ledger.sqlite3", folder / "ledger.key"
        self.ledger = Ledger.open(self.file, self.key, busy_ms=20)
        self.health = Health(Floor())
        self.health.set("ledger", HealthStatus.OK)
        self.durable = Durable(self.health)

    @property
    def status(self) -> HealthStatus:
        return self.health.part("ledger").status

    def find(self, status: FindingStatus, call_id: str = "c-1") -> None:
        found = replace(REFUSED, status=status)
        write = partial(self.ledger.add_finding, call_id, found, NOW)
        self.durable.record("finding", call_id, write)

    def say(self, number: int) -> None:
        said = replace(SAID, utterance_id=f"agent-{number}")
        self.durable.record(UTTERANCE, "c-1", partial(self.ledger.add_utterance, "c-1", said))

    def suppress(self, call_id: str) -> None:
        write = partial(self.ledger.suppress, NUMBER, source="refusal", now=NOW, call_id=call_id)
        self.durable.record(SUPPRESSION, call_id, write, lane=f"{call_id} refusal")

    def exported(self, kind: str) -> list[dict[str, object]]:
        with LedgerReader.open(self.file, self.key) as reader:
            return [dict(each) for each in reader.export(kind)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    await made.durable.close()
    made.ledger.close()


async def test_what_a_locked_ledger_refused_is_there_in_its_order_once_it_is_free(
    bench: Bench,
) -> None:
    with locked(bench.file):
        bench.find(FindingStatus.PROVISIONAL)
        await until(lambda: bench.status is HealthStatus.DEGRADED)
        assert "fuser" in bench.health.part("ledger").message
        bench.find(FindingStatus.CERTAIN)
        settle = partial(
            bench.ledger.settle,
            "c-1",
            disposition="ANSWER",
            q850_cause=16,
            connected=True,
            talk_seconds=3.0,
            now=NOW,
        )
        bench.durable.record("settlement", "c-1", settle)
        end = partial(bench.ledger.end_call, "c-1", NOW + timedelta(seconds=3), 3.0, 16)
        bench.durable.record("end", "c-1", end)
        bench.suppress("c-1")
    await bench.durable.close()
    assert bench.status is HealthStatus.OK
    assert [each["status"] for each in bench.exported("violations")] == ["certain"]
    assert len(bench.exported("suppressions")) == 1


async def test_the_last_state_of_a_finding_stays_the_last_when_the_first_had_to_wait(
    bench: Bench,
) -> None:
    """Handed in while the first is on its way to a locked ledger that is free a moment later."""
    with locked(bench.file):
        bench.find(FindingStatus.PROVISIONAL)
        bench.find(FindingStatus.CERTAIN)
        bench.find(FindingStatus.WITHDRAWN)
        await until(lambda: bench.status is HealthStatus.DEGRADED)
    await bench.durable.close()
    assert [each["status"] for each in bench.exported("violations")] == ["withdrawn"]


async def test_a_row_that_the_ledger_will_never_take_holds_up_nothing(bench: Bench) -> None:
    def never() -> Future[None]:
        # NOT NULL stands in the schema; the type is what a caller's fault looks like.
        return bench.ledger.add_leg("c-1", Leg.AGENT, None)  # type: ignore[arg-type]  # the fault

    partial_one = replace(SAID, final=False)
    with capture_logs() as logs:
        bench.durable.record("leg", "c-1", never)
        bench.durable.record(
            "utterance", "c-1", lambda: bench.ledger.add_utterance("c", partial_one)
        )
        bench.find(FindingStatus.CERTAIN)
        await bench.durable.close()
    assert len(bench.exported("violations")) == 1
    lost = [each for each in logs if each["log_level"] == "critical"]
    assert [(each["rows"], each["calls"]) for each in lost] == [
        ({"leg": 1}, ["c-1"]),
        ({"utterance": 1}, ["c-1"]),
    ]


async def test_words_give_way_first_and_a_suppression_never(bench: Bench) -> None:
    bench.durable = Durable(bench.health, most_rows=3)
    with capture_logs() as logs, locked(bench.file):
        bench.find(FindingStatus.CERTAIN)
        await until(lambda: bench.status is HealthStatus.DEGRADED)
        bench.say(1)
        bench.say(2)
        bench.find(FindingStatus.CERTAIN, "c-2")
        bench.find(FindingStatus.CERTAIN, "c-3")
        bench.find(FindingStatus.CERTAIN, "c-4")
        bench.suppress("c-5")
    await bench.durable.close()
    lost = [(each["rows"], each["calls"]) for each in logs if each["log_level"] == "critical"]
    assert lost == [
        ({"utterance": 1}, ["c-1"]),
        ({"utterance": 1}, ["c-1"]),
        ({"finding": 1}, ["c-4"]),
    ]
    assert [each["call_id"] for each in bench.exported("violations")] == ["c-1", "c-2", "c-3"]
    assert len(bench.exported("suppressions")) == 1


async def test_what_is_lost_at_the_end_is_named_by_its_call(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.durable._LAST_WAIT_S", 0.2)
    with capture_logs() as logs, locked(bench.file):
        bench.find(FindingStatus.CERTAIN)
        bench.suppress("c-2")
        await bench.durable.close()
    (lost,) = [each for each in logs if each["log_level"] == "critical"]
    assert lost["rows"] == {"finding": 1, "suppression": 1}
    assert lost["calls"] == ["c-1", "c-2"]
    assert "suppress add" in lost["event"]
    assert NUMBER not in str(logs)


async def test_a_gate_that_refuses_is_not_hidden_by_rows_that_wait(bench: Bench) -> None:
    bench.health.set("ledger", HealthStatus.DOWN, "every call is refused")
    with locked(bench.file):
        bench.find(FindingStatus.CERTAIN)
        await until(lambda: "rows of calls" in bench.health.part("ledger").message)
        seen = [bench.status]
        bench.health.set("ledger", HealthStatus.OK)
        seen.append(bench.status)
    await bench.durable.close()
    seen.append(bench.status)
    assert seen == [HealthStatus.DOWN, HealthStatus.DEGRADED, HealthStatus.OK]
