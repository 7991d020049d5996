"""Frames of two legs go to the recognizer in pieces: nothing is lost, doubled or moved."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.pieces import Pieces
from policy.speech.utterance import Leg

_FRAME = 160
"""Samples in 20 ms."""
_MESSAGE_MS = 100
_MESSAGE = 800
_FRAMES = st.lists(
    st.tuples(
        st.sampled_from(Leg),
        st.sampled_from([0, 0, 0, 0, 1, 7]),
        st.sampled_from([_FRAME, _FRAME, _FRAME, 80, 2000]),
    ),
    max_size=80,
)
"""Whose frame, how many frames were lost before it, and its samples."""


def _said(leg: Leg, first: int, count: int) -> bytes:
    """Samples that tell their own place."""
    return b"".join(
        ((first + at) * 2 + (leg is Leg.AGENT)).to_bytes(4, "little")[:2] for at in range(count)
    )


@given(_FRAMES)
def test_every_sample_comes_out_once_at_its_place(frames: list[tuple[Leg, int, int]]) -> None:
    pieces, next_of = Pieces(_MESSAGE_MS), dict.fromkeys(Leg, 0)
    came: dict[Leg, list[int]] = {leg: [] for leg in Leg}
    sent: dict[Leg, list[int]] = {leg: [] for leg in Leg}

    def take(leg: Leg, first: int, samples: bytes) -> None:
        assert 0 < len(samples) <= 2 * _MESSAGE
        assert samples == _said(leg, first, len(samples) // 2)
        sent[leg] += range(first, first + len(samples) // 2)

    for leg, lost, count in frames:
        first = next_of[leg] + lost * _FRAME
        next_of[leg] = first + count
        came[leg] += range(first, first + count)
        for piece in pieces.hear(leg, first, _said(leg, first, count)):
            take(*piece)
        assert len(came[leg]) - len(sent[leg]) <= _MESSAGE + _FRAME
    for piece in pieces.rest():
        take(*piece)
    assert sent == came


def test_legs_side_by_side_go_together_and_who_speaks_alone_does_not_wait() -> None:
    pieces, silence = Pieces(_MESSAGE_MS), bytes(2 * _FRAME)
    for frame in range(9):
        for leg in Leg:
            together = list(pieces.hear(leg, frame * _FRAME, silence))
            full = (frame, leg) == (4, list(Leg)[-1])
            assert [len(each[2]) for each in together] == ([2 * _MESSAGE] * 2 if full else [])
    alone = [
        {of: len(samples) for of, _, samples in pieces.hear(Leg.AGENT, frame * _FRAME, silence)}
        for frame in range(9, 16)
    ]
    mine, rest = {Leg.AGENT: 2 * _MESSAGE}, {Leg.CUSTOMER: 2 * 4 * _FRAME}
    assert alone == [{}, mine | rest, {}, {}, {}, mine, {}]
