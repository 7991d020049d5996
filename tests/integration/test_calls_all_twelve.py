"""The twelve calls played live through Asterisk, gateway, recognizer and model: all that is on them
is found, and nothing else."""

import asyncio
import json
from pathlib import Path

import pytest

from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab import Lab
from deploy.lab.numbers import open_now
from policy.speech.finding import FindingStatus
from recognizer import recordings, truth
from recognizer.accuracy import Judged, scores, total
from tests.integration.calls_stack import Stack, stack

_ABREAST = 3


async def _played(made: Stack, folder: Path, number: str) -> Judged:
    described = json.loads((folder / "call.json").read_text(encoding="utf-8"))
    placed = await made.call(
        number,
        scene=described["scene"],
        agent_audio=folder / "agent.wav",
        customer_audio=folder / "customer.wav",
    )
    outcome = await made.outcome(placed, 120)
    event = await made.seen(
        lambda each: (
            each.call.state == oversight.CALL_STATE_ENDED
            and each.call.number_masked.endswith(number[-4:])
        ),
        f"the end of {folder.name}",
        bound_s=30,
    )
    await made.coverage_of(event.call.call_id)
    with made.reader() as reader:
        found = [each.finding for each in reader.findings_of(event.call.call_id, 100)]
    kept = [each for each in found if each.status is not FindingStatus.WITHDRAWN]
    return Judged(outcome.talk_s, ("cmn", folder.name), truth.read(folder), kept)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_all_that_is_on_the_twelve_calls_is_found_live_and_nothing_else(
    lab: Lab, model_folder: Path, calls_folder: Path
) -> None:
    folders = list(recordings.find([calls_folder]))
    abreast = asyncio.Semaphore(_ABREAST)
    async with stack(lab, model=model_folder) as made:

        async def one(at: int, folder: Path) -> Judged:
            async with abreast:
                return await _played(made, folder, open_now(120 + at))

        judged = await asyncio.gather(*(one(at, each) for at, each in enumerate(folders)))
    by_rule = scores(judged, [])
    wrong = {
        key: (score.expected, score.found, score.false_alarms)
        for key, score in by_rule.items()
        if score.found != score.expected or score.false_alarms
    }
    assert not wrong
    assert total(by_rule).found == 21
