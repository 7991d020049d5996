"""Of a call's beginning the customer's speech alone is asked which dialect it is."""

from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import recognition_pb2 as wire
from recognizer.opening import LONGEST_S, Opening
from tests.calls.heard import RATE_HZ, tone

_WANTED_S = 1.5
_PIECE_S = 0.1
_SPOKEN = tone(300, _PIECE_S)
_SILENCE = bytes(len(_SPOKEN))
_Pieces = Sequence[Sequence[wire.Audio]]
_Sent = Callable[[_Pieces], AsyncIterator[wire.ListenRequest]]


class _Asked:
    """Remembers the audio that it was asked about."""

    def __init__(self) -> None:
        self.pcm = b""

    async def __call__(self, rate_hz: int, pcm: bytes) -> str:
        assert rate_hz == RATE_HZ
        self.pcm = pcm
        return "yue"


def _piece(leg: "conversation.Leg.ValueType", number: int, samples: bytes) -> wire.Audio:
    first = round(number * _PIECE_S * RATE_HZ)
    return wire.Audio(leg=leg, first_sample=first, samples=samples)


async def _alone(pieces: _Pieces) -> AsyncIterator[wire.ListenRequest]:
    for both in pieces:
        for each in both:
            yield wire.ListenRequest(audio=each)


async def _together(pieces: _Pieces) -> AsyncIterator[wire.ListenRequest]:
    for both in pieces:
        yield wire.ListenRequest(pieces=wire.AudioPieces(audio=both))


def _call(silent_s: float, spoken_s: float) -> list[list[wire.Audio]]:
    """The customer is silent, then speaks; the agent speaks all the time."""
    silent, spoken = round(silent_s / _PIECE_S), round(spoken_s / _PIECE_S)
    return [
        [
            _piece(conversation.LEG_AGENT, number, _SPOKEN),
            _piece(conversation.LEG_CUSTOMER, number, _SILENCE if number < silent else _SPOKEN),
        ]
        for number in range(silent + spoken)
    ]


@pytest.mark.parametrize("sent", [_alone, _together])
async def test_the_customers_speech_is_asked_about_and_no_silence(sent: _Sent) -> None:
    asked, call = _Asked(), _call(silent_s=5, spoken_s=4)
    opening = Opening(sent(call), RATE_HZ, _WANTED_S, asked)
    assert await opening.dialect() == "yue"
    assert _WANTED_S <= len(asked.pcm) / 2 / RATE_HZ < _WANTED_S + 0.5
    assert asked.pcm.count(bytes(2 * RATE_HZ)) == 0
    played = [each async for each in opening.requests()]
    assert played == [each async for each in sent(call)]


@pytest.mark.parametrize("sent", [_alone, _together])
async def test_who_says_nothing_at_first_is_not_asked_about(sent: _Sent) -> None:
    asked, call = _Asked(), _call(silent_s=LONGEST_S, spoken_s=3)
    opening = Opening(sent(call), RATE_HZ, _WANTED_S, asked)
    assert await opening.dialect() == ""
    assert asked.pcm == b""
