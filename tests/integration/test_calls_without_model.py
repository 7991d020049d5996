"""No model to be had: the gate works, and the call is shown and recorded as not analysed, with the
way to get one."""

import asyncio
from pathlib import Path
from typing import Any

from callwarden.settings import Recognizer, Settings
from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab import Lab
from deploy.lab.numbers import open_now
from policy import rulebook
from recognizer.service import RecognizerServer
from tests.integration.calls_stack import stack

_MISSING = "no speech model: run `callwarden models pull NAME`"


def test_a_call_without_a_model_is_not_analysed_and_says_how_to_get_one(
    lab: Lab, tmp_path: Path
) -> None:
    rules = rulebook.load(None, ["house"], []).speech
    at = f"127.0.0.1:{lab.addresses.recognizer}"

    async def play() -> None:
        sections: dict[str, Any] = {"state": str(tmp_path / "state"), "rules": {"speech": []}}
        served = Settings(recognizer=Recognizer(listen=at))
        async with (
            RecognizerServer(served, rules, (), _MISSING),
            stack(lab, **sections) as made,
        ):
            placed = await made.call(open_now(91), talk_s=2)
            unheard = await made.seen(
                lambda each: "models pull" in each.call.unheard_cause, "what to do"
            )
            assert unheard.call.state == oversight.CALL_STATE_UNHEARD
            assert (await made.outcome(placed)).answered
            for row in (await made.coverage_of(unheard.call.call_id)).values():
                assert row["received_s"] > 1
                assert row["analysed_s"] == 0
                assert row["causes"]

    asyncio.run(play())
