"""Owns the gateway's end of a browser's WebRTC connection: both legs of a call as one stereo track,
the agent left, the customer right.

Made by `pages` for each page that is listened on; the sole user of aiortc besides `media.rtp`. It
only sends: what a browser sends is never read.
"""

import asyncio
from collections.abc import Callable
from fractions import Fraction
from typing import Final

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcconfiguration import RTCConfiguration
from av import AudioFrame

from gateway.media.reception import SAMPLE_RATE_HZ
from gateway.media.tap import FRAME, Tap

_FRAME_S: Final = FRAME / SAMPLE_RATE_HZ
_LATE_S: Final = 0.5
_GONE: Final = ("failed", "closed")


class LegsTrack(MediaStreamTrack):
    """50 frames a second out of a tap, on the clock: a late one is followed by an early one."""

    kind = "audio"

    def __init__(self, tap: Tap) -> None:
        super().__init__()
        self._tap = tap
        self._frames = 0
        self._began: float | None = None

    async def recv(self) -> AudioFrame:
        now = asyncio.get_running_loop().time()
        due = now if self._began is None else self._began + self._frames * _FRAME_S
        if self._began is None or now - due > _LATE_S:
            self._began = now - self._frames * _FRAME_S
        await asyncio.sleep(max(0.0, due - now))
        frame = AudioFrame(format="s16", layout="stereo", samples=FRAME)
        frame.planes[0].update(self._tap.read())
        frame.sample_rate = SAMPLE_RATE_HZ
        frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
        frame.pts = self._frames * FRAME
        self._frames += 1
        return frame


class Peer:
    """`gone` is called when the browser is. Close it."""

    def __init__(self, tap: Tap, gone: Callable[[], None]) -> None:
        self._track = LegsTrack(tap)
        # No STUN: the browser is on the site's own network, and nothing leaves it.
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))

        def changed() -> None:
            if self._connection.connectionState in _GONE:
                gone()

        self._connection.on("connectionstatechange", changed)

    async def answer(self, offer: str) -> str:
        """The answer to a browser's offer, both SDP. Raises ValueError: it is none for audio."""
        await self._connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        if not any(each.kind == "audio" for each in self._connection.getTransceivers()):
            raise ValueError("the offer has no audio")
        self._connection.addTrack(self._track)
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        return str(self._connection.localDescription.sdp)

    async def close(self) -> None:
        self._track.stop()
        await self._connection.close()
