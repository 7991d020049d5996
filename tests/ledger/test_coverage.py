"""A call that several gateways heard, one after the other, is accounted as one."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from callwarden.command import root
from policy.ledger import CallRecord, Ledger, LegCoverage
from policy.speech.not_analysed import NotAnalysed
from policy.speech.utterance import Leg
from tests.ledger.conftest import NOW, NUMBER, WAIT_S, asked, at_most

_SPANS = (
    NotAnalysed(9.5, 10.0, "gateway-stopped"),
    NotAnalysed(0.0, 12.0, "audio-lost"),
    NotAnalysed(20.0, 28.0, "worker-lost", analysed_s=0.25),
)
STOPPED_AT, ENDED_AT = NOW + timedelta(seconds=18), NOW + timedelta(seconds=48)


def _exported(folder: Path, kind: str, *options: str) -> list[dict[str, Any]]:
    config = folder / "callwarden.yaml"
    config.write_text(f"state: {folder}\n")
    words = ["log", "export", "--kind", kind, "--format", "jsonl", "--config", str(config)]
    done = CliRunner().invoke(root, [*words, *options])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def _two_gateways(folder: Path, *rows: LegCoverage) -> None:
    """A call of 40 s, over whose 10th second the gateway was stopped and started again. `rows` are
    those that were written at the stop and, the other half, at the hang-up."""
    with Ledger.open(folder / "ledger.sqlite3", folder / "keys" / "ledger.key") as ledger:
        decided = ledger.decide(asked("n1"), at_most(9), NOW).result(WAIT_S)
        call = CallRecord("n1", decided.decision_id, NUMBER, "1001", "*", "", "", NOW)
        for _ in ("the first gateway", "the second"):
            ledger.begin_call(call).result(WAIT_S)
            ledger.answer_call("n1", NOW + timedelta(seconds=8)).result(WAIT_S)
        half = len(rows) // 2
        for at, those in ((STOPPED_AT, rows[:half]), (ENDED_AT, rows[half:])):
            for row in those:
                ledger.add_coverage("n1", row, at).result(WAIT_S)
        ledger.settle(
            "n1",
            disposition="ANSWER",
            q850_cause=16,
            connected=True,
            talk_seconds=40.0,
            now=ENDED_AT,
        ).result(WAIT_S)
        ledger.end_call("n1", ENDED_AT, 40.0, 16).result(WAIT_S)


def test_the_parts_of_a_leg_are_added_up_and_their_causes_united(tmp_path: Path) -> None:
    _two_gateways(
        tmp_path,
        LegCoverage(Leg.AGENT, 10.0, 9.5, 9.0, ("gateway-stopped",), (_SPANS[0],)),
        LegCoverage(Leg.CUSTOMER, 10.0, 10.0, 10.0, ("gateway-stopped",)),
        LegCoverage(Leg.AGENT, 40.0, 28.0, 20.25, ("audio-lost", "worker-lost"), _SPANS[1:]),
        LegCoverage(Leg.CUSTOMER, 40.0, 28.0, 28.0, ("audio-lost",)),
    )
    agent, customer = _exported(tmp_path, "coverage")
    assert (agent["leg"], customer["leg"]) == ("agent", "customer")
    assert (agent["call_seconds"], agent["received_s"], agent["analysed_s"]) == (40.0, 37.5, 29.25)
    assert agent["causes"] == "audio-lost gateway-stopped worker-lost"
    # What the second gateway says of the time of the first is the first one's to say.
    assert agent["missing"] == (
        "9.5-10.0 gateway-stopped; 10.0-12.0 audio-lost; 20.0-28.0 worker-lost (0.2 analysed)"
    )
    assert customer["missing"] == ""
    assert (customer["received_s"], customer["analysed_s"]) == (38.0, 38.0)
    assert customer["causes"] == "audio-lost gateway-stopped"
    assert agent["at"] == ENDED_AT.isoformat()


def test_no_more_is_received_than_the_call_was_long_and_what_was_missed_stays_missed(
    tmp_path: Path,
) -> None:
    _two_gateways(
        tmp_path,
        LegCoverage(Leg.AGENT, 10.0, 10.0, 10.0, ("gateway-stopped",)),
        LegCoverage(Leg.AGENT, 40.0, 39.0, 35.0, ()),
    )
    (agent,) = _exported(tmp_path, "coverage")
    assert (agent["call_seconds"], agent["received_s"], agent["analysed_s"]) == (40.0, 40.0, 36.0)


def test_it_is_one_call_and_its_coverage_is_of_the_day_it_was_complete(tmp_path: Path) -> None:
    _two_gateways(
        tmp_path,
        LegCoverage(Leg.AGENT, 10.0, 10.0, 10.0, ("gateway-stopped",)),
        LegCoverage(Leg.AGENT, 40.0, 28.0, 28.0, ()),
    )
    (call,) = _exported(tmp_path, "calls")
    assert (call["call_id"], call["seconds"], call["talk_seconds"]) == ("n1", 40.0, 40.0)
    between = STOPPED_AT + timedelta(seconds=1)
    assert len(_exported(tmp_path, "coverage", "--since", between.isoformat())) == 1
    assert _exported(tmp_path, "coverage", "--until", between.isoformat()) == []
