"""Audio by WebSocket, from a client that does what chan_websocket does."""

import asyncio
import json
import urllib.parse
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from callwarden.settings import Media
from gateway.media.reception import CallClock, Reception
from gateway.media.websocket import WebsocketLine, WebsocketMedia
from policy.speech.utterance import Leg
from tests.calls.heard import Heard, tone, until


@pytest.fixture
async def media() -> AsyncIterator[WebsocketMedia]:
    server = WebsocketMedia(Media(listen="127.0.0.1:0"))
    await server.start()
    yield server
    await server.close()


def _id(line: WebsocketLine) -> str:
    """What Asterisk appends to the uri of websocket_client.conf for `v(…)`."""
    return line.parameters["transport_data"].partition("v(sid=")[2].rstrip(")")


async def _dial(media: WebsocketMedia, sid: str) -> ClientConnection:
    query = urllib.parse.urlencode({"sid": sid})
    return await connect(
        f"ws://127.0.0.1:{media.port}/media?{query}", subprotocols=[Subprotocol("media")]
    )


async def test_frames_become_leg_audio(media: WebsocketMedia) -> None:
    heard = Heard()
    line = await media.open(Reception(Leg.CUSTOMER, CallClock(), heard))
    spoken = tone(440, 0.2)
    async with await _dial(media, _id(line)) as asterisk:
        assert asterisk.subprotocol == "media"
        await asterisk.send(json.dumps({"event": "MEDIA_START", "optimal_frame_size": 320}))
        for start in range(0, len(spoken), 320):
            await asterisk.send(spoken[start : start + 320])
        await until(lambda: len(heard.samples) == len(spoken))
    assert heard.samples == spoken
    assert [b - a for a, b in zip(heard.places, heard.places[1:], strict=False)] == [160] * 9


async def test_a_line_says_when_it_is_lost(media: WebsocketMedia) -> None:
    line = await media.open(Reception(Leg.AGENT, CallClock(), Heard()))
    async with await _dial(media, _id(line)) as asterisk:
        await asterisk.send(bytes(320))
        asterisk.transport.abort()
    assert "closed" in await asyncio.wait_for(line.lost, 2)


async def test_half_a_sample_ends_the_line(media: WebsocketMedia) -> None:
    heard = Heard()
    line = await media.open(Reception(Leg.AGENT, CallClock(), heard))
    async with await _dial(media, _id(line)) as asterisk:
        await asterisk.send(bytes(321))
        assert "half a sample" in await asyncio.wait_for(line.lost, 2)
    assert not heard.runs


async def test_only_an_opened_line_is_let_in_and_only_once(media: WebsocketMedia) -> None:
    line = await media.open(Reception(Leg.AGENT, CallClock(), Heard()))
    async with await _dial(media, _id(line)):
        for sid in (_id(line), "guessed", ""):
            with pytest.raises(InvalidStatus) as refused:
                await _dial(media, sid)
            assert refused.value.response.status_code == 403
    await line.close()
    with pytest.raises(InvalidStatus):
        await _dial(media, _id(line))


async def test_closing_a_line_closes_the_connection(media: WebsocketMedia) -> None:
    line = await media.open(Reception(Leg.AGENT, CallClock(), Heard()))
    async with await _dial(media, _id(line)) as asterisk:
        await line.close()
        await asyncio.wait_for(asterisk.wait_closed(), 2)


async def test_who_comes_for_a_line_closed_meanwhile_is_let_in_once_and_closed(
    media: WebsocketMedia,
) -> None:
    """Asterisk stands still for 1.5 s where it is refused."""
    line = await media.open(Reception(Leg.AGENT, CallClock(), Heard()))
    await line.close()
    async with await _dial(media, _id(line)) as asterisk:
        await asyncio.wait_for(asterisk.wait_closed(), 2)
    with pytest.raises(InvalidStatus):
        await _dial(media, _id(line))
