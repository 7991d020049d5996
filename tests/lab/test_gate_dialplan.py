"""The dialplan refuses by itself: whatever the server does, only an allowance that carries the
call's own nonce lets a call out, and a refusal takes less than two seconds."""

import asyncio
import contextlib

import pytest

from deploy.lab import Lab, Outcome, PlacedCall
from tests.lab import agi_servers
from tests.lab.agi_servers import Decider, Handler, serving

_NUMBER = "+8613800138000"


async def _ended(call: PlacedCall, timeout_s: float = 10) -> Outcome:
    return await asyncio.to_thread(call.wait, timeout_s)


async def test_the_include_loads_without_a_warning(lab: Lab) -> None:
    for context in ("callwarden-gate", "callwarden-gate-leg"):
        shown = lab.cli(f"dialplan show {context}")
        assert f"[ Context '{context}' created by 'pbx_config' ]" in shown
        assert "'s' =>" in shown
    assert "callwarden.conf" not in lab.asterisk_log()


@pytest.mark.parametrize(
    "server",
    [
        None,
        agi_servers.closes_at_once,
        agi_servers.half_a_line,
        agi_servers.half_a_line_and_hangs,
        agi_servers.http,
        agi_servers.garbage,
        agi_servers.hangs,
        agi_servers.other_nonce,
        agi_servers.no_nonce,
        agi_servers.allows_then_hangs,
        agi_servers.expression_injection,
    ],
    ids=lambda server: server.__name__ if server else "down",
)
async def test_a_broken_server_lets_no_call_out(lab: Lab, server: Handler | None) -> None:
    async with serving(lab.addresses.gate, server) if server else contextlib.nullcontext():
        call = lab.call(_NUMBER)
        outcome = await _ended(call)
    assert (outcome.sip_status, outcome.q850_cause) == (403, 21)
    assert outcome.decided_s < 2
    assert call.invites() == []


async def test_a_server_that_answers_the_helper_leg_is_bounded_too(lab: Lab) -> None:
    async with serving(lab.addresses.gate, agi_servers.answers_and_hangs):
        call = lab.call(_NUMBER, talk_s=5)
        outcome = await _ended(call)
    assert outcome.talk_s < 2
    assert outcome.hung_up_by == "pbx"
    assert call.invites() == []


async def test_simultaneous_calls_to_a_hung_server_are_all_refused_in_time(lab: Lab) -> None:
    async with serving(lab.addresses.gate, agi_servers.hangs):
        placed = [lab.call(f"+861380013800{each}") for each in range(8)]
        outcomes = await asyncio.gather(*map(_ended, placed))
    assert {each.sip_status for each in outcomes} == {403}
    assert max(each.decided_s for each in outcomes) < 2
    assert [each for call in placed for each in call.invites()] == []


async def test_a_denial_ends_the_call_with_the_cause_it_gives(lab: Lab) -> None:
    async with serving(lab.addresses.gate, Decider("DENY", "house.window", "17")):
        call = lab.call(_NUMBER)
        outcome = await _ended(call)
    assert (outcome.sip_status, outcome.q850_cause) == (486, 17)
    assert call.invites() == []


@pytest.mark.parametrize("cause", ["", "128", "9999"])
async def test_a_cause_that_is_none_becomes_21(lab: Lab, cause: str) -> None:
    async with serving(lab.addresses.gate, Decider("DENY", cause=cause)):
        outcome = await _ended(lab.call(_NUMBER))
    assert (outcome.sip_status, outcome.q850_cause) == (403, 21)


@pytest.mark.parametrize("number", ["110", "911"])
async def test_an_emergency_call_goes_out_with_the_server_down(lab: Lab, number: str) -> None:
    call = lab.call(number, talk_s=0.1)
    outcome = await _ended(call)
    assert outcome.answered
    assert [each.number for each in call.invites()] == [number]


async def test_an_emergency_call_asks_nobody(lab: Lab) -> None:
    decider = Decider("DENY")
    async with serving(lab.addresses.gate, decider):
        assert (await _ended(lab.call("112", talk_s=0.1))).answered
    assert decider.asked == []


@pytest.mark.parametrize(
    "number",
    [
        "110&PJSIP/carrier/sip:13800138000",
        "110,1",
        "110)",
        "110):2",
        "13800138000)x:0",
        "110;x",
        "110x",
        "x110",
        " 110",
        '110" | "1" = "1',
        "${SHELL(id)}",
        "$[1]",
        "138 0013 8000",
        "13800138000,1)\nSYSTEM",
        "138'00",
        "一三八",
        "1" * 41,
    ],
)
async def test_a_number_with_anything_else_in_it_is_refused_unasked(lab: Lab, number: str) -> None:
    decider = Decider()
    async with serving(lab.addresses.gate, decider):
        call = lab.call(number, talk_s=0.1)
        outcome = await _ended(call)
    assert not outcome.answered
    assert call.invites() == []
    assert decider.asked == []


@pytest.mark.parametrize("field", ["scene", "agent", "customer"])
async def test_an_argument_that_could_break_the_command_line_is_refused(
    lab: Lab, field: str
) -> None:
    decider = Decider()
    async with serving(lab.addresses.gate, decider):
        for value in ('a,b"c', "a)b", "a|b", "${EPOCH}", "$[1]", "a;b", "a\\"):
            words = {"scene": "marketing.loan", "agent": "1001", "customer": "", field: value}
            call = lab.call(
                _NUMBER, scene=words["scene"], agent=words["agent"], customer=words["customer"]
            )
            outcome = await _ended(call)
            assert (outcome.sip_status, outcome.q850_cause) == (403, 21), value
            assert call.invites() == []
    assert decider.asked == []
