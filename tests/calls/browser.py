"""A browser that listens: it opens the page behind a link and receives its audio over WebRTC, as
the page does."""

import asyncio
import json
from array import array
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler
from websockets.asyncio.client import ClientConnection, connect

from tests.calls.heard import strength


class Browser:
    """Use it in `async with`: it listens from then on."""

    def __init__(self, link: str, ssl: Any = None) -> None:
        self._link, self._ssl = link, ssl
        self._peer = RTCPeerConnection()
        self._heard = (array("h"), array("h"))
        self._receiving: asyncio.Task[None] | None = None
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> Self:
        self._peer.addTransceiver("audio", direction="recvonly")
        self._peer.on("track", self._track)
        await self._peer.setLocalDescription(await self._peer.createOffer())
        address = self._link.replace("http", "ws", 1)
        self._socket = await connect(address, ssl=self._ssl, proxy=None)
        await self._socket.send(json.dumps({"offer": self._peer.localDescription.sdp}))
        answer = json.loads(await self._socket.recv())["answer"]
        await self._peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._receiving:
            self._receiving.cancel()
        if self._socket:
            await self._socket.close()
        await self._peer.close()

    async def over(self) -> str:
        """Why the page says that it is over."""
        assert self._socket
        async with asyncio.timeout(10):
            return str(json.loads(await self._socket.recv())["over"])

    def heard(self, side: int, hertz: float) -> float:
        """How strong this tone was of late on the left (0) or the right (1)."""
        return strength(self._heard[side][-4000:].tobytes(), hertz)

    def seconds(self) -> float:
        return len(self._heard[0]) / 8000

    def _track(self, track: MediaStreamTrack) -> None:
        self._receiving = asyncio.get_running_loop().create_task(self._receive(track))

    async def _receive(self, track: MediaStreamTrack) -> None:
        resampler = AudioResampler(format="s16", layout="stereo", rate=8000)
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                for each in resampler.resample(frame):
                    both = array("h", bytes(each.planes[0])[: each.samples * 4])
                    self._heard[0].extend(both[0::2])
                    self._heard[1].extend(both[1::2])
