"""What is no call at all: on ordinary speech the base pack finds nothing."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from policy.speech.rulebook import SpeechRulebook
from recognizer import recordings, scan
from tests.recognizer.conftest import Serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="session")
def ordinary_speech(model_folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(model_folder.glob("test_wavs/*.wav")))


async def test_nothing_is_found_in_ordinary_speech(
    serving: Serving, ordinary_speech: tuple[Path, ...], rules: SpeechRulebook, tmp_path: Path
) -> None:
    """The model's own recordings, spoken by the agent and then by the customer, every rule
    listening. That no recording was announced on them is true."""
    spoken = [soundfile.read(each) for each in ordinary_speech]
    (rate_hz,) = {each for _, each in spoken}
    samples = np.concatenate([each for each, _ in spoken])
    silent = np.zeros_like(samples)
    both = np.stack([np.append(samples, silent), np.append(silent, samples)], axis=1)
    soundfile.write(tmp_path / "call.wav", both, rate_hz, subtype="PCM_16")
    assert len(samples) / rate_hz > 30
    assert serving.server.pools is not None
    call = recordings.open_recording(tmp_path / "call.wav", "", "left")
    scanned = await scan.scan_call(serving.server.pools.default, rules, call)
    found = {each.rule for each in scanned.findings}
    assert found <= {"opening.recording-notice"}
