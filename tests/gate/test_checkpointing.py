"""The head of the ledger is stated at an interval and leaves the box, by every way there is; what
cannot be sent shows in health, is sent again, and holds nobody up."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callwarden.settings import LedgerKeeping
from gateway.checkpointing import Checkpointing
from gateway.floor import Floor
from gateway.health import Health, HealthStatus
from policy.ledger import Ledger, auditing, checkpoints, signing
from tests.gate.waiting import until

NUMBER, WAIT_S = "+8613800138000", 20.0


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "state" / "ledger.sqlite3", tmp_path / "keys" / "ledger.key"


@contextlib.asynccontextmanager
async def _stated(
    files: tuple[Path, Path], settings: LedgerKeeping
) -> AsyncIterator[tuple[Ledger, Health, Checkpointing]]:
    health = Health(Floor())
    with Ledger.open(*files) as ledger:
        health.set("ledger", HealthStatus.OK)
        made = Checkpointing(settings, health)
        running = asyncio.create_task(made.run(ledger))
        try:
            yield ledger, health, made
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_by_file_syslog_and_webhook(files: tuple[Path, Path], tmp_path: Path) -> None:
    kept, posted = tmp_path / "kept.jsonl", asyncio.Queue[bytes]()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        posted.put_nowait(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog:
        syslog.bind(("127.0.0.1", 0))
        syslog.settimeout(WAIT_S)
        settings = LedgerKeeping(
            checkpoint_every_s=1,
            checkpoint_file=kept,
            checkpoint_syslog=f"udp://127.0.0.1:{syslog.getsockname()[1]}",
            checkpoint_webhook=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/kept",
        )
        async with server, _stated(files, settings) as (ledger, _, made):
            first = json.loads(await asyncio.wait_for(posted.get(), WAIT_S))
            message = await asyncio.to_thread(syslog.recv, 4096)
            now = datetime.now(UTC)
            await asyncio.wrap_future(ledger.suppress(NUMBER, source="manual", now=now))
            await made.close()
    assert message.startswith(b"<109>1 ")
    (tmp_path / "syslog").write_bytes(message)
    (heard,) = checkpoints.read(tmp_path / "syslog")
    stated = checkpoints.read(kept)
    assert heard.of_seq == first["seq"] == stated[0].of_seq
    assert stated[-1].of_seq > first["seq"], "the end is stated as well"
    assert auditing.audit(files[0], signing.trusted(files[1]), stated, processes=1).bad is None


async def test_by_syslog_over_tcp_in_octets_that_are_counted(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    came = asyncio.Queue[bytes]()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int(await reader.readuntil(b" "))
        came.put_nowait(await reader.readexactly(length))
        assert await reader.read() == b""
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    to = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, _stated(files, LedgerKeeping(checkpoint_syslog=to)) as (_, health, _):
        message = await asyncio.wait_for(came.get(), WAIT_S)
        assert health.part("ledger").status is HealthStatus.OK
    _states_the_head(files, message, tmp_path)


async def test_by_syslog_over_a_local_socket(files: tuple[Path, Path], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(tmp_path / "log"))
        syslog.settimeout(WAIT_S)
        settings = LedgerKeeping(checkpoint_syslog=f"unix://{tmp_path / 'log'}")
        async with _stated(files, settings):
            message = await asyncio.to_thread(syslog.recv, 4096)
    _states_the_head(files, message, tmp_path)


def _states_the_head(files: tuple[Path, Path], message: bytes, folder: Path) -> None:
    assert message.startswith(b"<109>1 ")
    (folder / "syslog").write_bytes(message)
    heard = checkpoints.read(folder / "syslog")
    assert len(heard) == 1
    assert auditing.audit(files[0], signing.trusted(files[1]), heard, processes=1).bad is None


async def test_a_place_that_is_away_degrades_and_is_tried_again(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.checkpointing._AGAIN_S", 0.05)
    away = tmp_path / "mount" / "kept.jsonl"
    settings = LedgerKeeping(checkpoint_every_s=60, checkpoint_file=away)
    async with _stated(files, settings) as (ledger, health, _):
        await until(lambda: "not sent" in health.part("ledger").message, WAIT_S)
        assert health.part("ledger").status is HealthStatus.DEGRADED
        assert NUMBER not in health.part("ledger").message
        now = datetime.now(UTC)
        await asyncio.wrap_future(ledger.suppress(NUMBER, source="manual", now=now))
        away.parent.mkdir()
        await until(away.exists, WAIT_S)
        await until(lambda: health.part("ledger").status is HealthStatus.OK, WAIT_S)
    assert len(checkpoints.read(away)) == 1
