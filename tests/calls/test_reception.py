"""A sample's place on the call's clock."""

import itertools

from gateway.media.reception import CallClock, Reception, Talking
from policy.speech.utterance import Leg
from tests.calls.heard import Clock, Heard, tone

_FRAME = bytes(320)


def _receiving() -> tuple[Clock, Heard, Reception]:
    clock, heard = Clock(), Heard()
    return clock, heard, Reception(Leg.AGENT, CallClock(monotonic=clock), heard)


def test_frames_follow_each_other_from_where_the_clock_put_the_first() -> None:
    clock, heard, reception = _receiving()
    clock.at_s += 1.0
    reception.arrived(_FRAME)
    clock.at_s += 0.035  # late, as frames are: they are counted, not timed
    reception.arrived(_FRAME)
    assert heard.places == [8000 - 160, 8000]


def test_a_new_fork_is_placed_by_the_clock_and_never_before_what_was_heard() -> None:
    clock, heard, reception = _receiving()
    clock.at_s += 1.0
    reception.arrived(_FRAME)
    clock.at_s += 3.0
    reception.interrupted()
    reception.arrived(_FRAME)
    reception.interrupted()
    reception.arrived(_FRAME)
    assert heard.places == [7840, 4 * 8000 - 160, 4 * 8000]


def test_a_stall_of_ours_that_is_caught_up_leaves_no_gap() -> None:
    clock, heard, reception = _receiving()
    for _ in range(10):
        clock.at_s += 0.02
        reception.arrived(_FRAME)
    clock.at_s += 2.0
    for _ in range(100):  # what waited in the socket
        reception.arrived(_FRAME)
    for _ in range(300):
        clock.at_s += 0.02
        reception.arrived(_FRAME)
    assert heard.places == list(range(0, 410 * 160, 160))


def test_audio_that_asterisk_dropped_becomes_a_gap() -> None:
    clock, heard, reception = _receiving()
    for _ in range(10):
        clock.at_s += 0.02
        reception.arrived(_FRAME)
    clock.at_s += 2.0
    for _ in range(600):
        clock.at_s += 0.02
        reception.arrived(_FRAME)
    assert abs(heard.places[-1] + 160 - 8000 * (0.2 + 2.0 + 12.0)) < 800


_LOUD = tone(300, 0.02)


def _frames(clock: Clock, reception: Reception, frame: bytes, count: int) -> None:
    for _ in range(count):
        clock.at_s += 0.02
        reception.arrived(frame)


def _jumps(heard: Heard) -> list[int]:
    """After which frames there is a gap."""
    return [
        at for at, (one, other) in enumerate(itertools.pairwise(heard.places)) if other - one != 160
    ]


def test_a_gap_lies_between_words_and_not_in_one() -> None:
    clock, heard, reception = _receiving()
    _frames(clock, reception, _LOUD, 10)
    clock.at_s += 2.0
    _frames(clock, reception, _LOUD, 495)
    _frames(clock, reception, _FRAME, 5)  # within a word
    _frames(clock, reception, _LOUD, 20)
    assert not _jumps(heard)
    _frames(clock, reception, _FRAME, 20)
    (place,) = _jumps(heard)
    assert 535 <= place <= 545
    assert abs(heard.places[-1] + 160 - clock.at_s * 8000 + 800_000) < 800


def test_a_leg_that_never_pauses_has_its_gap_in_the_end() -> None:
    clock, heard, reception = _receiving()
    _frames(clock, reception, _LOUD, 10)
    clock.at_s += 2.0
    _frames(clock, reception, _LOUD, 800)
    assert len(_jumps(heard)) == 1


def test_what_is_late_for_long_and_comes_at_last_leaves_no_gap() -> None:
    """A starved PBX sends all of it, seconds late."""
    clock, heard, reception = _receiving()
    _frames(clock, reception, _LOUD, 10)
    clock.at_s += 2.0
    _frames(clock, reception, _LOUD, 495)
    for _ in range(100):
        reception.arrived(_LOUD)
    _frames(clock, reception, _FRAME, 300)
    assert not _jumps(heard)


def test_a_clock_of_a_call_found_up_starts_where_the_call_is() -> None:
    clock = Clock()
    assert CallClock(37.5, clock).sample() == 300_000


def test_talking_follows_loudness_and_holds_over_a_breath() -> None:
    talking = Talking()
    loud, silent = tone(300, 0.1), bytes(1600)
    answers = []
    for index, samples in enumerate([silent, loud, loud, silent, silent, *[silent] * 5]):
        talking.hear(index * 800, samples)
        answers.append(talking.now)
    assert answers == [False, True, True, True, True, True, False, False, False, False]
