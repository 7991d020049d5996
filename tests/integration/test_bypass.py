"""Calls that reached a trunk without a decision are found within 10 s and told: in the ledger, on
the stream, in the metrics, in the log; calls that may be out are never taken for one."""

import asyncio
import signal
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab import Lab
from deploy.lab.numbers import open_now, shut_now
from policy.dialling.number import masked
from tests.integration.calls_stack import Stack, stack
from tests.lab.ami import logged_in

_FORGETFUL = """
[forgot-the-gate]
exten => _[+0-9].,1,Dial(PJSIP/${EXTEN}@trunk1,20)
exten => h,1,Hangup()
[asks-for-another]
; Asks for the number in a header and dials what was dialled.
exten => _[+0-9].,1,Set(CALLWARDEN_SCENE=marketing.loan)
 same => n,GoSub(callwarden-gate,s,1(${PJSIP_HEADER(read,X-Lab-Asked)}))
 same => n,Dial(PJSIP/${EXTEN}@trunk1,20)
exten => h,1,Hangup()
[dials-on-after-a-denial]
exten => _[+0-9].,1,Set(CALLWARDEN_SCENE=marketing.loan)
 same => n,Set(CHANNEL(hangup_handler_push)=dials-on-after-a-denial,late,1(${EXTEN}))
 same => n,GoSub(callwarden-gate,s,1(${EXTEN}))
exten => late,1,Originate(PJSIP/${ARG1}@trunk1,app,Wait,1,,a)
 same => n,Return()
exten => h,1,Hangup()
[tries-two-trunks]
exten => _[+0-9].,1,Set(CALLWARDEN_SCENE=marketing.loan)
 same => n,GoSub(callwarden-gate,s,1(${EXTEN}))
 same => n,Dial(PJSIP/00${EXTEN:1}@trunk1,20)
 same => n,GoSub(callwarden-gate,s,1(${EXTEN}))
 same => n,Dial(PJSIP/${CALLWARDEN_NUMBER}@trunk2,20)
exten => h,1,Hangup()
[forwards-inbound]
exten => _[+0-9].,1,Dial(PJSIP/agents/sip:1001@127.0.0.1:${carrier},5)
exten => h,1,Hangup()
"""
_FOUND_S = 10.0


def _sections(folder: Path) -> dict[str, Any]:
    return {"rules": {"speech": []}, "state": str(folder / "state")}


async def _found(made: Stack, since: int, number: str) -> oversight.BypassFound:
    """The bypass that is told of this number from the `since`th event on, masked."""
    event = await made.seen(
        lambda each: each.HasField("bypass") and each.bypass.number_masked == masked(number),
        "bypass",
        _FOUND_S,
        since,
    )
    return event.bypass


async def _originated_over_ari(made: Stack, endpoint: str, channel: str) -> None:
    asterisk = made.settings.asterisk
    auth = (asterisk.ari_user, asterisk.ari_password)
    query = {"endpoint": endpoint, "channelId": channel}
    where = {"context": "callwarden-dial", "extension": "wait"}
    async with httpx.AsyncClient(auth=auth) as ari:
        answer = await ari.post(f"{asterisk.ari_url}/ari/channels", params={**query, **where})
        answer.raise_for_status()


def _all_hung_up(lab: Lab) -> None:
    lab.cli("channel request hangup all")


def _bypasses(made: Stack) -> list[dict[str, Any]]:
    return made.rows("SELECT * FROM bypasses ORDER BY seq")


def test_each_way_round_the_gate_is_found(lab: Lab, tmp_path: Path) -> None:
    async def play() -> None:
        lab.replace_dialplan(_FORGETFUL)
        carrier = lab.carrier(trunk="trunk1")
        numbers = [*(open_now(900 + each) for each in range(5)), shut_now(905)]
        async with stack(lab, **_sections(tmp_path)) as made, logged_in(lab) as ami:
            await made.part_is("asterisk-ami", oversight.HEALTH_STATUS_OK)
            # Straight at the trunk over AMI and over ARI.
            await ami.originate(f"PJSIP/{numbers[0]}@trunk1", ChannelId="by.ami")
            await _originated_over_ari(made, f"PJSIP/{numbers[1]}@trunk1", "by.ari")
            # A dialplan that forgot the gate, one that asks for another number, one that dials on.
            placed = [
                await made.call(numbers[2], context="forgot-the-gate", talk_s=0.2),
                await made.call(
                    numbers[3],
                    context="asks-for-another",
                    headers={"X-Lab-Asked": numbers[4]},
                    talk_s=0.2,
                ),
                await made.call(numbers[5], context="dials-on-after-a-denial", talk_s=0.2),
            ]
            for number in (*numbers[:4], numbers[5]):
                found = await _found(made, 0, number)
                assert (found.trunk, found.source) == ("PJSIP/trunk1", "dial")
            for each in placed:
                await made.outcome(each)
            rows = _bypasses(made)
            assert [each["source"] for each in rows] == ["dial"] * 5
            assert len({each["channel_id"] for each in rows}) == 5
            recorded = made.reader().recent_bypasses(10)
            assert {each.bypass.number for each in recorded} == {*numbers[:4], numbers[5]}
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                made.write("DELETE FROM bypasses")
            async with httpx.AsyncClient() as client:
                scraped = (await client.get(f"http://{made.settings.metrics}/metrics")).text
            assert 'callwarden_bypasses_total{trunk="PJSIP/trunk1"} 5.0' in scraped
            log = made.log_of("gateway")
            assert log.count("without a decision") == 5
            assert not any(each.lstrip("+") in log for each in numbers)
        _all_hung_up(lab)
        assert len(carrier.invites()) == 5
        carrier.stop()

    asyncio.run(play())


def test_what_may_be_out_is_no_bypass(lab: Lab, tmp_path: Path) -> None:
    """Allowed calls from phones and originates, several trunks of one call, prefixes, emergency
    calls, inbound calls, the forks' own channels, and all of them again after the gateway was
    killed while calls were up, or a denied one."""

    async def play() -> None:
        lab.replace_dialplan(_FORGETFUL)
        first = lab.carrier(trunk="trunk1", status=503)
        second, alone = lab.carrier(trunk="trunk2"), lab.carrier()
        async with stack(lab, **_sections(tmp_path)) as made, logged_in(lab) as ami:
            await made.part_is("asterisk-ami", oversight.HEALTH_STATUS_OK)
            up = [
                await made.call(open_now(920), talk_s=60),
                await made.call(open_now(921), context="tries-two-trunks", talk_s=60),
                await made.call(open_now(922), headers={"X-Lab-Trunk": "trunk1"}, talk_s=60),
                await made.call("110", talk_s=60),
            ]
            told = ("CALLWARDEN_SCENE=marketing.loan", f"carrier={alone.port}")
            await ami.originate(f"Local/{open_now(923)}@callwarden-gate/n", *told)
            for placed in up:
                await asyncio.to_thread(placed.wait_answered, 10)
            refused = await made.call(shut_now(924))
            assert (await made.outcome(refused)).sip_status == 403
            await _forked(made)
            await made.end("gateway", signal.SIGKILL)
            since = len(made.events)
            made.start("gateway")
            await made.part_is("asterisk-ami", oversight.HEALTH_STATUS_OK, since)
            # One that goes round it now tells that the watch has caught up with all the others.
            await ami.originate(f"PJSIP/{open_now(925)}@trunk2", ChannelId="by.control")
            await _found(made, since, open_now(925))
            assert [each["linkedid"] for each in _bypasses(made)] == ["by.control"]
            assert (len(first.invites()), len(second.invites())) == (1, 2)
            for placed in up:
                await asyncio.to_thread(placed.hang_up)
                await made.outcome(placed)
        _all_hung_up(lab)
        for each in (first, second, alone):
            each.stop()

    asyncio.run(play())


async def _forked(made: Stack) -> None:
    async with asyncio.timeout(10):
        while not any(  # noqa: ASYNC110 Asterisk's
            each["id"].startswith("callwarden.") for each in await made.in_asterisk("channels")
        ):
            await asyncio.sleep(0.05)


def test_one_up_when_the_gateway_connects_is_found_once(lab: Lab, tmp_path: Path) -> None:
    async def play() -> None:
        lab.replace_dialplan(_FORGETFUL)
        carrier = lab.carrier(trunk="trunk1")
        async with logged_in(lab) as ami:
            await ami.originate(f"PJSIP/{open_now(940)}@trunk1", ChannelId="up.ami")
            placed = await asyncio.to_thread(
                lambda: lab.call(open_now(941), context="forgot-the-gate", talk_s=60)
            )
            await asyncio.to_thread(placed.wait_answered, 10)
            async with stack(lab, **_sections(tmp_path)) as made:
                async with asyncio.timeout(_FOUND_S):
                    while len(_bypasses(made)) < 2:  # noqa: ASYNC110 another process writes
                        await asyncio.sleep(0.05)
                assert {each["source"] for each in _bypasses(made)} == {"up"}
                await made.end("gateway")
                since = len(made.events)
                made.start("gateway")
                await made.part_is("asterisk-ami", oversight.HEALTH_STATUS_OK, since)
                # The CDR is the second source: it tells of these again, and of one that fell
                # while nobody was connected.
                await asyncio.to_thread(placed.hang_up)
                await asyncio.to_thread(placed.wait, 10)
                await ami.seen("Cdr", DestinationChannel="PJSIP/trunk1")
                await ami.originate(f"PJSIP/{open_now(942)}@trunk1", ChannelId="by.control")
                await _found(made, since, open_now(942))
                found = [(each["linkedid"], each["source"]) for each in _bypasses(made)]
                assert ("up.ami", "up") in found
                assert ("by.control", "dial") in found
                assert len(found) == 3
        _all_hung_up(lab)
        carrier.stop()

    asyncio.run(play())
