"""Owns the frames between the pool and a worker: a length, a kind, a stream, a payload.

Both ends are of one release and one machine, so there is no versioning; a frame that cannot be
read ends the worker, and the pool starts another.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from recognizer.syllables import Heard

_HEAD = struct.Struct("<IBI")
_LENGTH = struct.Struct("<I")
_RATE = struct.Struct("<I")
_SAMPLE = struct.Struct("<Q")
_LONGEST = 1 << 22


class Kind(IntEnum):
    """To the worker, then from it."""

    OPEN = 1  # payload: sample rate, then the state of the anchor that the leg is heard from
    AUDIO = 2  # payload: signed 16-bit little-endian mono
    FINISH = 3
    DROP = 4
    LOOK = 5  # stream: an errand's number; payload: a look
    AGAIN = 6  # stream: an errand's number; payload: sample rate, then audio
    MEASURE = 7  # payload: a byte, 1 where the loudness is wanted from here on, else 0
    READY = 16  # stream 0; payload: seconds of audio a decoding step
    PARTIAL = 17  # payload: what the utterance has become
    FINAL = 18  # the same, without words when it was silence
    POSITION = 19  # payload: seconds of the stream whose words have come out, and those taken
    CLOSED = 20  # everything of a finished stream has come out
    LOOKED = 21  # stream: the errand's number; payload: what was heard, if one could listen
    HEARD_AGAIN = 22  # stream: the errand's number; payload: words, emotion and language
    WORK = 23  # stream 0; payload: what the worker has done since its start
    ANCHOR = 24  # payload: a sample of the stream, then the state of the anchor that lies there


class Look(NamedTuple):
    """Phrases to listen for in a stretch of audio (signed 16-bit little-endian mono). Each phrase
    has its spellings in the model's units, and how probable they must be to count as heard."""

    rate_hz: int
    phrases: list[list[str]]
    thresholds: list[float]
    pcm: bytes


class Looked(NamedTuple):
    """The phrase that was heard, by its place in the list, -1 for none. `looked` is False where
    the model cannot listen for phrases; `cpu_s` is what it cost."""

    phrase: int
    confidence: float
    looked: bool
    cpu_s: float


class Work(NamedTuple):
    """Seconds of audio that were taken and of those that went through the model; seconds in which
    threads were at it; how often the model was asked, and for how many streams."""

    heard_s: float = 0.0
    decoded_s: float = 0.0
    decoding_s: float = 0.0
    steps: int = 0
    stream_steps: int = 0

    def plus(self, more: "Work") -> "Work":
        return Work(
            self.heard_s + more.heard_s,
            self.decoded_s + more.decoded_s,
            self.decoding_s + more.decoding_s,
            self.steps + more.steps,
            self.stream_steps + more.stream_steps,
        )


Frame = tuple[Kind, int, bytes]


def frame(kind: Kind, stream: int, payload: bytes = b"") -> bytes:
    return _HEAD.pack(len(payload), kind, stream) + payload


class Frames:
    """Cuts a byte stream into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, received: bytes) -> Iterator[Frame]:
        """The frames completed by `received`. Raises ValueError on what is no frame."""
        self._buffer += received
        while len(self._buffer) >= _HEAD.size:
            length, kind, stream = _HEAD.unpack_from(self._buffer)
            if length > _LONGEST:
                raise ValueError(f"a frame of {length} bytes")
            end = _HEAD.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[_HEAD.size : end])
            del self._buffer[:end]
            yield Kind(kind), stream, payload


def heard_payload(
    at_s: float, first: int, words: Sequence[Heard], loudness_db: float | None = None
) -> bytes:
    """What was heard of an utterance when the decoding was `at_s` seconds into the stream: its
    words from the `first` on, those before it staying as they were told; and how loud it was, once
    it has ended."""
    told = [(each.text, each.shown, round(each.start_s, 3)) for each in words]
    return json.dumps([at_s, first, told, loudness_db]).encode()


def heard_of(payload: bytes) -> tuple[float, int, list[Heard], float | None]:
    at_s, first, words, loudness_db = json.loads(payload)
    return at_s, first, [Heard(*each) for each in words], loudness_db


def work_payload(work: Work) -> bytes:
    return json.dumps(work).encode()


def work_of(payload: bytes) -> Work:
    return Work(*json.loads(payload))


def seconds_payload(seconds: float) -> bytes:
    return struct.pack("<d", seconds)


def position_payload(position_s: float, taken_s: float) -> bytes:
    return struct.pack("<dd", position_s, taken_s)


def position_of(payload: bytes) -> tuple[float, float]:
    """Up to where all words have come out, and up to where nothing waits for the model."""
    position_s, taken_s = struct.unpack("<dd", payload)
    return float(position_s), float(taken_s)


def seconds_of(payload: bytes) -> float:
    (seconds,) = struct.unpack("<d", payload)
    return float(seconds)


def with_rate_payload(rate_hz: int, more: bytes) -> bytes:
    return _RATE.pack(rate_hz) + more


def with_rate_of(payload: bytes) -> tuple[int, bytes]:
    return int(_RATE.unpack_from(payload)[0]), payload[_RATE.size :]


def anchor_payload(sample: int, state: bytes) -> bytes:
    return _SAMPLE.pack(sample) + state


def anchor_of(payload: bytes) -> tuple[int, bytes]:
    return int(_SAMPLE.unpack_from(payload)[0]), payload[_SAMPLE.size :]


def look_payload(look: Look) -> bytes:
    head = json.dumps([look.rate_hz, look.phrases, look.thresholds]).encode()
    return _LENGTH.pack(len(head)) + head + look.pcm


def look_of(payload: bytes) -> Look:
    (length,) = _LENGTH.unpack_from(payload)
    pcm_from = _LENGTH.size + length
    rate_hz, phrases, thresholds = json.loads(payload[_LENGTH.size : pcm_from])
    return Look(rate_hz, phrases, thresholds, payload[pcm_from:])


def looked_payload(looked: Looked) -> bytes:
    return json.dumps(looked).encode()


def looked_of(payload: bytes) -> Looked:
    return Looked(*json.loads(payload))


def heard_again_payload(words: Sequence[Heard], emotion: str, language: str) -> bytes:
    told = [(w.text, w.shown, round(w.start_s, 3)) for w in words]
    return json.dumps([told, emotion, language]).encode()


def heard_again_of(payload: bytes) -> tuple[list[Heard], str, str]:
    words, emotion, language = json.loads(payload)
    return [Heard(*each) for each in words], emotion, language
