"""Owns how audio becomes what the engine is given: samples from -1 to 1.

Called wherever audio is decoded or measured, in workers, at a call's opening, in benches. Pure.
"""

import numpy as np
from numpy.typing import NDArray


def waveform(pcm: bytes | NDArray[np.int16]) -> NDArray[np.float32]:
    """Of signed 16-bit little-endian mono."""
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
