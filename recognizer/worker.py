"""A worker process: holds one copy of the model and decodes the streams that the pool gives it.

Started by `recognizer.pool` as a program, never forked. It ends when the pool's end of the socket
closes or the pool's process dies; whatever the engine does, it does it here. It imports only what
decoding needs.
"""

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from itertools import compress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

from recognizer import devices, wire
from recognizer.account import Account
from recognizer.decoding import Decoding
from recognizer.engine_stream import EngineStream
from recognizer.models.model import Model
from recognizer.segments import SegmentEngine, SegmentStream
from recognizer.sherpa import Engine
from recognizer.syllables import Heard
from recognizer.turns import Turns
from recognizer.wire import Kind, Work

if TYPE_CHECKING:
    from recognizer.again import SecondPass
    from recognizer.spotter import Spotter

_PR_SET_PDEATHSIG = 1
_NICER_BY = 5
"""Decoding gives way to whoever started it, and to the gate where it shares a box with it."""

_FLUSH_EVERY_S = 0.02
"""What was heard waits so long for company while there is more to decode: the pool's process wakes
once for all of it."""


class _Stream:
    """A stream and the frames that wait for it. `scheduled`: it stands in the queue or is being
    decoded, so that one thread at a time has it."""

    def __init__(self, number: int) -> None:
        self.number, self.rate_hz = number, 0
        self.inbox: deque[tuple[Kind, bytes]] = deque()
        self.scheduled = False
        self.arrived = self.wanted = 0
        """Samples that came, and how many make it worth a turn."""
        self.told_off = False
        """Whether the inbox holds something else than audio."""
        self.engine: EngineStream | SegmentStream | None = None
        self.finishing = self.dropped = False
        self.position = (0.0, 0.0)
        """Up to where its words were told, and its audio taken, in seconds."""
        self.words: list[Heard] = []
        """Of the utterance, as they were told."""

    @property
    def due(self) -> bool:
        return self.told_off or self.arrived >= self.wanted


_Answer = Callable[[float], tuple[Kind, bytes]]


class _Errand:
    """Work on audio that came with it; `steps` is set once what it needs is loaded, and returns
    the answer's kind and payload, given what it cost in CPU seconds."""

    def __init__(self, number: int, look: wire.Look | None = None) -> None:
        self.number, self.look = number, look
        self.steps: Generator[None, None, _Answer] | None = None
        self.cpu_s = 0.0


class _Engine(Protocol):
    """What both engines do with the streams that they made."""

    @property
    def step_s(self) -> float: ...

    def stream(
        self, rate_hz: int, *, skip_silence: bool, state: bytes
    ) -> EngineStream | SegmentStream: ...

    def step(self, streams: Sequence[Any]) -> list[bool]: ...


class Worker:
    """Reads frames on the calling thread and decodes on `threads` others, a step a stream in
    turn, so that a stream with much to catch up does not hold up the rest; with a model that
    batches, a step of several that are ready in one go."""

    def __init__(
        self,
        connection: socket.socket,
        model: Model,
        decoding: Decoding,
        second_pass: Model | None = None,
    ) -> None:
        self._connection = connection
        self._skip_silence = decoding.skip_silence
        with devices.as_asked(model.device):
            self._engine: _Engine = SegmentEngine(model) if model.in_segments else Engine(model, 1)
        self._streams: dict[int, _Stream] = {}
        self._turns: Turns[_Stream, _Errand] = Turns()
        self._errands: SimpleQueue[_Errand] = SimpleQueue()
        self._schedule = threading.Lock()
        self._sending = threading.Lock()
        self._unsent = bytearray()
        self._sent_at_s = 0.0
        self._threads = decoding.threads
        self._account = Account()
        self._model = model
        self._loader: threading.Thread | None = None
        self._second_pass = _loaded(second_pass) if second_pass else None
        if self._second_pass is None and isinstance(self._engine, SegmentEngine):
            self._second_pass = self._engine.whole

    def run(self) -> None:
        """Serves until the pool closes its end."""
        for _ in range(self._threads):
            threading.Thread(target=self._decode, daemon=True).start()
        self._write(wire.frame(Kind.READY, 0, wire.seconds_payload(self._engine.step_s)))
        self._flush()
        frames = wire.Frames()
        while received := self._connection.recv(1 << 16):
            for kind, number, payload in frames.feed(received):
                self._take(kind, number, payload)

    def _take(self, kind: Kind, number: int, payload: bytes) -> None:
        if kind is Kind.AGAIN:
            errand = _Errand(number)
            errand.steps = _again(self._second_pass, *wire.with_rate_of(payload))
            self._turns.put_errand(errand)
            return
        if kind is Kind.LOOK:
            self._errands.put(_Errand(number, wire.look_of(payload)))
            if self._loader is None:
                self._loader = threading.Thread(target=self._load_spotter, daemon=True)
                self._loader.start()
            return
        if kind is Kind.OPEN:
            self._streams[number] = _Stream(number)
        stream = self._streams.get(number)
        if stream is None:  # dropped or closed while the frame was under way
            return
        if kind is Kind.DROP:
            self._streams.pop(number, None)
        with self._schedule:
            stream.inbox.append((kind, payload))
            if kind is Kind.AUDIO:
                stream.arrived += len(payload) // 2
            else:
                stream.told_off = True
            if stream.scheduled or not stream.due:
                return
            stream.scheduled = True
        self._turns.put_stream(stream)

    def _decode(self) -> None:
        try:
            while True:
                if self._turns.empty or time.monotonic() - self._sent_at_s > _FLUSH_EVERY_S:
                    self._flush()
                stream = self._turns.next()
                if isinstance(stream, _Errand):
                    self._step(stream)
                    continue
                streams = [stream]
                if self._model.batch > 1:
                    streams += self._turns.others(self._model.batch - 1)
                began_s = time.monotonic()
                going_on = self._advance(streams)
                self._account.add(Work(decoding_s=time.monotonic() - began_s))
                at_rest = self._turns.empty and not self._streams
                if (work := self._account.news(at_rest=at_rest)) is not None:
                    self._write(wire.frame(Kind.WORK, 0, wire.work_payload(work)))
                with self._schedule:
                    for stream, more in zip(streams, going_on, strict=True):
                        stream.scheduled = not stream.dropped and (more or stream.due)
                    again = [each for each in streams if each.scheduled]
                for stream in again:
                    self._turns.put_stream(stream)
        except BaseException as error:  # the engine's state is unknown: the pool starts another
            print(f"decoding failed: {error}", file=sys.stderr, flush=True)
            os._exit(1)

    def _load_spotter(self) -> None:
        """In a thread of its own: live streams need not wait for it. Then hands errands on."""
        from recognizer.spotter import Spotter

        spotter: Spotter | None = None
        try:
            if self._model.spots:
                with devices.as_asked(self._model.device):
                    spotter = Spotter(self._model)
        except RuntimeError as error:
            print(f"no second looks: {error}", file=sys.stderr, flush=True)
        while True:
            errand = self._errands.get()
            errand.steps = _look(spotter, errand.look)
            self._turns.put_errand(errand)

    def _step(self, errand: _Errand) -> None:
        """One step of it, or its answer."""
        assert errand.steps is not None  # noqa: S101  # set before it was given a turn
        began_s = time.thread_time()
        try:
            next(errand.steps)
        except StopIteration as done:
            errand.cpu_s += time.thread_time() - began_s
            kind, payload = done.value(errand.cpu_s)
            self._write(wire.frame(kind, errand.number, payload))
        else:
            errand.cpu_s += time.thread_time() - began_s
            self._turns.put_errand(errand)

    def _advance(self, streams: Sequence[_Stream]) -> list[bool]:
        """Of each: takes what came, decodes one step, tells what was heard; of which audio still
        waits."""
        engines = [self._taken(each) for each in streams]
        hearing = [each for each in engines if each is not None]
        if len(hearing) > 1:
            stepped = self._engine.step(hearing)
        else:
            stepped = [each.step() for each in hearing]
        if any(stepped):
            decoded_s = sum(each.stepped_s for each in compress(hearing, stepped))
            self._account.add(Work(decoded_s=decoded_s, steps=1, stream_steps=sum(stepped)))
        each_stepped = iter(stepped)
        return [
            engine is not None and self._heard(stream, engine, stepped=next(each_stepped))
            for stream, engine in zip(streams, engines, strict=True)
        ]

    def _taken(self, stream: _Stream) -> EngineStream | SegmentStream | None:
        """Takes what came of it; None where nothing of it is to be heard."""
        while True:
            with self._schedule:
                inbox, stream.inbox, stream.told_off = stream.inbox, deque(), False
            if not inbox:
                break
            if any(kind is Kind.DROP for kind, _ in inbox):  # what came before it is not heard
                stream.dropped = True
                return None
            for kind, payload in inbox:
                self._apply(stream, kind, payload)
        return None if stream.dropped else stream.engine

    def _heard(
        self, stream: _Stream, engine: EngineStream | SegmentStream, *, stepped: bool
    ) -> bool:
        """Tells what was heard; whether audio still waits."""
        stream.wanted = engine.wanted
        moved = stepped or stream.position != (engine.analysed_s, engine.taken_s)
        if moved or engine.utterance_ended():
            self._tell(stream, engine)
        if stepped or engine.ready:  # a stretch may have been left for a later turn
            return True
        if stream.finishing:
            self._tell(stream, engine, closing=True)
            self._write(wire.frame(Kind.CLOSED, stream.number))
            stream.dropped = True
            self._streams.pop(stream.number, None)
        return False

    def _apply(self, stream: _Stream, kind: Kind, payload: bytes) -> None:
        if kind is Kind.OPEN:
            stream.rate_hz, state = wire.with_rate_of(payload)
            stream.engine = self._engine.stream(
                stream.rate_hz, skip_silence=self._skip_silence, state=state
            )
        elif stream.engine is not None and kind is Kind.AUDIO:
            self._account.add(Work(heard_s=len(payload) / 2 / stream.rate_hz))
            stream.engine.accept(payload)
        elif stream.engine is not None and kind is Kind.MEASURE:
            stream.engine.measured = payload != b"\0"
        elif stream.engine is not None and kind is Kind.FINISH:
            stream.engine.finish()
            stream.finishing = True

    def _tell(
        self, stream: _Stream, engine: EngineStream | SegmentStream, *, closing: bool = False
    ) -> None:
        at_s = engine.analysed_s
        ended = closing or engine.utterance_ended()
        heard = engine.heard(even_if_same=ended)
        told = b""
        if heard is not None:
            first = _same(stream.words, heard)
            stream.words = heard
            loudness_db = engine.loudness_db(heard) if ended else None
            payload = wire.heard_payload(at_s, first, heard[first:], loudness_db)
            told = wire.frame(Kind.FINAL if ended else Kind.PARTIAL, stream.number, payload)
        if ended:
            stream.words = []
            engine.begin_utterance()
            at_s = engine.analysed_s
        position = (at_s, engine.taken_s)
        if position != stream.position:
            stream.position = position
            told += wire.frame(Kind.POSITION, stream.number, wire.position_payload(*position))
        anchor = engine.anchor()
        if anchor is not None:
            told += wire.frame(Kind.ANCHOR, stream.number, wire.anchor_payload(*anchor))
        self._write(told)

    def _write(self, frames: bytes) -> None:
        with self._sending:
            self._unsent += frames

    def _flush(self) -> None:
        """All at once, so that the pool's process wakes once for them."""
        with self._sending:
            self._sent_at_s = time.monotonic()
            if self._unsent:
                self._connection.sendall(self._unsent)
                self._unsent.clear()


def _same(told: list[Heard], heard: list[Heard]) -> int:
    """How many words stay as they were told: all, or all but the last, which may go on."""
    same = min(len(told), len(heard))
    while same and told[same - 1] != heard[same - 1]:
        same -= 1
    return same


def _loaded(model: Model) -> "SecondPass":
    from recognizer.again import SecondPass

    with devices.as_asked(model.device):
        return SecondPass(model)


def _look(spotter: "Spotter | None", look: wire.Look | None) -> Generator[None, None, _Answer]:
    """Not looked where there is no spotter, or for a unit that its model does not have."""
    phrase, confidence, looked = -1, 0.0, False
    if spotter is not None and look is not None:
        try:
            phrase, confidence = yield from spotter.listen(look)
            looked = True
        except ValueError:  # a unit of another model's: the engine was not asked
            looked = False
    return lambda cpu_s: (
        Kind.LOOKED,
        wire.looked_payload(wire.Looked(phrase, confidence, looked, cpu_s)),
    )


def _again(
    second_pass: "SecondPass | None", rate_hz: int, pcm: bytes
) -> Generator[None, None, _Answer]:
    words, emotion, language = list[Heard](), "", ""
    if second_pass is not None:
        words, emotion, language = yield from second_pass.hear(rate_hz, pcm)
    return lambda _: (Kind.HEARD_AGAIN, wire.heard_again_payload(words, emotion, language))


def main(arguments: list[str]) -> None:
    """`worker.py FD PARENT_PID DECODING_JSON MODEL_JSON [SECOND_PASS_JSON]`."""
    descriptor, parent = (int(each) for each in arguments[:2])
    decoding = Decoding.from_json(arguments[2])
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        return
    for ignored in (signal.SIGINT, signal.SIGTERM):  # the pool says when to end
        signal.signal(ignored, signal.SIG_IGN)
    os.nice(_NICER_BY)
    if decoding.core is not None:
        os.sched_setaffinity(0, {decoding.core})
    with socket.socket(fileno=descriptor) as connection:
        try:
            second_pass = Model.from_json(arguments[4]) if arguments[4:] else None
            Worker(connection, Model.from_json(arguments[3]), decoding, second_pass).run()
        except OSError as error:
            print(f"the pool is gone: {error}", file=sys.stderr, flush=True)
        except RuntimeError as error:  # the engine's, or that of a device it cannot have
            print(error, file=sys.stderr, flush=True)
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
