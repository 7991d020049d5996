"""Over HTTP the dialplan refuses by itself just as over FastAGI: whatever the server does, only an
answer that carries the call's own nonce lets a call out, in less than two seconds."""

import asyncio
import re

import pytest

from deploy.lab import Lab, Outcome, PlacedCall
from tests.lab import agi_servers, http_servers
from tests.lab.agi_servers import Decider, Handler, serving
from tests.lab.http_servers import NAMES, HttpDecider, asked_over_http

_NUMBER = "+8613800138000"
_TOLD = {
    "Debt": "D-2026/7",
    "Product": "贷款.a",
    "Campaign": "spring@north",
    "Agency": "agency:7",
    "Party": "third-party",
    "Caller-Id": "+8695588",
}


async def _ended(call: PlacedCall, timeout_s: float = 10) -> Outcome:
    return await asyncio.to_thread(call.wait, timeout_s)


def _telling(lab: Lab) -> PlacedCall:
    """A call that tells the gate all there is to tell."""
    return lab.call(
        _NUMBER,
        scene="collection.reminder",
        agent="李雷",
        customer="C+4711",
        talk_s=0.1,
        context="agents-tell-all",
        headers={f"X-Lab-{name}": value for name, value in _TOLD.items()},
    )


async def test_an_answer_that_is_not_one_lets_no_call_out(lab: Lab) -> None:
    """All at once: the customer's id chooses what is answered."""
    says = http_servers.Says()
    async with asked_over_http(lab, says):
        placed = {name: lab.call(_NUMBER, customer=name) for name in says.answers}
        for name, call in placed.items():
            outcome = await _ended(call)
            assert (outcome.sip_status, outcome.q850_cause) == (403, 21), name
            assert outcome.decided_s < 2, name
            assert call.invites() == [], name


@pytest.mark.parametrize(
    "server",
    [
        None,
        http_servers.half_an_answer,
        http_servers.drips,
        http_servers.floods,
        agi_servers.closes_at_once,
        agi_servers.hangs,
    ],
    ids=lambda server: getattr(server, "__name__", "down"),
)
async def test_a_broken_server_lets_no_call_out(lab: Lab, server: Handler | None) -> None:
    async with asked_over_http(lab, server):
        call = lab.call(_NUMBER)
        outcome = await _ended(call)
    assert (outcome.sip_status, outcome.q850_cause) == (403, 21)
    assert outcome.decided_s < 2
    assert call.invites() == []


async def test_without_its_token_nothing_is_allowed(lab: Lab) -> None:
    decider = HttpDecider()
    async with asked_over_http(lab, decider):
        for token in ("", "wrong"):
            lab.set_global("CALLWARDEN_GATE_TOKEN", token)
            call = lab.call(_NUMBER)
            assert (await _ended(call)).sip_status == 403
            assert call.invites() == []
    assert decider.asked == []


async def test_the_gate_is_told_all_there_is_to_tell_and_allows(lab: Lab) -> None:
    decider = HttpDecider()
    async with asked_over_http(lab, decider):
        call = _telling(lab)
        assert (await _ended(call)).answered
    (asked,) = decider.asked
    nonce, linkedid = asked["nonce"], asked["linkedid"]
    assert set(asked) == set(NAMES)
    assert nonce.startswith(f"{linkedid}-")
    assert [asked[name] for name in NAMES if name not in ("nonce", "linkedid")] == [
        *(_NUMBER, "collection.reminder", "李雷", "C+4711"),
        *("D-2026/7", "贷款.a", "spring@north", "agency:7", "third-party", "+8695588"),
    ]
    assert [each.number for each in call.invites()] == [_NUMBER]
    steps = [line for line in lab.asterisk_log().splitlines() if "Executing" in line]
    assert steps
    assert not any("s3cret" in line for line in steps)


async def test_over_fastagi_it_is_told_the_same(lab: Lab) -> None:
    decider = Decider()
    async with serving(lab.addresses.gate, decider):
        call = _telling(lab)
        assert (await _ended(call)).answered
    (asked,) = decider.environments
    assert [asked[f"agi_arg_{place}"] for place in range(7, 13)] == [
        *("debt=D-2026/7", "product=贷款.a", "campaign=spring@north", "agency=agency:7"),
        *("party=third-party", "caller_id=+8695588"),
    ]
    assert "agi_arg_13" not in asked


@pytest.mark.parametrize(("cause", "status"), [("17", 486), ("", 403), ("128", 403), ("x", 403)])
async def test_a_denial_ends_the_call_with_the_cause_it_gives(
    lab: Lab, cause: str, status: int
) -> None:
    async with asked_over_http(lab, HttpDecider("DENY", "house.window", cause)):
        call = lab.call(_NUMBER)
        outcome = await _ended(call)
    assert (outcome.sip_status, outcome.q850_cause) == (status, 17 if cause == "17" else 21)
    assert call.invites() == []


async def test_an_emergency_call_goes_out_with_the_server_down(lab: Lab) -> None:
    async with asked_over_http(lab, None):
        call = lab.call("110", talk_s=0.1)
        assert (await _ended(call)).answered
    assert [each.number for each in call.invites()] == ["110"]


async def test_the_options_of_the_sites_own_curl_are_put_back(lab: Lab) -> None:
    lab.replace_dialplan(
        "[own-curl]\n"
        "exten => _.,1,Set(CURLOPT(failurecodes)=418)\n"
        " same => n,GotoIf($[${LEN(${PJSIP_HEADER(read,X-Lab-Own-Timeout)})} = 0]?ask)\n"
        " same => n,Set(CURLOPT(httptimeout)=7)\n"
        " same => n(ask),GoSub(callwarden-gate,s,1(${EXTEN}))\n"
        " same => n,Verbose(1,own: ${CURLOPT(httptimeout)} ${CURLOPT(failurecodes)})\n"
        " same => n,Hangup(16)\n"
        "exten => h,1,Hangup()"
    )
    async with asked_over_http(lab, HttpDecider()):
        for headers in ({}, {"X-Lab-Own-Timeout": "yes"}):
            await _ended(lab.call(_NUMBER, context="own-curl", headers=headers))
    found = re.findall(r"app_verbose.c: own: (\S+) (\S+)", lab.asterisk_log())
    assert [(float(timeout), codes) for timeout, codes in found] == [(180, "418"), (7, "418")]
