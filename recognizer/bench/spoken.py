"""Owns what is spoken in a measurement: the legs of recorded calls as they are, or without their
pauses. Called by the bench; the players read the files it writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from policy.speech.utterance import Leg
from recognizer.recordings import Recording

Audio = Literal["continuous", "conversation"]
_FRAME_S = 0.02
_PAUSE_DB = 30.0
"""A frame so far below the loudest of its leg is a pause."""
_LONGEST_PAUSE_S = 0.4
"""What is left of a longer one in continuous speech: people breathe."""


def legs_of(calls: Sequence[Recording], audio: Audio, into: Path) -> list[Path]:
    """Files of signed 16-bit little-endian mono, the two legs of each call one after the other."""
    files = list[Path]()
    for call in calls:
        for leg in Leg:
            pcm = b"".join(block for of, _, block in call.blocks(1.0) if of is leg)
            samples = np.frombuffer(pcm, dtype="<i2")
            if audio == "continuous":
                samples = without_pauses(samples, call.rate_hz)
            files.append(into / f"{len(files)}.s16")
            samples.tofile(files[-1])
    return files


def without_pauses(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.int16]:
    """Pauses cut to a breath."""
    size = round(_FRAME_S * rate_hz)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    powers = np.mean(frames.astype(np.float64) ** 2, axis=1)
    quiet = powers < powers.max(initial=0.0) * 10 ** (-_PAUSE_DB / 10)
    kept, paused = [], 0
    for at, silent in enumerate(quiet):
        paused = paused + 1 if silent else 0
        if paused * _FRAME_S <= _LONGEST_PAUSE_S:
            kept.append(at)
    return np.ascontiguousarray(frames[kept].reshape(-1))
