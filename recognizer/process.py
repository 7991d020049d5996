"""Owns one worker process: starting it, frames to and from it, its end.

Called by the pool. The process is started as a program over a socket pair, and is gone when
`ended` is set, whatever ended it.
"""

import asyncio
import os
import socket
import sys
from collections import deque
from collections.abc import Callable
from typing import cast

from recognizer import devices, wire
from recognizer.decoding import Decoding
from recognizer.models.model import Model
from recognizer.wire import Frame, Kind, Work

START_LIMIT_S = 120.0
_END_LIMIT_S = 2.0
_SENT_AFTER_S = 0.01
"""What is sent waits so long for company: a worker wakes once for the audio of many legs."""
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1"}


class WorkerFailed(Exception):
    """A worker ended before it served; the text holds the engine's last words."""


class WorkerProcess:
    """A worker. `take` gets each frame that is about a stream, in the order it was sent."""

    def __init__(self, take: Callable[["WorkerProcess", Frame], None]) -> None:
        self._take = take
        self._last_words: deque[str] = deque(maxlen=5)
        self._unsent: list[bytes] = []
        self._sending: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._process: asyncio.subprocess.Process
        self._writer: asyncio.StreamWriter
        self.step_s = 0.0
        """Audio a decoding step; 0 while the worker does not serve."""
        self.work = Work()
        """What it has done, as it told last."""
        self.ended = asyncio.Event()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def start(
        self, model: Model, decoding: Decoding, second_pass: Model | None = None
    ) -> None:
        """Returns when the models are loaded. Raises WorkerFailed."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "recognizer.worker"),
                *(str(theirs.fileno()), str(os.getpid()), decoding.to_json(), model.to_json()),
                *([second_pass.to_json()] if second_pass else []),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=os.environ | _ENVIRONMENT | devices.environment(model.device),
            )
        reader, self._writer = await asyncio.open_connection(sock=ours)
        served = asyncio.get_running_loop().create_future()
        self._tasks = [
            asyncio.create_task(self._read(reader, served)),
            asyncio.create_task(self._listen_to_stderr()),
        ]
        try:
            # Not wait_for: before Python 3.12 it forgets a cancellation that meets the answer, and
            # the pool's end would wait for ever for who forgot it.
            async with asyncio.timeout(START_LIMIT_S):
                await served
        except TimeoutError:
            await self.close()
            raise WorkerFailed(f"the model did not load within {START_LIMIT_S:.0f} s") from None
        except asyncio.CancelledError:
            self._kill()
            raise

    def send(self, kind: Kind, stream: int, payload: bytes = b"") -> None:
        """Soon, and in the order it was called."""
        if self.ended.is_set():
            return
        self._unsent.append(wire.frame(kind, stream, payload))
        if self._sending is None:
            self._sending = asyncio.get_running_loop().call_later(_SENT_AFTER_S, self._send_all)

    def _send_all(self) -> None:
        self._sending = None
        if not self.ended.is_set():
            self._writer.write(b"".join(self._unsent))
        self._unsent.clear()

    async def close(self) -> None:
        """Ends the process: by closing the socket, by force if that does not do."""
        if self._sending is not None:
            self._sending.cancel()
        self._writer.close()
        await self.ended.wait()

    async def _end(self) -> int:
        """The exit code. A worker ends when its socket is closed; else it is killed."""
        try:
            async with asyncio.timeout(_END_LIMIT_S):
                return await self._process.wait()
        except TimeoutError:
            self._kill()
            return await self._process.wait()

    def _kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()

    async def _read(self, reader: asyncio.StreamReader, served: "asyncio.Future[None]") -> None:
        frames = wire.Frames()
        try:
            while received := await reader.read(1 << 16):
                for each in frames.feed(received):
                    if each[0] is Kind.READY:
                        self.step_s = wire.seconds_of(each[2])
                        if not served.done():
                            served.set_result(None)
                    elif each[0] is Kind.WORK:
                        self.work = wire.work_of(each[2])
                    else:
                        self._take(self, each)
        except (OSError, ValueError):  # the worker died in the middle of a frame
            pass
        finally:
            code = await self._end()
            self._writer.close()
            if not served.done():
                await asyncio.wait(self._tasks[1:], timeout=1)
                why = " / ".join(self._last_words) or "it said nothing"
                served.set_exception(WorkerFailed(f"the engine ended ({code}): {why}"))
            self.ended.set()

    async def _listen_to_stderr(self) -> None:
        """Keeps the last lines; the engine writes a few for each stream, of no use to anybody."""
        stderr = cast(asyncio.StreamReader, self._process.stderr)
        while line := await stderr.readline():
            text = line.decode(errors="replace").strip()
            if text:
                self._last_words.append(text)
