"""Audio by RTP: real packets over a real socket, and what networks do to them."""

import random
import socket
from array import array
from collections.abc import AsyncIterator, Iterator

import pytest
from aiortc.codecs.g711 import PcmuEncoder
from aiortc.rtp import RtpPacket
from av import AudioFrame

from callwarden.settings import Media
from gateway.media.reception import CallClock, Reception
from gateway.media.rtp import RtpLine, RtpMedia, RtpStream
from policy.speech.utterance import Leg
from tests.calls.heard import Heard, strength, tone, until

_SEQUENCE = 65_500
_TIMESTAMP = (1 << 32) - 4000  # both wrap within the test


def _mu_law(samples: bytes) -> bytes:
    frame = AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
    frame.planes[0].update(samples)
    frame.sample_rate, frame.pts = 8000, 0
    return b"".join(PcmuEncoder().encode(frame)[0])


def _packets(
    samples: bytes, *, payload_type: int = 0, ssrc: int = 7, first: int = 0
) -> Iterator[RtpPacket]:
    width = 1 if payload_type in (0, 8) else 2
    if payload_type == 0:
        samples = _mu_law(samples)
    for index in range(len(samples) // (160 * width)):
        yield RtpPacket(
            payload_type=payload_type,
            sequence_number=(_SEQUENCE + first + index) % 65_536,
            timestamp=(_TIMESTAMP + 160 * (first + index)) % (1 << 32),
            ssrc=ssrc,
            payload=samples[index * 160 * width : (index + 1) * 160 * width],
        )


def _through(packets: list[RtpPacket]) -> Heard:
    heard = Heard()
    stream = RtpStream(Reception(Leg.AGENT, CallClock(), heard))
    for packet in packets:
        stream.datagram(packet.serialize())
    return heard


def _steps(heard: Heard) -> list[int]:
    return [b - a for a, b in zip(heard.places, heard.places[1:], strict=False)]


def test_mu_law_is_heard_in_order_across_both_wraps() -> None:
    heard = _through(list(_packets(tone(440, 2.0))))
    assert _steps(heard) == [160] * 98  # the last packet waits for the next
    assert strength(heard.samples, 440) == pytest.approx(8000, rel=0.05)


def test_linear_samples_change_their_byte_order_only() -> None:
    spoken = tone(440, 0.2)
    swapped = array("h", spoken)
    swapped.byteswap()
    heard = _through(list(_packets(swapped.tobytes(), payload_type=118)))
    assert heard.samples == spoken[: len(heard.samples)]


def test_packets_out_of_order_are_put_in_order() -> None:
    packets = list(_packets(tone(440, 2.0)))
    for index in range(2, 90, 5):
        packets[index], packets[index + 2] = packets[index + 2], packets[index]
    heard = _through(packets)
    assert _steps(heard) == [160] * 98
    assert strength(heard.samples, 440) == pytest.approx(8000, rel=0.05)


def test_lost_packets_are_a_gap_and_delay_nothing_after_it() -> None:
    packets = list(_packets(tone(440, 2.0)))
    del packets[50:53]
    heard = _through(packets)
    assert _steps(heard) == [160] * 48 + [800] + [160] * 45
    assert heard.places[-1] - heard.places[0] == 98 * 160


def test_one_packet_in_ten_lost_and_all_jittered_keeps_its_places() -> None:
    chance = random.Random(4)
    packets = [packet for packet in _packets(tone(440, 4.0)) if chance.random() > 0.1]
    packets.sort(key=lambda each: (each.sequence_number - _SEQUENCE) % 65_536 + chance.random() * 3)
    heard = _through(packets)
    assert _steps(heard)
    assert all(step > 0 and step % 160 == 0 for step in _steps(heard))
    assert len(heard.runs) > 0.85 * len(packets)


def test_duplicates_are_heard_once() -> None:
    packets = [packet for each in _packets(tone(440, 1.0)) for packet in (each, each)]
    assert _steps(_through(packets)) == [160] * 48


def test_a_stream_begun_anew_is_heard() -> None:
    heard = _through(
        [*_packets(tone(440, 0.5)), *_packets(tone(440, 0.5), ssrc=8, first=30_000)],
    )
    assert len(heard.runs) == 48
    assert all(step > 0 for step in _steps(heard))


@pytest.mark.parametrize("garbage", [b"", b"\x80", b"\x00" * 200, b"\x80\x60" + bytes(30)])
def test_what_is_not_ours_is_dropped(garbage: bytes) -> None:
    heard = Heard()
    RtpStream(Reception(Leg.AGENT, CallClock(), heard)).datagram(garbage)
    assert not heard.runs


@pytest.fixture
async def line() -> AsyncIterator[tuple[RtpLine, Heard]]:
    heard = Heard()
    media = RtpMedia(Media(transport="rtp", rtp_ports=(24_100, 24_198)))
    line = await media.open(Reception(Leg.CUSTOMER, CallClock(), heard))
    yield line, heard
    await line.close()


async def test_a_port_hears_its_first_sender_only(line: tuple[RtpLine, Heard]) -> None:
    opened, heard = line
    where = ("127.0.0.1", opened.port)
    assert opened.parameters["external_host"] == f"127.0.0.1:{opened.port}"
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as two:
        for index, packet in enumerate(_packets(tone(440, 0.4))):
            one.sendto(packet.serialize(), where)
            if index > 2:
                two.sendto(RtpPacket(ssrc=9, payload=bytes(160)).serialize(), where)
        await until(lambda: len(heard.runs) == 19)
    assert _steps(heard) == [160] * 18


async def test_ports_that_are_taken_are_passed_over(line: tuple[RtpLine, Heard]) -> None:
    opened, _ = line
    media = RtpMedia(
        Media(transport="rtp", rtp_ports=(opened.port, opened.port + 3)),
    )
    reception = Reception(Leg.AGENT, CallClock(), Heard())
    other = await media.open(reception)
    assert other.port == opened.port + 2
    with pytest.raises(OSError, match=r"media\.rtp_ports"):
        await media.open(reception)
    await other.close()
