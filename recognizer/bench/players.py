"""Owns the load of a measurement: legs of calls that speak in real time, to the recognizer over
gRPC or to sherpa-onnx's websocket server, and how late each word came back.

Run as a program of its own, so that it costs the recognizer as little as it can:
`players.py SPEECH_JSON`; prints a line when all speak and one when they have spoken, then what came
of it as JSON. The lag of a word is the time from the moment the message with its first sample was
sent to the moment the first result that has the word came; the model's own look-ahead is part of
it. It is measured alike at both servers.
"""

import asyncio
import base64
import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import grpc.aio
import numpy as np

from callwarden import transport
from callwarden.figures import percentile
from callwarden.settings import Tls
from callwarden.v1 import conversation_pb2, recognition_pb2
from recognizer.waveform import waveform

_LEGS = (conversation_pb2.LEG_AGENT, conversation_pb2.LEG_CUSTOMER)
_LAST_WORDS_S = 12.0
"""How long after the end late words are waited for."""
_APART_S = 7.3
"""How far from another two players of the same leg are."""
Server = Literal["recognizer", "websocket-server"]


@dataclass(frozen=True)
class Speech:
    """Who speaks what to whom. `legs` are files of signed 16-bit little-endian mono, the two legs
    of a call one after the other. The calls begin one by one over `warm_s` seconds, of which
    nothing is counted, and then all speak for `seconds` more."""

    server: Server
    port: int
    streams: int
    warm_s: float
    seconds: float
    message_ms: int
    rate_hz: int
    legs: list[str]
    scenes: list[str]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def message_s(self) -> float:
        return self.message_ms / 1000


@dataclass(frozen=True)
class Lags:
    """Of the words of one run, in seconds; `cpu_s` and `late_s` are the players' own: what they
    cost while all spoke, and how late their messages left (p95)."""

    words: int
    p50_s: float
    p95_s: float
    longest_s: float
    cpu_s: float
    late_s: float


@dataclass
class _Player:
    """One connection's, a call or a leg: when its messages left and what came when."""

    sent_s: list[float] = field(default_factory=list)
    came: list[tuple[float, bytes]] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)

    async def pace(self, speech: Speech, at: int) -> AsyncIterator[int]:
        """Each message's number when its last sample has been spoken."""
        turn = at / speech.streams
        began = time.monotonic() + (speech.warm_s + speech.message_s) * turn
        spoken_s = speech.warm_s * (1 - turn) + speech.seconds
        for number in range(round(spoken_s / speech.message_s)):
            due = began + (number + 1) * speech.message_s
            await asyncio.sleep(due - time.monotonic())
            now = time.monotonic()
            self.sent_s.append(now)
            self.late_s.append(now - due)
            yield number


class _Leg:
    """A leg that is played again and again, from a place of its own."""

    def __init__(self, speech: Speech, at: int) -> None:
        pcm = np.fromfile(speech.legs[at % len(speech.legs)], dtype="<i2")
        lap = at // len(speech.legs)
        self._pcm = np.roll(pcm, -round(lap * _APART_S * speech.rate_hz))
        self.samples = round(speech.message_s * speech.rate_hz)

    def block(self, number: int) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
        first = number * self.samples % len(self._pcm)
        block = self._pcm[first : first + self.samples]
        if len(block) < self.samples:
            block = np.concatenate((block, self._pcm[: self.samples - len(block)]))
        return block


_Listen = grpc.aio.StreamStreamMultiCallable[recognition_pb2.ListenRequest, bytes]


@contextlib.asynccontextmanager
async def _listening(speech: Speech) -> AsyncIterator[_Listen]:
    """One channel for all calls, as a gateway has it; what comes is read when all is over."""
    async with transport.channel_to(f"127.0.0.1:{speech.port}", Tls()) as channel:
        service = recognition_pb2.DESCRIPTOR.services_by_name["Recognition"].full_name
        yield channel.stream_stream(
            f"/{service}/Listen",
            request_serializer=recognition_pb2.ListenRequest.SerializeToString,
            response_deserializer=bytes,
        )


async def _call(speech: Speech, at: int, player: _Player, listen: _Listen) -> None:
    """Two legs over one stream of the recognizer's."""
    legs = [_Leg(speech, 2 * at), _Leg(speech, 2 * at + 1)]

    async def requests() -> AsyncIterator[recognition_pb2.ListenRequest]:
        scene = speech.scenes[at % len(speech.scenes)]
        yield recognition_pb2.ListenRequest(
            start=recognition_pb2.CallStart(
                call_id=f"bench-{at}", scene=scene, sample_rate_hz=speech.rate_hz
            )
        )
        async for number in player.pace(speech, 2 * at):
            together = recognition_pb2.AudioPieces()
            for name, leg in zip(_LEGS, legs, strict=True):
                first, pcm = number * leg.samples, leg.block(number).tobytes()
                together.audio.add(leg=name, first_sample=first, samples=pcm)
            yield recognition_pb2.ListenRequest(pieces=together)
        yield recognition_pb2.ListenRequest(end=recognition_pb2.CallEnd())

    async for response in listen(requests()):
        player.came.append((time.monotonic(), response))


def _words_of_call(player: _Player) -> Iterator[tuple[float, float]]:
    """Second of the leg at which each word begins, and when it came."""
    known: dict[str, int] = {}
    for came, message in player.came:
        told = recognition_pb2.ListenResponse.FromString(message).utterance
        for start_s in told.token_starts_s[known.get(told.utterance_id, 0) :]:
            yield start_s, came
        if told.utterance_id:
            known[told.utterance_id] = len(told.token_starts_s)


async def _leg(speech: Speech, at: int, player: _Player) -> None:
    """One leg over a websocket of its own, as the server's own client speaks to it: samples as
    32-bit floats, then the word Done."""
    leg = _Leg(speech, at)
    reader, writer = await asyncio.open_connection("127.0.0.1", speech.port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{speech.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")

    async def send() -> None:
        async for number in player.pace(speech, at):
            samples = waveform(leg.block(number))
            writer.write(_frame(2, samples.tobytes()))
        writer.write(_frame(1, b"Done"))

    sending = asyncio.create_task(send())
    try:
        while True:
            head = await reader.readexactly(2)
            length = head[1] & 127
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2), "big")
            elif length == 127:
                length = int.from_bytes(await reader.readexactly(8), "big")
            payload = await reader.readexactly(length)
            if head[0] & 15 == 8 or payload.startswith(b"Done"):
                break
            player.came.append((time.monotonic(), payload))
    except asyncio.IncompleteReadError:  # it closes the connection without a word
        pass
    finally:
        sending.cancel()
        writer.close()


def _frame(kind: int, payload: bytes) -> bytes:
    """A client's frame. Its mask of zeros leaves the payload as it is, and costs nothing."""
    length = len(payload)
    size = bytes([128 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    return bytes([128 | kind]) + size + bytes(4) + payload


def _words_of_leg(player: _Player) -> Iterator[tuple[float, float]]:
    known: dict[int, int] = {}
    for came, message in player.came:
        told: dict[str, Any] = json.loads(message)
        segment, start_s = told["segment"], told["start_time"]
        for after_s in told["timestamps"][known.get(segment, 0) :]:
            yield start_s + after_s, came
        known[segment] = max(known.get(segment, 0), len(told["timestamps"]))


async def play(speech: Speech) -> Lags:
    """All legs, side by side. Raises OSError, grpc.aio.AioRpcError when the server is not there."""
    all_speak = time.monotonic() + speech.warm_s
    calls = speech.server == "recognizer"
    count = speech.streams // 2 if calls else speech.streams
    players = [_Player() for _ in range(count)]
    async with contextlib.AsyncExitStack() as open_until_the_end:
        if calls:
            listen = await open_until_the_end.enter_async_context(_listening(speech))
            plays = [_call(speech, at, each, listen) for at, each in enumerate(players)]
        else:
            plays = [_leg(speech, at, each) for at, each in enumerate(players)]
        tasks = [asyncio.create_task(each) for each in plays]
        await asyncio.wait(tasks, timeout=speech.warm_s)
        cpu_s = _cpu_s()
        print("all speak", flush=True)
        await asyncio.wait(tasks, timeout=speech.seconds)
        cpu_s = _cpu_s() - cpu_s
        print("they have spoken", flush=True)
        _, late = await asyncio.wait(tasks, timeout=_LAST_WORDS_S)
        ended = time.monotonic()
        for task in late:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
    lags: list[float] = []
    for player in players:
        for start_s, came in (_words_of_call if calls else _words_of_leg)(player):
            message = min(int(start_s / speech.message_s), len(player.sent_s) - 1)
            if player.sent_s[message] >= all_speak:
                lags.append(came - player.sent_s[message])
    # Who has not told all its words by now is as late as we waited.
    lags += [ended - all_speak - speech.seconds] * len(late)
    return Lags(
        words=len(lags),
        p50_s=percentile(lags, 0.5),
        p95_s=percentile(lags, 0.95),
        longest_s=max(lags, default=0.0),
        cpu_s=cpu_s,
        late_s=percentile([each for player in players for each in player.late_s], 0.95),
    )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(arguments: list[str]) -> None:
    speech = Speech(**json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    print(json.dumps(asdict(asyncio.run(play(speech)))))


if __name__ == "__main__":
    main(sys.argv[1:])
