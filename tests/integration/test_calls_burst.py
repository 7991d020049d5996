"""Many calls answered at once: each goes out, what is not listened to is said, nothing is left."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

from callwarden.settings import Settings
from callwarden.v1 import oversight_pb2 as oversight
from deploy.lab import Lab, LoadedCall
from deploy.lab.numbers import open_now
from gateway.asterisk import ari_socket
from gateway.asterisk.ari import Ari, AriRefused, AriUnavailable
from tests.calls.heard import until
from tests.integration.calls_stack import Stack, stack

_CALLS = 60
_ENDED = oversight.CALL_STATE_ENDED


def _rows(made: Stack, table: str) -> int:
    return len(made.rows("SELECT * FROM " + table))  # noqa: S608 one of our tables


def test_a_burst_is_answered_and_what_was_not_heard_is_said(lab: Lab, tmp_path: Path) -> None:
    """60 calls in 3 s, 1 s each."""

    async def play() -> None:
        async with stack(lab, rules={"speech": []}, state=str(tmp_path / "state")) as made:
            load = await asyncio.to_thread(
                lab.load, 20.0, 3.0, lambda n: LoadedCall(open_now(100 + n)), talk_ms=1000
            )
            assert load.statuses == {200: _CALLS}
            await until(lambda: _rows(made, "coverage") == 2 * _CALLS, 10)
            await made.nothing_left_in_asterisk()
            assert _rows(made, "settlements") == _CALLS
            for row in made.rows("SELECT * FROM coverage"):
                missing_s = row["call_seconds"] - row["analysed_s"]
                assert (missing_s <= 1.3 and row["analysed_s"]) or row["causes"] != "[]"
            ended = [each.call for each in made.events if each.call.state == _ENDED]
            assert len({each.call_id for each in ended}) == _CALLS

    asyncio.run(play())


@pytest.mark.parametrize("over_the_events", [True, False])
def test_requests_go_over_the_events_or_over_http_and_say_the_same(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, *, over_the_events: bool
) -> None:
    """An Asterisk older than 22.4 never answers a request over the events."""
    sent: list[str] = []

    class Counting(httpx.AsyncClient):
        async def request(self, method: str, *more: Any, **options: Any) -> httpx.Response:
            sent.append(method)
            return await super().request(method, *more, **options)

    monkeypatch.setattr(httpx, "AsyncClient", Counting)
    if not over_the_events:
        monkeypatch.setattr(ari_socket.AriSocket, "find_out", lambda _: None)

    async def play() -> None:
        settings = Settings.model_validate(lab.settings())
        async with Ari(settings.asterisk) as ari, ari.events(("StasisStart",)):
            if over_the_events:
                await until(lambda: _takes(ari))
            before = len(sent)
            assert (await ari.post("bridges", bridgeId="a b", type="mixing"))["id"] == "a b"
            assert await ari.delete("bridges/a b")
            assert not await ari.delete("bridges/a b")
            assert not await ari.variable("none", "NAME")
            with pytest.raises(AriRefused) as refused:
                await ari.post("channels/none/snoop", app="callwarden", spy="in")
            assert refused.value.status == 404
            assert "annel" in str(refused.value)
            assert (len(sent) == before) is over_the_events

    asyncio.run(play())


def _takes(ari: Ari) -> bool:
    return bool(ari._socket and ari._socket.takes_requests)


def test_a_request_fails_when_the_connection_breaks(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        settings = Settings.model_validate(lab.settings())
        async with Ari(settings.asterisk) as ari, ari.events(("StasisStart",)) as events:
            await until(lambda: _takes(ari))

            async def broken(connection: ClientConnection, _: str) -> None:
                connection.transport.abort()

            monkeypatch.setattr(ClientConnection, "send", broken)
            with pytest.raises(AriUnavailable, match="broke"):
                await asyncio.wait_for(ari.post("bridges", type="mixing"), 2)
            assert [each async for each in events] == []
            assert not await ari.delete("bridges/none"), "HTTP goes on"

    asyncio.run(play())
