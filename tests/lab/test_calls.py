"""A call through the lab is a real one: the gate is asked, the carrier gets the INVITE, both
parties hear each other, and either may end it."""

import asyncio
import math
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from deploy.lab import Lab, LabError, LoadedCall
from tests.lab.agi_servers import Decider, serving

_NUMBER = "+8613800138000"


def _tone(file: Path, hertz: int, seconds: float) -> Path:
    time_s = np.arange(int(8000 * seconds)) / 8000
    soundfile.write(file, 0.3 * np.sin(2 * math.pi * hertz * time_s), 8000, subtype="ULAW")
    return file


def _strength(file: Path, hertz: int) -> float:
    """Mean amplitude of one frequency in a recording of raw mu-law."""
    samples, _ = soundfile.read(file, samplerate=8000, channels=1, format="RAW", subtype="ULAW")
    phase = np.exp(-2j * math.pi * hertz * np.arange(len(samples)) / 8000)
    return float(2 * abs(np.mean(samples * phase)))


async def test_the_gate_is_told_of_the_call_and_its_allowance_lets_it_out(lab: Lab) -> None:
    decider = Decider()
    async with serving(lab.addresses.gate, decider):
        call = lab.call(_NUMBER, scene="collection.reminder", agent="李雷", customer="C-4711")
        outcome = await asyncio.to_thread(call.wait, 10)
    assert (outcome.sip_status, outcome.hung_up_by) == (200, "agent")
    assert outcome.talk_s == pytest.approx(2, abs=0.2)
    ((nonce, number, scene, agent, customer, linkedid),) = decider.asked
    assert (number, scene, agent, customer) == (_NUMBER, "collection.reminder", "李雷", "C-4711")
    assert nonce.startswith(f"{linkedid}-")
    assert _NUMBER not in str(
        {k: v for k, v in decider.environments[0].items() if not k.startswith("agi_arg_")}
    )
    assert [each.number for each in call.invites()] == [_NUMBER]
    assert call.invites()[0] in lab.invites()


async def test_each_party_hears_the_other_from_the_answer_on(lab: Lab, tmp_path: Path) -> None:
    recordings = lab.folder / "asterisk" / "spool"
    async with serving(lab.addresses.gate, Decider()):
        call = lab.call(
            _NUMBER,
            agent_audio=_tone(tmp_path / "agent.wav", 440, 1.2),
            customer_audio=_tone(tmp_path / "customer.wav", 1000, 1.2),
            ring_s=0.2,
        )
        await asyncio.to_thread(call.wait_answered)
        channel = lab.cli("core show channels concise").partition("PJSIP/agents-")[2].split("!")[0]
        lab.cli(
            f"mixmonitor start PJSIP/agents-{channel} {recordings}/both.ulaw,"
            f"r({recordings}/agent.ulaw)t({recordings}/customer.ulaw)"
        )
        outcome = await asyncio.to_thread(call.wait, 10)
    assert outcome.talk_s == pytest.approx(1.2, abs=0.1)
    agent, customer = recordings / "agent.ulaw", recordings / "customer.ulaw"
    assert _strength(agent, 440) > 0.2
    assert _strength(agent, 1000) < 0.01
    assert _strength(customer, 1000) > 0.2
    assert _strength(customer, 440) < 0.01
    assert call.answer_gap_s() < 0.1


async def test_the_agent_hangs_up_when_told_to(lab: Lab) -> None:
    async with serving(lab.addresses.gate, Decider()):
        call = lab.call(_NUMBER, talk_s=60)
        await asyncio.to_thread(call.wait_answered)
        call.hang_up()
        outcome = await asyncio.to_thread(call.wait, 5)
    assert (outcome.answered, outcome.hung_up_by) == (True, "agent")
    assert outcome.talk_s < 2


async def test_the_agent_gives_up_while_it_rings(lab: Lab) -> None:
    async with serving(lab.addresses.gate, Decider()):
        call = lab.call(_NUMBER, ring_s=30)
        await asyncio.to_thread(call.wait_ringing)
        call.hang_up()
        outcome = await asyncio.to_thread(call.wait, 5)
    assert outcome.sip_status == 487
    assert len(call.invites()) == 1


async def test_the_customer_hangs_up(lab: Lab) -> None:
    async with serving(lab.addresses.gate, Decider()):
        call = lab.call(_NUMBER, talk_s=60, carrier_hangs_up_s=0.3)
        outcome = await asyncio.to_thread(call.wait, 5)
    assert (outcome.hung_up_by, outcome.q850_cause) == ("pbx", 16)
    assert outcome.talk_s == pytest.approx(0.3, abs=0.2)


@pytest.mark.parametrize(("status", "cause"), [(486, 17), (404, 1), (503, 34)])
async def test_a_carrier_that_refuses(lab: Lab, status: int, cause: int) -> None:
    async with serving(lab.addresses.gate, Decider()):
        call = lab.call(_NUMBER, carrier_status=status)
        outcome = await asyncio.to_thread(call.wait, 5)
    assert (outcome.sip_status, outcome.q850_cause) == (status, cause)
    assert len(call.invites()) == 1


async def test_the_pbx_hangs_up(lab: Lab) -> None:
    async with serving(lab.addresses.gate, Decider()):
        call = lab.call(_NUMBER, talk_s=60)
        await asyncio.to_thread(call.wait_answered)
        lab.cli("channel request hangup all")
        outcome = await asyncio.to_thread(call.wait, 5)
    assert outcome.hung_up_by == "pbx"


async def test_calls_at_a_rate(lab: Lab) -> None:
    decider = Decider()
    async with serving(lab.addresses.gate, decider):
        result = await asyncio.to_thread(
            lab.load, 20, 1, lambda each: LoadedCall(f"+86138{each:08}", customer=f"C-{each}")
        )
    assert result.statuses == {200: 20}
    assert len(result.decided_ms) == 20
    assert 0 < result.percentile_ms(50) <= result.percentile_ms(99) == result.decided_ms[-1]
    assert {each[4] for each in decider.asked} == {f"C-{each}" for each in range(20)}
    decider.verdict = "DENY"
    async with serving(lab.addresses.gate, decider):
        result = await asyncio.to_thread(lab.load, 20, 0.2, lambda _: LoadedCall(_NUMBER))
    assert result.statuses == {403: 4}


def test_a_sound_file_that_phones_cannot_play_is_said(lab: Lab, tmp_path: Path) -> None:
    not_sound = tmp_path / "not.wav"
    not_sound.write_bytes(b"RIFF" + bytes(40))
    wide = tmp_path / "wide.wav"
    soundfile.write(wide, np.zeros(1600), 16000)
    with pytest.raises(LabError, match="not a sound file"):
        lab.call(_NUMBER, agent_audio=not_sound)
    with pytest.raises(LabError, match="16000 Hz"):
        lab.call(_NUMBER, customer_audio=wide)


async def test_asterisk_comes_back_on_the_same_ports(lab: Lab) -> None:
    before = lab.asterisk_pid
    started = time.monotonic()
    await asyncio.to_thread(lab.restart_asterisk)
    assert time.monotonic() - started < 10
    assert lab.asterisk_pid != before
    async with serving(lab.addresses.gate, Decider()):
        assert (await asyncio.to_thread(lab.call(_NUMBER, talk_s=0.1).wait, 5)).answered
