"""`callwarden scan`: recordings in, one object a call out, broken files told and passed over."""

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from callwarden.problems import ProblemsFound
from policy.speech.circumstances import CallCircumstances, ProductFacts
from policy.speech.utterance import Leg
from recognizer import recordings, scan


def _scan(*arguments: object) -> Result:
    """With one worker, as a user would call it."""
    words = [str(each) for each in arguments]
    return CliRunner().invoke(scan.scan, [*words, "--workers", "1"], standalone_mode=False)


def test_a_broken_file_is_told_and_the_others_are_scanned(
    calls_folder: Path, tmp_path: Path
) -> None:
    for name in ("no-recording-notice", "refusal-and-stop"):
        shutil.copytree(calls_folder / name, tmp_path / name)
        for each in (tmp_path / name, *(tmp_path / name).iterdir()):
            each.chmod(0o755)
    (tmp_path / "refusal-and-stop" / "agent.wav").write_bytes(b"RIFF is what this is not")
    done = _scan(tmp_path, "--json")
    assert done.return_value == 2, done.output
    assert "refusal-and-stop/agent.wav:1:1: audio: not a WAV file" in done.stderr
    (line,) = done.stdout.splitlines()
    call = json.loads(line)
    assert call["id"] == "no-recording-notice"
    assert call["scene"] == "marketing.insurance"
    assert call["seconds"] == pytest.approx(26.7, abs=0.1)
    (notice,) = [each for each in call["findings"] if each["rule"] == "opening.recording-notice"]
    assert notice.keys() == {
        "rule", "leg", "start", "end", "heard", "matched", "confidence", "status"
    }  # fmt: skip
    assert (notice["leg"], notice["status"]) == ("agent", "certain")


def test_a_stereo_file_has_a_leg_a_channel(calls_folder: Path, tmp_path: Path) -> None:
    legs = [
        soundfile.read(calls_folder / "refusal-and-stop" / f"{leg}.wav", dtype="int16")[0]
        for leg in ("customer", "agent")
    ]
    stereo = tmp_path / "both.wav"
    soundfile.write(stereo, np.stack(legs, axis=1), 8000, subtype="ALAW")
    split = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    both = recordings.open_recording(stereo, "marketing.loan", "right")
    assert both.seconds == split.seconds
    blocks = {leg: next(pcm for at, _, pcm in both.blocks(20) if at is leg) for leg in Leg}
    agent = np.frombuffer(blocks[Leg.AGENT], "<i2").astype(float)
    assert np.corrcoef(agent, legs[1].astype(float))[0, 1] > 0.99
    plain = _scan(stereo, "--agent-channel", "right", "--scene", "marketing.loan")
    assert plain.return_value in (0, 1), plain.output
    assert plain.stdout.startswith("both  marketing.loan  14.4 s")


@pytest.mark.parametrize(
    ("rate_hz", "channels", "frames", "message"),
    [
        (44_100, 2, 1000, "convert it to 8000 or 16000"),
        (8000, 1, 1000, "must have two channels"),
        (8000, 2, 0, "holds no audio"),
    ],
)
def test_audio_that_is_no_call_is_refused(
    tmp_path: Path, rate_hz: int, channels: int, frames: int, message: str
) -> None:
    wav = tmp_path / "call.wav"
    soundfile.write(wav, np.zeros((frames, channels), dtype=np.int16), rate_hz)
    with pytest.raises(ProblemsFound, match=message):
        recordings.open_recording(wav, None, "left")


def test_the_call_is_described_beside_its_audio(tmp_path: Path) -> None:
    wav = tmp_path / "call.wav"
    soundfile.write(wav, np.zeros((8000, 2), dtype=np.int16), 8000)
    described = tmp_path / "call.json"
    described.write_text('{"id": "7", "scene": "review.loan", "started_at": "2026-03-01T10:00Z"}')
    call = recordings.open_recording(wav, None, "left")
    assert (call.id, call.scene, call.circumstances.on) == ("7", "review.loan", date(2026, 3, 1))
    assert recordings.open_recording(wav, "*", "left").scene == "*"
    described.write_text('{"started_at": "yesterday"}')
    with pytest.raises(ProblemsFound, match=r"call\.json:1:2: started_at: not an ISO time"):
        recordings.open_recording(wav, None, "left")
    described.write_text("{")
    with pytest.raises(ProblemsFound, match="not JSON"):
        recordings.open_recording(wav, None, "left")


def test_the_product_stands_in_the_call_or_in_the_site_s_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "call.wav", np.zeros((8000, 2), dtype=np.int16), 8000)
    site = recordings.Site({"loan-12": ProductFacts(annual_rate_percent=7.2)}, "yue")

    def described_by(text: str) -> CallCircumstances:
        (tmp_path / "call.json").write_text(text, encoding="utf-8")
        return recordings.open_recording(tmp_path / "call.wav", None, "left", site).circumstances

    assert described_by('{"product": "loan-12"}').product.annual_rate_percent == 7.2
    assert described_by('{"product": "loan-13"}').product == ProductFacts()
    assert described_by('{"product": {"risk_level": "R3"}}').product.risk_level == "R3"
    assert (described_by("{}").dialect, described_by('{"dialect": ""}').dialect) == ("yue", "")
    with pytest.raises(ProblemsFound, match=r"did you mean annual_rate_percent\?"):
        described_by('{"product": {"annual_rate": 7.2}}')
