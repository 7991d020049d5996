"""Every allowed call is settled with its disposition and Q.850 cause, answered or not, whether or
not anybody listens; what no gateway saw the end of stays unsettled. Nobody listens here."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab import Lab
from deploy.lab.numbers import open_now
from tests.integration.calls_stack import Stack, stack
from tests.lab.ami import logged_in

_DIALPLAN = """
[rings-a-second]
exten => _[+0-9].,1,Set(CALLWARDEN_SCENE=marketing.loan)
 same => n,Set(CALLWARDEN_AGENT=${PJSIP_HEADER(read,X-Lab-Agent)})
 same => n,GoSub(callwarden-gate,s,1(${EXTEN}))
 same => n,Dial(PJSIP/carrier/sip:${URIENCODE(${CALLWARDEN_NUMBER})}@127.0.0.1:${carrier},1)
 same => n,Hangup(${HANGUPCAUSE})
exten => h,1,Hangup()
[asks-and-hangs-up]
exten => _[+0-9].,1,Set(CALLWARDEN_SCENE=marketing.loan)
 same => n,Set(CALLWARDEN_AGENT=${PJSIP_HEADER(read,X-Lab-Agent)})
 same => n,GoSub(callwarden-gate,s,1(${EXTEN}))
 same => n,Hangup(16)
exten => h,1,Hangup()
[tries-two-trunks]
exten => _[+0-9].,1,Set(CALLWARDEN_SCENE=marketing.loan)
 same => n,Set(CALLWARDEN_AGENT=${PJSIP_HEADER(read,X-Lab-Agent)})
 same => n,GoSub(callwarden-gate,s,1(${EXTEN}))
 same => n,Dial(PJSIP/${CALLWARDEN_NUMBER}@trunk1,20)
 same => n,GoSub(callwarden-gate,s,1(${EXTEN}))
 same => n,Dial(PJSIP/${CALLWARDEN_NUMBER}@trunk2,20)
 same => n,Hangup(${HANGUPCAUSE})
exten => h,1,Hangup()
"""
_REFUSED = {
    "busy": (486, "BUSY", 17),
    "congestion": (503, "CONGESTION", 34),
    "rejected": (603, "REJECTED", 21),
    "unknown-number": (404, "CHANUNAVAIL", 1),
    "away": (480, "NOANSWER", 19),
}


def _sections(folder: Path) -> dict[str, Any]:
    return {"rules": {"speech": []}, "state": str(folder / "state")}


def _settled(made: Stack) -> dict[str, list[tuple[str, int, int, float]]]:
    """By the agent who called: disposition, cause, connected, seconds of talk."""
    rows = made.rows(
        "SELECT agent, settlements.* FROM settlements JOIN decisions USING (nonce) "
        "WHERE verdict = 'ALLOW' ORDER BY settlements.seq"
    )
    settled: dict[str, list[tuple[str, int, int, float]]] = {}
    for row in rows:
        told = (row["disposition"], row["q850_cause"], row["connected"], row["talk_seconds"])
        settled.setdefault(row["agent"], []).append(told)
    return settled


async def _until_settled(made: Stack, count: int) -> dict[str, list[tuple[str, int, int, float]]]:
    async with asyncio.timeout(20):
        while sum(map(len, _settled(made).values())) < count:  # noqa: ASYNC110 another process writes
            await asyncio.sleep(0.05)
    return _settled(made)


def test_each_way_a_call_can_end(lab: Lab, tmp_path: Path) -> None:
    async def play() -> None:
        lab.replace_dialplan(_DIALPLAN)
        first, second = lab.carrier(trunk="trunk1", status=503), lab.carrier(trunk="trunk2")
        alone = lab.carrier(hangs_up_s=1.5)
        async with stack(lab, **_sections(tmp_path)) as made, logged_in(lab) as ami:
            numbers = iter(open_now(seed) for seed in range(700, 800))
            placed = [
                await made.call(next(numbers), agent=agent, carrier_status=status)
                for agent, (status, *_) in _REFUSED.items()
            ]
            placed += [
                await made.call(next(numbers), agent="talks", talk_s=1.5),
                await made.call(next(numbers), agent="is-left", talk_s=60, carrier_hangs_up_s=1.5),
                await made.call(
                    next(numbers), agent="unanswered", ring_s=30, context="rings-a-second"
                ),
                await made.call(next(numbers), agent="never-dials", context="asks-and-hangs-up"),
                await made.call(next(numbers), agent="two", talk_s=0.5, context="tries-two-trunks"),
            ]
            ringing = await made.call(next(numbers), agent="gives-up", ring_s=30)
            await asyncio.to_thread(ringing.wait_ringing, 10)
            await asyncio.to_thread(ringing.hang_up)
            told = ("CALLWARDEN_SCENE=marketing.loan", "CALLWARDEN_AGENT=dialler")
            await ami.originate(
                f"Local/{next(numbers)}@callwarden-gate/n", *told, f"carrier={alone.port}"
            )
            for each in (*placed, ringing):
                await made.outcome(each)
            settled = await _until_settled(made, 13)
        for agent, (_, disposition, cause) in _REFUSED.items():
            assert settled[agent] == [(disposition, cause, 0, 0.0)], agent
        assert settled["unanswered"] == [("NOANSWER", 19, 0, 0.0)]
        assert settled["gives-up"] == [("CANCEL", 16, 0, 0.0)]
        assert settled["never-dials"] == [("CANCEL", 16, 0, 0.0)]
        for agent in ("talks", "is-left", "dialler"):
            ((disposition, cause, connected, seconds),) = settled[agent]
            assert (disposition, cause, connected) == ("ANSWER", 16, 1), agent
            assert seconds == pytest.approx(1.5, abs=0.7), agent
        congested, answered = settled["two"]
        assert congested == ("CONGESTION", 34, 0, 0.0)
        assert answered[:3] == ("ANSWER", 16, 1)
        for carrier in (first, second, alone):
            carrier.stop()

    asyncio.run(play())


def test_a_gateway_that_was_away(lab: Lab, tmp_path: Path) -> None:
    """Answered while it was away: settled at the end, with the talk since the answer. Ended while
    it was away: unsettled, which counts as an attempt."""

    async def play() -> None:
        lab.replace_dialplan(_DIALPLAN)
        async with stack(lab, **_sections(tmp_path)) as made:
            rings = await made.call(open_now(801), agent="answered", ring_s=4, talk_s=60)
            ends = await made.call(open_now(802), agent="ended", ring_s=30)
            for each in (rings, ends):
                await asyncio.to_thread(each.wait_ringing, 10)
            await made.end("gateway", signal.SIGKILL)
            await asyncio.to_thread(ends.hang_up)
            await made.outcome(ends)
            await asyncio.to_thread(rings.wait_answered, 20)
            since = len(made.events)
            made.start("gateway")
            await made.call_is(oversight.CALL_STATE_UNHEARD, since=since)
            await asyncio.to_thread(rings.hang_up)
            outcome = await made.outcome(rings)
            settled = await _until_settled(made, 1)
        ((disposition, cause, connected, seconds),) = settled["answered"]
        assert (disposition, cause, connected) == ("ANSWER", 16, 1)
        assert seconds == pytest.approx(outcome.talk_s, abs=0.7)
        assert "ended" not in settled

    asyncio.run(play())
