"""Recordings as phone systems leave them: compressed or plain, at the rates they have."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from callwarden.problems import ProblemsFound
from policy.speech.utterance import Leg
from recognizer import recordings, sound

_SECONDS = 3


def _tones(rate_hz: int) -> np.ndarray:
    """300 Hz for the agent, 700 Hz for the customer, samples by channels."""
    at = np.arange(_SECONDS * rate_hz) / rate_hz
    both = [0.3 * np.sin(2 * np.pi * hertz * at) for hertz in (300, 700)]
    return (np.stack(both, axis=1) * 32767).astype(np.int16)


def _compressed(file: Path, codec: str, rate_hz: int) -> None:
    with av.open(str(file), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(_tones(rate_hz).reshape(1, -1), "s16", "stereo")
        frame.sample_rate = rate_hz
        for made in av.AudioResampler(stream.format, "stereo", rate_hz).resample(frame):
            container.mux(stream.encode(made))
        container.mux(stream.encode(None))


def _heard_hz(samples: np.ndarray, rate_hz: int) -> float:
    """The loudest frequency."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float)))
    return float(np.argmax(spectrum) * rate_hz / len(samples))


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz", "read_at_hz"),
    [
        ("call.mp3", "libmp3lame", 44_100, 16_000),
        ("call.mp3", "libmp3lame", 8_000, 8_000),
        ("call.opus", "libopus", 48_000, 16_000),
        ("call.ogg", "libopus", 48_000, 16_000),
        ("call.m4a", "aac", 16_000, 16_000),
    ],
)
def test_a_compressed_call_has_a_leg_a_channel(
    tmp_path: Path, name: str, codec: str, rate_hz: int, read_at_hz: int
) -> None:
    _compressed(tmp_path / name, codec, rate_hz)
    assert list(recordings.find([tmp_path])) == [tmp_path / name]
    call = recordings.open_recording(tmp_path / name, "marketing.loan", "left")
    assert call.rate_hz == read_at_hz
    assert call.seconds == pytest.approx(_SECONDS, abs=0.2)
    blocks = list(call.blocks(0.2))
    for leg, hertz in ((Leg.AGENT, 300), (Leg.CUSTOMER, 700)):
        samples = np.frombuffer(b"".join(pcm for of, _, pcm in blocks if of is leg), "<i2")
        assert len(samples) / read_at_hz == pytest.approx(_SECONDS, abs=0.2)
        assert _heard_hz(samples[read_at_hz : 2 * read_at_hz], read_at_hz) == hertz
        places = [first for of, first, _ in blocks if of is leg]
        assert places == list(range(0, places[-1] + 1, round(0.2 * read_at_hz)))


@pytest.mark.parametrize(
    ("subtype", "codec"), [("ULAW", "mu-law"), ("ALAW", "A-law"), ("PCM_16", "PCM")]
)
def test_a_leg_a_file(tmp_path: Path, subtype: str, codec: str) -> None:
    for index, leg in enumerate(Leg):
        soundfile.write(
            tmp_path / f"{leg.value}.wav", _tones(8000)[:, index], 8000, subtype=subtype
        )
    call = recordings.open_recording(tmp_path, None, "left")
    assert (call.codec, call.rate_hz, call.seconds) == (codec, 8000, _SECONDS)


@pytest.mark.parametrize("name", ["call.mp3", "call.opus", "call.wav"])
def test_what_is_no_sound_is_told_with_its_place(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x00\x01 no sound" * 400)
    with pytest.raises(ProblemsFound, match=rf"{name}:1:1: audio: .*export it again"):
        sound.form(tmp_path / name)


def test_two_files_for_one_leg_are_one_too_many(tmp_path: Path) -> None:
    for name in ("agent.wav", "customer.wav", "agent.flac"):
        soundfile.write(tmp_path / name, _tones(8000)[:, 0], 8000)
    with pytest.raises(ProblemsFound, match=r"agent\.flac.*keep one"):
        recordings.open_recording(tmp_path, None, "left")
