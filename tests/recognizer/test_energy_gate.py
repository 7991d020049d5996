"""Silence is not decoded, no syllable is lost for it, and every time stays the leg's own."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recognizer import recordings
from recognizer.energy_gate import AFTER_S, BEFORE_S, FRAME_S, EnergyGate, KeptSteps, Verdict
from recognizer.engine_stream import EngineStream
from recognizer.models.model import Model
from recognizer.sherpa import Engine
from recognizer.syllables import Heard

_RATE_HZ = 8000
_STEP, _AHEAD = 2560, 1200
_NOISE_DB, _SPEECH_DB = -62.0, -24.0
"""As on recorded calls, 20 ms at a time."""


def _verdicts(levels_db: list[float], *, skipping: bool = True) -> list[bool]:
    """Of each step, whether it is kept."""
    gate = EnergyGate(_STEP, _AHEAD, _RATE_HZ, skipping=skipping)
    gate.take([10 ** (each / 10) for each in levels_db])
    gate.finish(round(len(levels_db) * FRAME_S * _RATE_HZ), 0)
    return _kept(gate)


def _kept(gate: EnergyGate) -> list[bool]:
    return [each is not Verdict.SKIP for each in gate.verdicts()]


def _frames(seconds: float, level_db: float) -> list[float]:
    return [level_db] * round(seconds / FRAME_S)


@given(
    st.lists(
        st.tuples(st.floats(0.02, 4.0), st.sampled_from([_NOISE_DB, _SPEECH_DB])), max_size=12
    ),
    st.integers(0, 31),
)
def test_every_step_near_speech_is_kept_and_times_are_the_legs(
    stretches: list[tuple[float, float]], inside: int
) -> None:
    levels = [each for seconds, level in stretches for each in _frames(seconds, level)]
    verdicts = _verdicts(levels)
    frame, before, after = (round(each * _RATE_HZ) for each in (FRAME_S, BEFORE_S, AFTER_S))
    for at, level in enumerate(levels):
        if level == _SPEECH_DB:
            near = range(max(0, at * frame - before), (at + 1) * frame + after)
            steps_near = range(near.start // _STEP, -(-near.stop // _STEP))
            assert all(verdicts[step] for step in steps_near if step < len(verdicts))
    kept = KeptSteps(32)
    for keep in verdicts:
        (kept.keep if keep else kept.skip)()
    steps = [at for at, keep in enumerate(verdicts) if keep]
    for of_engine, of_leg in enumerate(steps):
        assert kept.of_leg(32 * of_engine + inside) == 32 * of_leg + inside
    assert kept.of_leg(32 * kept.kept) == 32 * kept.passed == 32 * len(verdicts)
    if steps:
        half = len(steps) // 2
        kept.forget(half)
        told = [kept.of_leg(32 * each) for each in range(half, len(steps))]
        assert told == [32 * each for each in steps[half:]]


@given(st.lists(st.floats(-96.0, 0.0), min_size=30, max_size=600), st.integers(1, 50))
def test_how_audio_is_cut_into_messages_changes_nothing(levels: list[float], size: int) -> None:
    powers = [10 ** (each / 10) for each in levels]
    gate, seen = EnergyGate(_STEP, _AHEAD, _RATE_HZ, skipping=True), list[bool]()
    for first in range(0, len(powers), size):
        gate.take(powers[first : first + size])
        seen += _kept(gate)
    gate.finish(round(len(levels) * FRAME_S * _RATE_HZ), 0)
    assert [*seen, *_kept(gate)] == _verdicts(levels)


def test_silence_is_skipped_and_with_silence_decoded_nothing_is() -> None:
    levels = _frames(5, _NOISE_DB) + _frames(2, _SPEECH_DB) + _frames(13, _NOISE_DB)
    assert sum(_verdicts(levels)) * _STEP / _RATE_HZ < 4.5
    assert all(_verdicts(levels, skipping=False))


def test_a_muted_leg_is_silence_and_packets_lost_in_speech_are_not() -> None:
    assert sum(_verdicts(_frames(10, -math.inf))) <= 3
    lossy = [-math.inf if at % 20 == 0 else _SPEECH_DB for at in range(500)]
    assert all(_verdicts(_frames(2, _NOISE_DB) + lossy)[6:30])


def test_noise_ten_decibels_below_speech_does_not_close_it() -> None:
    noise = _frames(6, _SPEECH_DB - 10)
    assert all(_verdicts(noise + _frames(2, _SPEECH_DB) + noise))


@pytest.fixture(scope="module")
def engine(model: Model) -> Engine:
    return Engine(model, 1)


def _played(engine: Engine, pcm: bytes, *, skip: bool, message: int = 1600) -> list[Heard]:
    """The words of a leg; positions told on the way only grow and no word begins before them."""
    stream = engine.stream(_RATE_HZ, skip_silence=skip)
    words, known, position_s = list[Heard](), 0, 0.0

    def listen(stream: EngineStream, *, closing: bool = False) -> None:
        nonlocal known, position_s
        told_s = position_s
        ended = closing or stream.utterance_ended()
        heard = stream.heard(even_if_same=ended) or []
        assert all(each.start_s >= told_s - 0.001 for each in heard[known:])
        known = max(known, len(heard))
        if ended:
            words.extend(heard)
            stream.begin_utterance()
            known = 0
        position_s = stream.analysed_s
        assert position_s >= told_s

    for first in range(0, len(pcm), message):
        stream.accept(pcm[first : first + message])
        while stream.step():
            listen(stream)
        listen(stream)
    stream.finish()
    while stream.step():
        listen(stream)
    listen(stream, closing=True)
    assert position_s == pytest.approx(len(pcm) / 2 / _RATE_HZ)
    return words


def test_the_words_of_a_call_are_the_same_with_and_without_its_silence(
    engine: Engine, calls_folder: Path
) -> None:
    """None is lost and none added. After long silence the engine begins afresh, so that one in
    thirty may be heard as another."""
    heard_otherwise = words = 0
    call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    for leg in call.files:
        pcm = b"".join(block for of, _, block in call.blocks(1.0) if of is leg)
        decoded, skipped = (_played(engine, pcm, skip=each) for each in (False, True))
        pairs = list(zip(skipped, decoded, strict=True))
        words += len(pairs)
        heard_otherwise += sum(a.text != b.text for a, b in pairs)
        apart = [a.start_s - b.start_s for a, b in pairs]
        assert max(map(abs, apart)) <= 0.16
        assert _played(engine, pcm, skip=True, message=320) == skipped
    assert heard_otherwise <= words / 30


def _tone(seconds: float, amplitude: float) -> NDArray[np.int16]:
    at = np.arange(round(seconds * _RATE_HZ))
    return np.round(32767 * amplitude * np.sin(at)).astype("<i2")


def test_what_is_skipped_has_been_listened_to(engine: Engine) -> None:
    stream = engine.stream(_RATE_HZ, skip_silence=True)
    decoded = 0
    for _ in range(100):
        stream.accept(_tone(0.1, 0.0001).tobytes())
        while stream.step():
            decoded += 1
    assert decoded <= 3
    assert stream.analysed_s >= 10 - engine.step_s - BEFORE_S
