"""The CDRs of a real Asterisk, from its file and over AMI, tell of the same calls as the ledger."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab import Lab
from deploy.lab.numbers import open_now, shut_now
from policy.dialling.number import masked
from tests.integration.calls_stack import stack

_DIALPLAN = """
[asks-and-dials]
exten => _[+0-9].,1,Set(CALLWARDEN_SCENE=marketing.loan)
 same => n,Set(CALLWARDEN_AGENT=1001)
 same => n,GoSub(callwarden-gate,s,1(${EXTEN}))
 same => n,Dial(PJSIP/${CALLWARDEN_NUMBER}@trunk1,20)
exten => h,1,Hangup()
[forgot-the-gate]
exten => _[+0-9].,1,Dial(PJSIP/${EXTEN}@trunk1,20)
exten => h,1,Hangup()
"""
_RECONCILE = (sys.executable, "-m", "callwarden.command", "log", "reconcile", "--json")


def test_each_call_of_the_pbx_is_accounted_for(lab: Lab, tmp_path: Path) -> None:
    """One allowed call that nobody listened to, one denied, one that went round the gate."""

    async def play() -> tuple[dict[str, Any], dict[str, Any]]:
        lab.replace_dialplan(_DIALPLAN)
        carrier = lab.carrier(trunk="trunk1")
        sections: dict[str, Any] = {"rules": {"speech": []}, "state": str(tmp_path / "state")}
        async with stack(lab, **sections) as made:
            await made.part_is("asterisk-ami", oversight.HEALTH_STATUS_OK)
            before = lab.cli("manager show connected").count("callwarden")
            over_ami = await asyncio.create_subprocess_exec(
                *_RECONCILE, "--ami", "--config", str(made.config), stdout=asyncio.subprocess.PIPE
            )
            async with asyncio.timeout(30):
                while lab.cli("manager show connected").count("callwarden") <= before:  # noqa: ASYNC110 Asterisk's
                    await asyncio.sleep(0.1)
            placed = [
                await made.call(open_now(970), context="asks-and-dials", talk_s=4),
                await made.call(shut_now(971), context="asks-and-dials"),
                await made.call(open_now(972), context="forgot-the-gate", talk_s=0.5),
            ]
            for each in placed:
                await made.outcome(each)
            over_ami.send_signal(signal.SIGINT)
            told = json.loads((await over_ami.communicate())[0])
            master = lab.folder / "asterisk/log/cdr-csv/Master.csv"
            done = await made.run(*_RECONCILE[3:], "--cdr", str(master), "--zone", "UTC")
            assert done.returncode == over_ami.returncode == 1, done.stderr
        carrier.stop()
        return told, json.loads(done.stdout)

    over_ami, from_file = asyncio.run(play())
    assert from_file["cdrs"] > from_file["calls_placed"], "the denied call has a CDR as well"
    for told in (over_ami, from_file):
        assert (told["calls_placed"], told["decided"], told["without-a-decision"]) == (2, 1, 1)
        assert told["found_by"] == {"uniqueid": 1}
        assert (told["undialled"], told["gaps"], told["adds_up"]) == (0, [], False)
        went_round = next(e for e in told["found"] if e["class"] == "without-a-decision")
        assert went_round["number"] == masked(open_now(972))
        unheard = [each for each in told["found"] if each["class"] == "not-analysed"]
        assert {each["leg"] for each in unheard if each.get("agent") == "1001"} == {
            "agent",
            "customer",
        }
        assert all(each["causes"] != "no-account" for each in unheard if "agent" in each)
        assert told["missing_s"] == told["talk_s"] >= 6
