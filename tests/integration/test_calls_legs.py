"""The fork: what one party says is in that party's frames alone, by both transports."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soundfile

from callwarden.v1 import conversation_pb2 as conversation
from deploy.lab import Lab
from deploy.lab.numbers import open_now
from tests.calls.heard import strength, tone
from tests.calls.recording_recognizer import Stream, serving
from tests.integration.calls_stack import stack

AGENT_HZ, CUSTOMER_HZ = 440.0, 1000.0
_TALK_S = 2.5


def _tone_file(folder: Path, hertz: float) -> Path:
    file = folder / f"{hertz:.0f}.wav"
    soundfile.write(file, np.frombuffer(tone(hertz, _TALK_S), dtype="<i2"), 8000, subtype="PCM_16")
    return file


async def _played(lab: Lab, folder: Path, transport: str, seed: int) -> Stream:
    agent, customer = _tone_file(folder, AGENT_HZ), _tone_file(folder, CUSTOMER_HZ)
    async with (
        serving(f"127.0.0.1:{lab.addresses.recognizer}") as (recognizer, _),
        stack(
            lab,
            media={"transport": transport},
            rules={"speech": []},
            state=str(folder / "state"),
        ) as made,
    ):
        placed = await made.call(
            open_now(seed), agent_audio=agent, customer_audio=customer, talk_s=_TALK_S
        )
        outcome = await made.outcome(placed)
        assert outcome.answered
        (row,) = made.rows("SELECT call_id FROM calls")
        for coverage in (await made.coverage_of(row["call_id"])).values():
            assert coverage["call_seconds"] == pytest.approx(outcome.talk_s, abs=0.3)
            assert coverage["call_seconds"] - coverage["received_s"] < 0.4
            assert coverage["causes"] == []
        await made.nothing_left_in_asterisk()
        (stream,) = recognizer.streams
    return stream


@pytest.mark.parametrize(("transport", "seed"), [("websocket", 71), ("rtp", 72)])
def test_a_tone_on_one_leg_is_not_in_the_other(
    lab: Lab, tmp_path: Path, transport: str, seed: int
) -> None:
    stream = asyncio.run(_played(lab, tmp_path, transport, seed))
    for leg, own, others in (
        (conversation.LEG_AGENT, AGENT_HZ, CUSTOMER_HZ),
        (conversation.LEG_CUSTOMER, CUSTOMER_HZ, AGENT_HZ),
    ):
        assert stream.seconds(leg) > _TALK_S - 0.5
        heard = stream.samples(leg)
        assert strength(heard, own) > 2000
        assert strength(heard, others) < 20
    firsts = {each.leg: each.first_sample for each in reversed(stream.audio)}
    assert abs(firsts[conversation.LEG_AGENT] - firsts[conversation.LEG_CUSTOMER]) < 0.2 * 8000
