"""Verdicts of a gate on its real parts: the house rules over the real ledger, over real TCP."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab.numbers import open_now, shut_now
from policy.dialling import number as numbers
from policy.ledger import LedgerReader
from tests.calls.test_enforcement import REFUSED
from tests.gate.at_the_gate import gate


async def test_a_call_inside_the_window_is_allowed_and_on_the_floor(tmp_path: Path) -> None:
    number = open_now(1)
    async with gate(tmp_path) as parts:
        heard = await parts.ask(number, nonce="n-7", customer="c-1")
        assert heard.verdict == "ALLOW:n-7"
        made = await parts.decision()
        call = parts.floor.call("n-7")
    assert made.verdict == oversight.VERDICT_ALLOW
    assert made.number_masked == numbers.masked(number)
    assert made.elapsed_ms > 0
    assert len(made.rulebook.digest) == 64
    assert call is not None
    assert (call.number, call.decision_id) == (number, made.decision_id)
    assert call.customer == "c-1"


async def test_a_call_outside_the_window_is_refused_with_when_it_may_be(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts:
        heard = await parts.ask(shut_now(1))
        made = await parts.decision()
        assert parts.floor.calls() == ()
    assert heard.verdict == "DENY:n-1"
    assert heard.variables["CALLWARDEN_CAUSE"] == "21"
    assert heard.rule == made.reasons[0].rule
    assert made.reasons[0].title_zh
    assert made.earliest > datetime.now(UTC).timestamp()


async def test_the_fourth_call_of_the_day_is_refused(tmp_path: Path) -> None:
    number = open_now(2)
    async with gate(tmp_path) as parts:
        verdicts = [(await parts.ask(number, nonce=f"n-{each}")).verdict for each in range(4)]
    assert verdicts == ["ALLOW:n-0", "ALLOW:n-1", "ALLOW:n-2", "DENY:n-3"]


async def test_the_same_customer_under_another_number_counts(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts:
        allowed = [
            (await parts.ask(open_now(each), nonce=f"n-{each}", customer="c-9")).allowed
            for each in range(4)
        ]
    assert allowed == [True, True, True, False]


async def test_however_a_number_is_written_it_is_one_customer(tmp_path: Path) -> None:
    number = open_now(3)
    written = (
        number,
        "00" + number[1:],
        f"{number[:3]} {number[3:]}",
        f"{number[:4]}-{number[4:]}",
    )
    async with gate(tmp_path) as parts:
        allowed = [
            (await parts.ask(each, nonce=f"n-{at}")).allowed for at, each in enumerate(written)
        ]
    assert allowed == [True, True, True, False]


async def test_one_call_over_several_trunks_counts_once(tmp_path: Path) -> None:
    number = open_now(4)
    async with gate(tmp_path) as parts:
        for each in range(6):
            assert (await parts.ask(number, nonce=f"n-{each}", linkedid="call-1")).allowed
        assert (await parts.ask(number, nonce="m-1", linkedid="call-2")).allowed
        assert (await parts.ask(number, nonce="m-2", linkedid="call-3")).allowed
        assert not (await parts.ask(number, nonce="m-3", linkedid="call-4")).allowed


async def test_two_at_once_on_the_last_attempt_one_passes(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts:
        for customer in range(20):
            number = open_now(100 + customer)
            for each in range(2):
                assert (await parts.ask(number, nonce=f"first-{customer}-{each}")).allowed
            heard = await asyncio.gather(
                *(parts.ask(number, nonce=f"last-{customer}-{each}") for each in range(2))
            )
            assert sorted(each.allowed for each in heard) == [False, True]


async def test_a_suppression_refuses_the_next_call(tmp_path: Path) -> None:
    number = open_now(5)
    async with gate(tmp_path) as parts:
        assert (await parts.ask(number, nonce="n-1")).allowed
        await asyncio.wrap_future(
            parts.ledger.current.suppress(number, source="refusal", now=datetime.now(UTC))
        )
        heard = await parts.ask(number, nonce="n-2")
        await parts.decision()
        reasons = [reason.rule for reason in (await parts.decision()).reasons]
    assert heard.verdict == "DENY:n-2"
    assert heard.rule in reasons


async def test_a_nonce_is_good_for_one_call(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts:
        assert (await parts.ask(open_now(6), nonce="n-1")).allowed
        heard = await parts.ask(open_now(7), nonce="n-1")
    assert (heard.verdict, heard.rule) == ("DENY:n-1", "gate.failed")


async def test_what_is_no_number_of_anybody_is_refused(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts:
        for at, number in enumerate(("12345", "+999123456789", "8001#", "0" * 30)):
            heard = await parts.ask(number, nonce=f"n-{at}")
            assert heard.verdict == f"DENY:n-{at}"
            assert heard.rule.startswith("number.")


async def test_every_answer_is_recorded_before_it_leaves(tmp_path: Path) -> None:
    """Another connection to the file sees the reservation as soon as ALLOW was read."""
    number = open_now(8)
    async with gate(tmp_path) as parts:
        with LedgerReader.open(tmp_path / "ledger.sqlite3", tmp_path / "keys/ledger.key") as reader:
            for made in range(1, 4):
                assert (await parts.ask(number, nonce=f"n-{made}")).allowed
                recorded = reader.decision_by_nonce(f"n-{made}")
                assert recorded is not None
                assert recorded.decision.allowed
                assert len(reader.facts(number, "", datetime.now(UTC)).attempts) == made
    async with gate(tmp_path) as parts:
        assert not (await parts.ask(number, nonce="after")).allowed


async def test_counts_go_by_verdict_and_rule(tmp_path: Path) -> None:
    async with gate(tmp_path) as parts:
        await parts.ask(open_now(9), nonce="n-1")
        refused = await parts.ask(shut_now(9), nonce="n-2")
        assert parts.counted("ALLOW", "") == 1
        assert parts.counted("DENY", refused.rule) == 1
        assert (parts.tally.decisions_today, parts.tally.denials_today) == (2, 1)
        assert parts.tally.p99_ms > 0


async def test_a_refusal_whose_gateway_died_before_suppressing_refuses_the_next_call(
    tmp_path: Path,
) -> None:
    number = open_now(10)
    async with gate(tmp_path) as parts:
        assert (await parts.ask(number, nonce="n-1")).allowed
        await asyncio.wrap_future(
            parts.ledger.current.add_finding("n-1", REFUSED, datetime.now(UTC))
        )
    async with gate(tmp_path) as parts:
        heard = await parts.ask(number, nonce="n-2")
    assert heard.rule == "house.refused"
    with LedgerReader.open(tmp_path / "ledger.sqlite3", tmp_path / "keys" / "ledger.key") as reader:
        (made,) = reader.suppressions()
    assert (made.call_id, made.finding_id) == ("n-1", REFUSED.finding_id)
