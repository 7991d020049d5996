"""What a bad line does to a call is what its name says, and the same every time."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from policy.speech.utterance import Leg
from recognizer import line, recordings

RATE_HZ = 8000
_AT = np.arange(4 * RATE_HZ) / RATE_HZ
SPEECH = np.where(_AT % 2 < 1, 0.2 * np.sin(2 * np.pi * 400 * _AT), 0.0)
"""A second of tone, a second of silence."""


def _level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def test_noise_is_so_far_below_the_speech_itself() -> None:
    noise = line.noisy(SPEECH, RATE_HZ, 1, snr_db=10.0) - SPEECH
    speech = SPEECH[SPEECH != 0.0]
    assert 20 * np.log10(_level(speech) / _level(noise)) == pytest.approx(10.0, abs=0.3)


def test_lost_packets_are_whole_and_as_many() -> None:
    loud = np.ones(60 * RATE_HZ)
    packets = line.lossy(loud, RATE_HZ, 1, share=0.05).reshape(-1, RATE_HZ // 50)
    assert set(np.unique(packets.mean(axis=1))) == {0.0, 1.0}
    assert np.mean(packets == 0.0) == pytest.approx(0.05, abs=0.01)


def test_quieter_by_decibels() -> None:
    assert _level(line.quieter(SPEECH, RATE_HZ, 1, by_db=20.0)) == pytest.approx(
        _level(SPEECH) / 10
    )


def test_a_treated_call_is_a_call_and_the_same_again(tmp_path: Path) -> None:
    source = tmp_path / "a-call"
    source.mkdir()
    for leg in Leg:
        soundfile.write(source / f"{leg.value}.wav", SPEECH, RATE_HZ, subtype="ULAW")
    (source / "call.json").write_text('{"id": "a-call", "scene": "marketing.loan"}')
    call = recordings.open_recording(source, None, "left")
    for name, treatment in line.TREATMENTS.items():
        made = [
            line.treat(call, source, tmp_path / name / again, treatment) for again in ("1", "2")
        ]
        first, second = ((each / "agent.wav").read_bytes() for each in made)
        assert first == second != (source / "agent.wav").read_bytes()
        treated = recordings.open_recording(made[0], None, "left")
        assert (treated.id, treated.scene, treated.seconds) == ("a-call", "marketing.loan", 4.0)
