"""Calls played live through Asterisk, gateway, recognizer and model: what was said is found while
it is said, and a refusal stops the next call."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab import Lab
from deploy.lab.calls import Outcome
from deploy.lab.numbers import open_now
from tests.integration.calls_stack import Stack, stack

THREAT, REFUSAL, CUT, BUSY = (open_now(seed) for seed in (61, 62, 63, 64))


@dataclass
class Played:
    """What was seen of the calls, by the name of each."""

    stack: Stack
    call_ids: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    refused_invites: int = -1
    suppressed_before_end: bool = False
    unknown_hang_up: grpc.StatusCode | None = None

    def at(self, index: int) -> float:
        return self.stack.arrived[index]


async def _call_id(made: Stack, number: str) -> str:
    """The call's id, found by the number in the ledger."""
    async with asyncio.timeout(10):
        while True:
            with made.reader() as reader:
                for found in reader.recent_decisions(20):
                    if found.request.number == number and found.decision.allowed:
                        return found.request.nonce
            await asyncio.sleep(0.05)


async def _threat(played: Played, calls: Path) -> None:
    folder = calls / "collection-threat"
    scene = json.loads((folder / "call.json").read_text())["scene"]
    placed = await played.stack.call(
        THREAT,
        scene=scene,
        agent_audio=folder / "agent.wav",
        customer_audio=folder / "customer.wav",
    )
    played.call_ids["threat"] = await _call_id(played.stack, THREAT)
    played.outcomes["threat"] = await played.stack.outcome(placed)


async def _refusal(played: Played, calls: Path) -> None:
    folder = calls / "refusal-and-stop"
    made = played.stack
    placed = await made.call(
        REFUSAL, agent_audio=folder / "agent.wav", customer_audio=folder / "customer.wav"
    )
    played.call_ids["refusal"] = await _call_id(made, REFUSAL)
    await made.seen(lambda each: each.HasField("suppression"), "suppression", bound_s=20)
    with made.reader() as reader:
        played.suppressed_before_end = any(
            each.number == REFUSAL and each.call_id == played.call_ids["refusal"]
            for each in reader.suppressions()
        ) and not made.rows("SELECT 1 FROM call_ends WHERE call_id = ?", played.call_ids["refusal"])
    again = await made.call(REFUSAL)
    played.outcomes["again"] = await made.outcome(again)
    played.refused_invites = len(again.invites())
    played.outcomes["refusal"] = await made.outcome(placed)


async def _cut(played: Played) -> None:
    made = played.stack
    placed = await made.call(CUT, talk_s=30)
    call_id = played.call_ids["cut"] = await _call_id(made, CUT)
    await made.seen(
        lambda each: (
            each.call.call_id == call_id and each.call.state == oversight.CALL_STATE_LISTENED
        ),
        "call heard",
    )
    await made.oversight.HangUp(oversight.HangUpRequest(call_id=call_id, operator="test"))
    played.outcomes["cut"] = await made.outcome(placed)
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await made.oversight.HangUp(oversight.HangUpRequest(call_id="none", operator="test"))
    played.unknown_hang_up = unknown.value.code()


async def _busy(played: Played) -> None:
    placed = await played.stack.call(BUSY, carrier_status=486)
    played.outcomes["busy"] = await played.stack.outcome(placed)
    played.call_ids["busy"] = await _call_id(played.stack, BUSY)


@pytest.fixture(scope="module")
def played(lab: Lab, model_folder: Path, calls_folder: Path) -> Played:
    async def play() -> Played:
        async with stack(lab, model=model_folder) as made:
            played = Played(made)
            async with asyncio.TaskGroup() as calls:
                calls.create_task(_threat(played, calls_folder))
                calls.create_task(_refusal(played, calls_folder))
                calls.create_task(_cut(played))
                calls.create_task(_busy(played))
            for name in ("threat", "refusal", "cut"):
                await made.coverage_of(played.call_ids[name])
            await made.nothing_left_in_asterisk()
        return played

    return asyncio.run(play())


def _findings(played: Played, name: str) -> dict[str, float]:
    """Rules certain on a call, with the time at which each came on the Oversight stream."""
    return {
        event.finding.finding.rule: played.at(index)
        for index, event in enumerate(played.stack.events)
        if event.finding.call_id == played.call_ids[name]
    }


def _ends(played: Played, name: str) -> float:
    (row,) = played.stack.rows(
        "SELECT ended_at FROM call_ends WHERE call_id = ?", played.call_ids[name]
    )
    return float(row["ended_at"]) / 1e6


def test_threats_are_found_while_they_are_spoken(played: Played) -> None:
    found = _findings(played, "threat")
    assert set(found) == {"collection.threat", "collection.third-party-pressure"}
    assert max(found.values()) < _ends(played, "threat")
    recorded = played.stack.rows(
        "SELECT DISTINCT rule FROM findings WHERE call_id = ?", played.call_ids["threat"]
    )
    assert {row["rule"] for row in recorded} == set(found)


def test_a_finding_follows_its_words_within_the_bar(played: Played, calls_folder: Path) -> None:
    truth = json.loads((calls_folder / "collection-threat" / "truth.json").read_text())
    spoken = {each["rule"]: truth["turns"][each["turn"]]["end"] for each in truth["expect"]}
    (row,) = played.stack.rows(
        "SELECT answered_at FROM answers WHERE call_id = ?", played.call_ids["threat"]
    )
    for rule, at in _findings(played, "threat").items():
        assert at - row["answered_at"] / 1e6 - spoken[rule] < 1.2


def test_what_was_said_is_recorded_in_turns_of_both_legs(played: Played) -> None:
    rows = played.stack.rows(
        "SELECT leg, start_s FROM utterances WHERE call_id = ?", played.call_ids["threat"]
    )
    assert {row["leg"] for row in rows} == {"agent", "customer"}


def test_both_legs_are_received_and_analysed_in_full(played: Played) -> None:
    for name in ("threat", "refusal"):
        for row in _coverage(played, name).values():
            assert (
                row["call_seconds"] - row["received_s"] < 1.0
            )  # the start of the fork, beside other tests
            assert row["received_s"] - row["analysed_s"] < 0.5
            assert row["causes"] == "[]"


def _coverage(played: Played, name: str) -> dict[str, dict[str, Any]]:
    rows = played.stack.rows("SELECT * FROM coverage WHERE call_id = ?", played.call_ids[name])
    assert len(rows) == 2
    return {row["leg"]: row for row in rows}


def test_a_refusal_suppresses_before_its_call_ends(played: Played) -> None:
    assert played.suppressed_before_end
    suppressions = [each for each in played.stack.events if each.HasField("suppression")]
    (made,) = (each.suppression for each in suppressions if not each.suppression.provisional)
    assert (made.source, made.call_id) == ("refusal", played.call_ids["refusal"])
    assert REFUSAL not in str(suppressions)


def test_the_next_call_to_who_refused_reaches_no_carrier(played: Played) -> None:
    assert not played.outcomes["again"].answered
    assert played.refused_invites == 0


def test_a_refusal_is_durable_within_the_bar(played: Played, calls_folder: Path) -> None:
    truth = json.loads((calls_folder / "refusal-and-stop" / "truth.json").read_text())
    (spoken,) = (truth["turns"][each["turn"]]["end"] for each in truth["expect"])
    (row,) = played.stack.rows(
        "SELECT answered_at FROM answers WHERE call_id = ?", played.call_ids["refusal"]
    )
    at = min(
        played.at(index)
        for index, each in enumerate(played.stack.events)
        if each.HasField("suppression")
    )
    assert at - row["answered_at"] / 1e6 - spoken < 2.0


def test_an_operator_hangs_a_call_up(played: Played) -> None:
    assert played.outcomes["cut"].answered
    assert played.outcomes["cut"].hung_up_by == "pbx"
    assert played.outcomes["cut"].talk_s < 15
    assert played.unknown_hang_up is grpc.StatusCode.NOT_FOUND


def test_each_attempt_is_settled_as_it_ended(played: Played) -> None:
    settled = {
        name: played.stack.rows("SELECT * FROM settlements WHERE nonce = ?", call_id)
        for name, call_id in played.call_ids.items()
    }
    assert {name: len(rows) for name, rows in settled.items()} == dict.fromkeys(settled, 1)
    (busy,), (threat,) = settled["busy"], settled["threat"]
    assert (busy["disposition"], busy["q850_cause"], busy["connected"]) == ("BUSY", 17, 0)
    assert (threat["disposition"], threat["q850_cause"], threat["connected"]) == ("ANSWER", 16, 1)
    assert abs(threat["talk_seconds"] - played.outcomes["threat"].talk_s) < 0.5


def test_no_number_and_no_words_are_logged(played: Played) -> None:
    log = (played.stack.lab.folder / "gateway.log").read_text()
    for number in (THREAT, REFUSAL, CUT, BUSY):
        assert number.removeprefix("+") not in log
    words = [
        event.utterance.utterance.text
        for event in played.stack.events
        if event.utterance.utterance.final
    ]
    assert words
    assert not [text for text in words if len(text) > 5 and text in log]
