"""Who begins to hear a leg at an anchor hears what was heard by who heard all of it."""

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.speech.utterance import Leg
from recognizer import recordings
from recognizer.decoding import Decoding
from recognizer.energy_gate import FRAME_S, FRESH_AFTER_LONG_S, EnergyGate, Verdict
from recognizer.engine_stream import EngineStream
from recognizer.leg_stream import Words
from recognizer.models.model import Model
from recognizer.pool import Pool
from recognizer.process import WorkerProcess
from recognizer.sherpa import Engine
from tests.gate.waiting import until

_WAIT_S = 20.0

_RATE_HZ = 8000
_STEP, _AHEAD = 2560, 1200
_Utterance = tuple[list[tuple[str, float]], float | None]
"""Units with the seconds at which they begin, and how loud they were."""


def _gate(state: bytes = b"") -> EnergyGate:
    return EnergyGate(_STEP, _AHEAD, _RATE_HZ, skipping=True, state=state)


@settings(deadline=None)  # the box may be busy
@given(
    st.lists(
        st.tuples(st.floats(0.1, 6.0), st.sampled_from([-62.0, -55.0, -24.0, -96.0])), max_size=12
    ),
    st.randoms(use_true_random=False),
)
def test_a_gate_that_begins_at_an_anchor_decides_as_the_one_that_heard_all(
    stretches: list[tuple[float, float]], noise: random.Random
) -> None:
    powers = [
        10 ** ((level + noise.uniform(-2.0, 2.0)) / 10)
        for seconds, level in stretches
        for _ in range(round(seconds / FRAME_S))
    ]
    gate = _gate()
    gate.take(powers)
    verdicts, anchors = list(gate.verdicts()), list(gate.anchors())
    frame = round(FRAME_S * _RATE_HZ)
    least = round(FRESH_AFTER_LONG_S * _RATE_HZ / _STEP)
    for anchor in anchors:
        before, after = verdicts[: anchor.steps], verdicts[anchor.steps :]
        assert set(before[-least:]) == {Verdict.SKIP}
        other = _gate(anchor.state)
        other.take(powers[anchor.steps * _STEP // frame :])
        decided = list(other.verdicts())
        if Verdict.KEEP_AFRESH in after:
            kept_first = after.index(Verdict.KEEP_AFRESH)
            assert set(after[:kept_first]) <= {Verdict.SKIP}
            if decided[kept_first] is Verdict.KEEP:  # there it has begun afresh already
                decided[kept_first] = Verdict.KEEP_AFRESH
        assert decided == after


@pytest.fixture(scope="module")
def engine(model: Model) -> Engine:
    return Engine(model, 1)


def _hear(
    stream: EngineStream, pcm: bytes, message: int, anchors: list[tuple[int, bytes]]
) -> list[_Utterance]:
    """The leg's utterances, told as a worker tells them: after each step that ends one. No word
    begins before the second up to which all were told. `message` 0: all is there at once."""
    said: list[_Utterance] = []
    analysed_s = 0.0

    def told(*, closing: bool = False) -> bool:
        nonlocal analysed_s
        if not (closing or stream.utterance_ended()):
            return False
        heard = stream.heard(even_if_same=True) or []
        if heard:
            words = [(each.text, each.start_s) for each in heard]
            assert words[0][1] >= analysed_s - 0.001
            said.append((words, stream.loudness_db(heard)))
        stream.begin_utterance()
        analysed_s = stream.analysed_s
        return True

    def decode() -> None:
        while stream.step() | told():
            anchor = stream.anchor()
            if anchor is not None:
                anchors.append(anchor)

    for first in range(0, len(pcm), message or len(pcm)):
        stream.accept(pcm[first : first + message] if message else pcm)
        if message:
            decode()
    stream.finish()
    decode()
    told(closing=True)
    return said


@pytest.mark.parametrize("call_name", ["refusal-ignored", "no-recording-notice"])
def test_what_follows_an_anchor_is_heard_alike_from_there(
    engine: Engine, calls_folder: Path, call_name: str
) -> None:
    """Words, times and loudness, to the bit; also where the audio comes late and in one go."""
    call = recordings.open_recording(calls_folder / call_name, None, "left")
    passed = 0
    for leg in call.files:
        pcm = b"".join(block for of, _, block in call.blocks(1.0) if of is leg)
        anchors: list[tuple[int, bytes]] = []
        stream = engine.stream(call.rate_hz, skip_silence=True)
        said = _hear(stream, pcm, 1600, anchors)
        assert anchors
        assert len({sample for sample, _ in anchors}) == len(anchors)
        for sample, state in anchors[:: max(1, len(anchors) // 3)]:
            at_s = sample / call.rate_hz
            stream = engine.stream(call.rate_hz, skip_silence=True, state=state)
            again = _hear(stream, pcm[2 * sample :], 0, [])
            moved = [
                ([(text, round(at_s + start_s, 2)) for text, start_s in words], loudness_db)
                for words, loudness_db in again
            ]
            assert moved == [each for each in said if each[0][0][1] >= at_s]
            passed += len(moved)
    assert passed > 5


async def _die(pool: Pool, worker: WorkerProcess | None) -> None:
    """Returns when another has taken its place."""
    assert worker is not None
    restarts = pool.restarts
    os.kill(worker.pid, signal.SIGKILL)
    await until(lambda: pool.restarts > restarts, _WAIT_S)


async def test_legs_tell_the_same_wherever_their_workers_die(
    model: Model, calls_folder: Path
) -> None:
    """One worker is killed after the other; the legs go on in the one that is left, or in the one
    that follows it where that one falls behind."""
    call = recordings.open_recording(calls_folder / "refusal-ignored", None, "left")
    blocks = list(call.blocks(0.2))
    pool = Pool(model, 2, Decoding())
    await pool.start()

    async def played(*, kills: bool) -> list[list[_Utterance]]:
        told: dict[Leg, list[Words]] = {leg: [] for leg in call.files}
        streams = {
            leg: pool.open(call.rate_hz, told[leg].append, lambda _: None) for leg in call.files
        }
        try:
            for number, (leg, first, pcm) in enumerate(blocks):
                await streams[leg].push(first, pcm)
                if kills and number % 60 == 59:
                    await _die(pool, streams[leg].worker)
            for each in streams.values():
                each.finish()
            await asyncio.gather(*(each.drained() for each in streams.values()))
        finally:
            for each in streams.values():
                pool.close_stream(each)
        return [
            [([(w.text, w.start_s) for w in each.heard], each.loudness_db) for each in words]
            for words in ([each for each in of if each.final] for of in told.values())
        ]

    try:
        undisturbed = await played(kills=False)
        assert await played(kills=True) == undisturbed
        assert min(map(len, undisturbed)) >= 3
        assert pool.restarts >= 4
    finally:
        await pool.close()
