"""Owns what a bad line does to a recorded call: noise, lost packets, a low level.

Called by `bench noise`, which listens to copies treated so. Each treatment gives the same samples
every time.
"""

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

from policy.speech.utterance import Leg
from recognizer import truth
from recognizer.recordings import Recording

Samples = npt.NDArray[np.float64]
"""Of one leg, 1.0 is full scale."""
Treatment = Callable[[Samples, int, int], Samples]
"""Of samples at a rate in hertz, with a seed."""

_FRAME_S: Final = 0.02
_SPEECH_WITHIN_DB: Final = 30.0
"""Frames this near the loudest one are speech; the level of a call is theirs."""


def noisy(samples: Samples, rate_hz: int, seed: int, *, snr_db: float) -> Samples:
    """White noise, `snr_db` below the level of the speech."""
    noise = np.random.default_rng(seed).standard_normal(len(samples))
    return np.asarray(samples + noise * _speech_level(samples, rate_hz) * 10 ** (-snr_db / 20))


def lossy(samples: Samples, rate_hz: int, seed: int, *, share: float) -> Samples:
    """Packets of 20 ms are lost at random, and are silence."""
    frame = round(_FRAME_S * rate_hz)
    lost = np.random.default_rng(seed).random(-(-len(samples) // frame)) < share
    return np.asarray(np.where(np.repeat(lost, frame)[: len(samples)], 0.0, samples))


def quieter(samples: Samples, rate_hz: int, seed: int, *, by_db: float) -> Samples:
    return np.asarray(samples * 10 ** (-by_db / 20))


TREATMENTS: Final[Mapping[str, Treatment]] = {
    "noise at 10 dB": partial(noisy, snr_db=10.0),
    "5 % packet loss": partial(lossy, share=0.05),
    "20 dB quieter": partial(quieter, by_db=20.0),
}


def treat(call: Recording, source: Path, into: Path, treatment: Treatment) -> Path:
    """A copy of the call in `into`: each leg treated and sent as mu-law again, and what lies beside
    the audio."""
    folder = into / call.id
    folder.mkdir(parents=True)
    for seed, leg in enumerate(Leg):
        pcm = b"".join(block for of, _, block in call.blocks(1.0) if of is leg)
        samples = np.frombuffer(pcm, "<i2") / 32768
        made = np.clip(treatment(samples, call.rate_hz, seed), -1.0, 1.0)
        whole = np.round(made * 32767).astype(np.int16)
        soundfile.write(folder / f"{leg.value}.wav", whole, call.rate_hz, subtype="ULAW")
    for name in ("call.json", truth.NAME):
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    return folder


def _speech_level(samples: Samples, rate_hz: int) -> float:
    """Root mean square of the frames that are speech."""
    frame = round(_FRAME_S * rate_hz)
    whole = samples[: len(samples) // frame * frame].reshape(-1, frame)
    if not len(whole):
        return 0.0
    power = np.mean(whole**2, axis=1)
    speech = power[power >= power.max() * 10 ** (-_SPEECH_WITHIN_DB / 10)]
    return float(np.sqrt(np.mean(speech)))
