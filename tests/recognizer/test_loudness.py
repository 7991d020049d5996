"""How loud a leg speaks, by levels that are known."""

import numpy as np
import pytest

from recognizer.loudness import SILENT_DB, Loudness

_RATE_HZ = 8000


def _tone(seconds: float, amplitude: float) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    at = np.arange(round(seconds * _RATE_HZ))
    return (amplitude * np.sin(2 * np.pi * 400 * at / _RATE_HZ)).astype(np.float32)


def test_pauses_between_words_do_not_make_speech_quieter() -> None:
    words = np.concatenate([_tone(0.5, 0.1), _tone(0.5, 0.0), _tone(0.5, 0.1)])
    loudness = Loudness(_RATE_HZ)
    for start in range(0, len(words), 777):  # messages of any length
        loudness.accept(words[start : start + 777])
    # A sine of amplitude 0.1 has a mean square of 0.005: -23 dB.
    assert loudness.level_db(0.0, 1.5) == pytest.approx(-23.0, abs=0.1)
    assert loudness.level_db(0.6, 0.9) == SILENT_DB


def test_twice_the_amplitude_is_six_decibels() -> None:
    loudness = Loudness(_RATE_HZ)
    loudness.accept(np.concatenate([_tone(1.0, 0.1), _tone(1.0, 0.2)]))
    quiet, loud = loudness.level_db(0.0, 1.0), loudness.level_db(1.0, 2.0)
    assert quiet is not None
    assert loud is not None
    assert loud - quiet == pytest.approx(6.0, abs=0.1)
    loudness.forget(1.0)
    assert loudness.level_db(0.0, 1.0) is None
    assert loudness.level_db(1.0, 2.0) == pytest.approx(loud)
