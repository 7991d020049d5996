"""Owns the reception of a leg's audio as RTP, for an Asterisk without chan_websocket.

Used by `fork` through `Line`; the sole user of aiortc here: its packets, jitter buffer and G.711.
A line listens on a UDP port of its own and hears only the first sender it hears from. Places come
from RTP timestamps: a packet that never came is a gap (with the one before it, which aiortc's
buffer cannot tell to be whole), one that came late is put in order.
"""

import asyncio
from array import array
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from aiortc.codecs.g711 import PcmaDecoder, PcmDecoder, PcmuDecoder
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket

from callwarden.settings import Media, split_address
from gateway.media.reception import SAMPLE_RATE_HZ, Reception

_log = structlog.get_logger(__name__)

_JITTER_PACKETS: Final = 8
"""160 ms of packets: what a missing one may hold up those behind it. A power of two."""
_RESTARTED_S: Final = 10
"""A jump of the timestamps beyond this is a stream begun anew, not lost packets."""
_TIMESTAMPS: Final = 1 << 32


def _g711(decoder: PcmDecoder) -> Callable[[JitterFrame], bytes]:
    return lambda frame: b"".join(
        bytes(decoded.planes[0])[: decoded.samples * 2]  # type: ignore[attr-defined]  # aiortc types audio frames as Frame
        for decoded in decoder.decode(frame)
    )


def _l16(frame: JitterFrame) -> bytes:
    samples = array("h", frame.data[: len(frame.data) // 2 * 2])
    samples.byteswap()
    return samples.tobytes()


class RtpStream:
    """Packets of one leg, as they come, into its reception."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._ssrc: int | None = None
        self._newest: RtpPacket | None = None
        self._buffer = JitterBuffer(capacity=_JITTER_PACKETS)
        self._expected: int | None = None
        # RFC 3551: 0 and 8 are G.711. Asterisk's own for 8 kHz linear: 10, 11 and 118.
        self._decoders: dict[int, Callable[[JitterFrame], bytes]] = {
            0: _g711(PcmuDecoder()),
            8: _g711(PcmaDecoder()),
            10: _l16,
            11: _l16,
            118: _l16,
        }

    def datagram(self, datagram: bytes) -> None:
        """Takes a datagram; what is not RTP of a known payload is dropped."""
        try:
            packet = RtpPacket.parse(datagram)
        except ValueError:
            return
        decode = self._decoders.get(packet.payload_type)
        if decode is None or not packet.payload:
            return
        if packet.ssrc != self._ssrc:
            self._begin(packet.ssrc)
        packet._data = packet.payload  # type: ignore[attr-defined]  # where JitterBuffer reads it
        newest = self._newest
        if newest is None or _ahead(packet.sequence_number, newest.sequence_number, 1 << 16) > 0:
            self._newest = newest = packet
        frame = self._buffer.add(packet)[1]
        while frame is not None:
            self._place(frame, decode)
            # The buffer hands out one frame a packet; a repeated packet asks for the next, so that
            # a gap does not leave the rest of the call late.
            frame = self._buffer.add(newest)[1]

    def _begin(self, ssrc: int) -> None:
        self._ssrc, self._newest, self._expected = ssrc, None, None
        self._buffer = JitterBuffer(capacity=_JITTER_PACKETS)
        self._reception.interrupted()

    def _place(self, frame: JitterFrame, decode: Callable[[JitterFrame], bytes]) -> None:
        samples = decode(frame)
        skipped = 0
        if self._expected is not None:
            skipped = _ahead(frame.timestamp, self._expected, _TIMESTAMPS)
            if not 0 <= skipped <= _RESTARTED_S * SAMPLE_RATE_HZ:
                self._reception.interrupted()
                skipped = 0
        self._expected = (frame.timestamp + len(samples) // 2) % _TIMESTAMPS
        self._reception.arrived(samples, skipped)


def _ahead(one: int, other: int, modulus: int) -> int:
    """How far `one` is ahead of `other` (negative: behind) where counting wraps at `modulus`."""
    difference = (one - other) % modulus
    return difference - modulus if difference >= modulus // 2 else difference


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, stream: RtpStream) -> None:
        self._stream = stream
        self._sender: Any = None

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self._sender is None:
            self._sender = addr
        if addr == self._sender:
            self._stream.datagram(data)


class RtpLine:
    """A UDP port that hears one leg. RTP says nothing of its end: `fork` notices the silence."""

    def __init__(self, host: str, port: int, transport: asyncio.DatagramTransport) -> None:
        self.port = port
        self.parameters: Mapping[str, str] = {
            "external_host": f"{host}:{port}",
            "encapsulation": "rtp",
            "transport": "udp",
            "format": "ulaw",
        }
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._transport = transport

    async def close(self) -> None:
        if not self.lost.done():
            self.lost.set_result("closed")
        self._transport.close()


class RtpMedia:
    """Hands out ports of the configured range, each in turn, even ones as RTP has it."""

    def __init__(self, media: Media) -> None:
        self._host, _ = split_address(media.listen)
        first, last = media.rtp_ports
        self._ports = range(first + first % 2, last + 1, 2)
        self._next = 0

    async def start(self) -> None:
        """Nothing to hold before a call is up."""

    async def open(self, reception: Reception) -> RtpLine:
        """Raises OSError when no port of the range is free."""
        loop = asyncio.get_running_loop()
        for _ in self._ports:
            port = self._ports[self._next % len(self._ports)]
            self._next += 1
            try:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: _Socket(RtpStream(reception)), local_addr=(self._host, port)
                )
            except OSError:
                continue
            return RtpLine(self._host, port, transport)
        raise OSError(f"no free UDP port in media.rtp_ports {self._ports[0]}–{self._ports[-1]}")

    async def close(self) -> None:
        """Every line is closed by the fork it belongs to."""
