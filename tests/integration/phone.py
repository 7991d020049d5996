"""A telephone that can be listened to: SIP and RTP of one call, a tone into it, and every sample
that came out of it.

sipp plays and hangs up; what a party hears, it does not tell.
"""

import asyncio
import random
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np

from tests.calls.heard import strength, tone

HOST = "127.0.0.1"
_FRAME = 160
_SECOND = 8000


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, phone: "Phone", *, media: bool) -> None:
        self._take = phone._rtp if media else phone._sip
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._take(data, addr)

    def connection_lost(self, _: Exception | None) -> None:
        self.closed.set_result(None)


class Phone:
    """One phone for one call: it `dial`s, or answers whoever calls it. Use it in `async with`.

    `declines`: it gives 486 in place of an answer. `rings`: it only rings."""

    def __init__(
        self, hertz: float, port: int = 0, *, declines: bool = False, rings: bool = False
    ) -> None:
        self.port = port
        self._frames = _mu_law(tone(hertz, 1.0))
        self._declines, self._rings = declines, rings
        self._heard = bytearray()
        self._tag = f"{random.getrandbits(32):08x}"
        self._invite: dict[str, str] = {}
        self._theirs = self._ours = ""
        self._target = ""
        self._peer: Any = None
        self._media: tuple[str, int] | None = None
        self._speaking: asyncio.Task[None] | None = None
        self.ringing, self.up, self.over = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._sip_line, sip = await loop.create_datagram_endpoint(
            lambda: _Socket(self, media=False), local_addr=(HOST, self.port)
        )
        self._rtp_line, rtp = await loop.create_datagram_endpoint(
            lambda: _Socket(self, media=True), local_addr=(HOST, 0)
        )
        self.port = int(self._sip_line.get_extra_info("sockname")[1])
        self._closed = asyncio.gather(sip.closed, rtp.closed)
        self._rtp_port = int(self._rtp_line.get_extra_info("sockname")[1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hang_up()
        if self._speaking:
            self._speaking.cancel()
        self._sip_line.close()
        self._rtp_line.close()
        await self._closed

    def dial(self, number: str, port: int, headers: Mapping[str, str]) -> None:
        """Calls `number` at the PBX on this port."""
        self._peer = (HOST, port)
        self._target = f"sip:{number}@{HOST}:{port}"
        self._ours = f"<sip:agent@{HOST}:{self.port}>;tag={self._tag}"
        self._theirs = f"<{self._target}>"
        self._invite = {"call-id": f"{self._tag}@{HOST}"}
        self._request("INVITE", headers, self._sdp(), cseq=1)

    def hang_up(self) -> None:
        if self.up.is_set() and not self.over.is_set():
            self._request("BYE", {}, "", cseq=2)
            self.over.set()

    def heard(self, hertz: float, last_s: float = 1.0) -> float:
        """How strong this tone was in what came in of late."""
        coded = np.frombuffer(self._heard[-round(last_s * _SECOND) :], dtype=np.uint8)
        return strength(_LINEAR[coded].tobytes(), hertz)

    def received_s(self) -> float:
        return len(self._heard) / _SECOND

    def _sip(self, data: bytes, peer: Any) -> None:
        head, _, body = data.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        fields = [(name.strip().lower(), value.strip()) for name, _, value in
                  (each.partition(":") for each in lines)]  # fmt: skip
        headers = dict(reversed(fields))
        if first.startswith("SIP/2.0"):
            self._answered(int(first.split()[1]), headers, body)
            return
        method = first.split()[0]
        if method == "INVITE":
            self._called(fields, headers, body, peer)
        elif method in ("BYE", "CANCEL"):
            self.over.set()
            self._respond(200, "OK", fields, peer)
        elif method == "ACK":
            if not self._declines:
                self._begin()
        else:
            self._respond(200, "OK", fields, peer)

    def _called(
        self, fields: list[tuple[str, str]], headers: dict[str, str], body: str, peer: Any
    ) -> None:
        self._peer, self._invite = peer, headers
        self._target = _uri(headers["contact"])
        self._ours, self._theirs = f"{headers['to']};tag={self._tag}", headers["from"]
        self._media = _media(body)
        self.ringing.set()
        if self._declines:
            self._respond(486, "Busy Here", fields, peer)
            self.over.set()
            return
        self._respond(180, "Ringing", fields, peer)
        if not self._rings:
            self._respond(200, "OK", fields, peer, self._sdp())

    def _answered(self, status: int, headers: dict[str, str], body: str) -> None:
        if "INVITE" not in headers["cseq"]:
            return
        if status == 180:
            self.ringing.set()
        if status < 200:
            return
        self._theirs = headers["to"]
        if status == 200:
            self._target = _uri(headers["contact"])
            self._media = _media(body)
            self._begin()
        else:
            self.over.set()
        self._request("ACK", {}, "", cseq=1)

    def _begin(self) -> None:
        if not self.up.is_set():
            self.up.set()
            self._speaking = asyncio.get_running_loop().create_task(self._speak())

    async def _speak(self) -> None:
        """50 packets a second on the clock, so that a late one is followed by an early one."""
        loop = asyncio.get_running_loop()
        began, ssrc = loop.time(), random.getrandbits(32)
        for number in range(1 << 16):
            at = number * _FRAME
            payload = self._frames[at % _SECOND :][:_FRAME]
            head = b"\x80\x00" + number.to_bytes(2, "big") + at.to_bytes(4, "big")
            self._rtp_line.sendto(head + ssrc.to_bytes(4, "big") + payload, self._media)
            await asyncio.sleep(max(0.0, began + (number + 1) * 0.02 - loop.time()))

    def _rtp(self, data: bytes, _: Any) -> None:
        self._heard += data[12:]

    def _request(self, method: str, more: Mapping[str, str], body: str, *, cseq: int) -> None:
        branch = f"z9hG4bK{random.getrandbits(48):012x}"
        lines = [
            f"{method} {self._target} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self.port};branch={branch};rport",
            f"From: {self._ours}",
            f"To: {self._theirs}",
            f"Call-ID: {self._invite['call-id']}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:phone@{HOST}:{self.port}>",
            "Max-Forwards: 70",
            *(f"{name}: {value}" for name, value in more.items()),
        ]
        self._send(lines, body, self._peer)

    def _respond(
        self, status: int, phrase: str, fields: list[tuple[str, str]], peer: Any, body: str = ""
    ) -> None:
        headers = dict(reversed(fields))
        to = headers["to"] if "tag=" in headers["to"] else f"{headers['to']};tag={self._tag}"
        lines = [
            f"SIP/2.0 {status} {phrase}",
            *(f"Via: {value}" for name, value in fields if name == "via"),
            f"From: {headers['from']}",
            f"To: {to}",
            f"Call-ID: {headers['call-id']}",
            f"CSeq: {headers['cseq']}",
            f"Contact: <sip:phone@{HOST}:{self.port}>",
        ]
        self._send(lines, body, peer)

    def _send(self, lines: list[str], body: str, peer: Any) -> None:
        kind = ["Content-Type: application/sdp"] if body else []
        head = "\r\n".join([*lines, *kind, f"Content-Length: {len(body)}"])
        self._sip_line.sendto(f"{head}\r\n\r\n{body}".encode(), peer)

    def _sdp(self) -> str:
        return (
            f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {self._rtp_port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n"
        )


def _uri(contact: str) -> str:
    found = re.search(r"<([^>]+)>", contact)
    return found.group(1) if found else contact


def _media(sdp: str) -> tuple[str, int]:
    host = re.search(r"c=IN IP4 (\S+)", sdp)
    port = re.search(r"m=audio (\d+)", sdp)
    assert host
    assert port
    return host.group(1), int(port.group(1))


def _linear(coded: int) -> int:
    """The sample that a byte of mu-law stands for (ITU-T G.711)."""
    inverted = ~coded & 0xFF
    magnitude = (((inverted & 0x0F) << 3) + 0x84) << ((inverted & 0x70) >> 4)
    return 0x84 - magnitude if inverted & 0x80 else magnitude - 0x84


_LINEAR = np.array([_linear(each) for each in range(256)], dtype="<i2")
_ASCENDING = np.argsort(_LINEAR, kind="stable")


def _mu_law(samples: bytes) -> bytes:
    above = np.searchsorted(_LINEAR[_ASCENDING], np.frombuffer(samples, dtype="<i2"))
    return bytes(_ASCENDING[np.minimum(above, 255)].astype(np.uint8))
