"""A dialler's originate of Local/NUMBER@callwarden-gate passes the gate as a phone's call does:
allowed it reaches the carrier, denied its channels end with the gate's cause, over AMI and ARI."""

import asyncio
import itertools
from typing import Any

import httpx
import pytest

from deploy.lab import Lab
from tests.lab.agi_servers import Decider, serving
from tests.lab.ami import Ami, logged_in
from tests.lab.http_servers import HttpDecider, asked_over_http

_NUMBER = "+8613800138000"
_NAMES = (
    *("SCENE", "AGENT", "CUSTOMER", "DEBT", "PRODUCT", "CAMPAIGN", "AGENCY", "PARTY"),
    "CALLER_ID",
)
_WAITS = {"context": "callwarden-dial", "extension": "wait", "priority": "1"}
"""Where an originate over ARI goes once it is answered: Asterisk wants it to be there."""
_HOSTILE = (
    *('a,b"c', '"', "a'b", "a)b", "a):1", "a(b", "(a)", "a}b", "a{b", "a]b", "a[b", "a|b", "a;b"),
    *("${EPOCH}", "${SHELL(id)}", "$[1]", "a\\", "a&b=c", "a%2C", "a b", "a^b", "a=b", "*", "\x7f"),
    *("a\nb", "a\r\nVERDICT", "\n", "a\tb", "\x01"),
)


def _ari(lab: Lab) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{lab.addresses.http}/ari/",
        auth=("callwarden", lab.addresses.secret),
        trust_env=False,
    )


async def _originated(lab: Lab, ami: Ami, way: str, number: str, **variables: str) -> str:
    """Originates, and gives the name that the Local channel's both halves begin with."""
    channel = f"Local/{number}@callwarden-gate/n"
    if way == "ami":
        told = [f"{name}={value}" for name, value in variables.items()]
        await ami.originate(channel, *told, ChannelId=f"{number}.{way}")
    else:
        query = {"endpoint": channel, "channelId": f"{number}.{way}", "timeout": "15"}
        async with _ari(lab) as ari:
            params, body = {**query, **_WAITS}, {"variables": variables}
            answer = await ari.post("channels", params=params, json=body)
        assert answer.status_code == httpx.codes.OK, answer.text
    begun = await ami.seen("Newchannel", Uniqueid=f"{number}.{way}")
    return begun["Channel"].removesuffix(";1")


@pytest.mark.parametrize("way", ["ami", "ari"])
async def test_an_allowed_originate_reaches_the_carrier(lab: Lab, way: str) -> None:
    decider, carrier = Decider(), lab.carrier(hangs_up_s=0.2)
    told = {"carrier": str(carrier.port), "CALLWARDEN_SCENE": "marketing.loan"}
    async with serving(lab.addresses.gate, decider), logged_in(lab) as ami:
        local = await _originated(lab, ami, way, _NUMBER, **told, CALLWARDEN_DEBT="D-7")
        ended = await ami.seen("Hangup", Channel=f"{local};2")
    assert [each.number for each in carrier.invites()] == [_NUMBER]
    assert ended["Cause"] == "16"
    ((nonce, number, scene, *_),) = decider.asked
    assert (number, scene) == (_NUMBER, "marketing.loan")
    assert nonce.startswith(f"{_NUMBER}.{way}".lstrip("+"))
    assert decider.environments[0]["agi_arg_7"] == "debt=D-7"


@pytest.mark.parametrize("way", ["ami", "ari"])
@pytest.mark.parametrize("cause", ["17", "21", "28"])
async def test_a_denied_originate_ends_with_the_gates_cause(lab: Lab, way: str, cause: str) -> None:
    number, carrier = f"+86138001380{cause}", lab.carrier()
    deny = Decider("DENY", "house.window", cause)
    async with serving(lab.addresses.gate, deny), logged_in(lab) as ami:
        local = await _originated(lab, ami, way, number, carrier=str(carrier.port))
        for half in "12":
            ended = await ami.seen("Hangup", Channel=f"{local};{half}")
            assert ended["Cause"] == cause, half
        if way == "ami":
            told = await ami.seen("OriginateResponse", Channel="Local/")
            assert told["Response"] == "Failure"
    assert carrier.invites() == []


async def test_with_nobody_to_ask_an_originate_is_refused(lab: Lab) -> None:
    carrier = lab.carrier()
    async with logged_in(lab) as ami:
        local = await _originated(lab, ami, "ami", "+8613800138001", carrier=str(carrier.port))
        assert (await ami.seen("Hangup", Channel=f"{local};1"))["Cause"] == "21"
    assert carrier.invites() == []


async def test_what_was_allowed_and_has_nowhere_to_go_ends_with_no_route(lab: Lab) -> None:
    lab.set_global("CALLWARDEN_DIAL", "there-is-none")
    try:
        async with serving(lab.addresses.gate, Decider()), logged_in(lab) as ami:
            local = await _originated(lab, ami, "ami", "+8613800138002")
            assert (await ami.seen("Hangup", Channel=f"{local};2"))["Cause"] == "3"
    finally:
        lab.set_global("CALLWARDEN_DIAL", "")


async def test_a_variable_that_could_break_the_question_is_refused_unasked(lab: Lab) -> None:
    """Each variable with each text, line breaks among them; the check comes before the ways part,
    so neither FastAGI nor HTTP is asked."""
    decider, carrier = HttpDecider(), lab.carrier()
    cases = {
        f"hostile.{place}": (name, text)
        for place, (name, text) in enumerate(itertools.product(_NAMES, _HOSTILE))
    }
    ended: dict[str, Any] = {}
    async with asked_over_http(lab, decider), logged_in(lab) as ami, _ari(lab) as ari:
        for channel, (name, text) in cases.items():
            told = {"carrier": str(carrier.port), f"CALLWARDEN_{name}": text}
            query = {"endpoint": f"Local/{_NUMBER}@callwarden-gate/n", "channelId": channel}
            params, body = {**query, **_WAITS}, {"variables": told}
            answer = await ari.post("channels", params=params, json=body)
            assert answer.status_code == httpx.codes.OK, (name, text)
        async with asyncio.timeout(10):
            while len(ended) < len(cases):
                ended |= {
                    each["Uniqueid"]: each["Cause"]
                    for each in ami.events
                    if each.get("Event") == "Hangup" and each["Uniqueid"] in cases
                }
                await asyncio.sleep(0.05)
    assert {cases[each]: cause for each, cause in ended.items() if cause != "21"} == {}
    assert decider.asked == []
    assert carrier.invites() == []
