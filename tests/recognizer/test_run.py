"""`callwarden recognizer run` as a process, with a model and without one."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from callwarden import transport
from callwarden.settings import Recognizer, Settings, Tls
from callwarden.v1 import recognition_pb2
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from policy.speech.rulebook import SpeechRulebook
from recognizer import recordings
from recognizer.service import RecognizerServer
from tests.recognizer.conftest import listen, requests_of


@contextmanager
def _running(config: Path, model: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """The process and its port, read from its first log lines."""
    command = (sys.executable, "-m", "callwarden.command", "recognizer", "run")
    options = ("--config", str(config), "--model", str(model))
    with subprocess.Popen(
        (*command, *options), stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                event = json.loads(line)
                if event["event"] == "recognizer serves":
                    yield process, event["port"]
                    break
            else:
                pytest.fail("it did not serve")
        finally:
            process.kill()


async def test_it_serves_a_call_and_ends_when_told(
    tmp_path: Path, model_folder: Path, calls_folder: Path
) -> None:
    config = tmp_path / "callwarden.yaml"
    config.write_text("recognizer: {listen: '127.0.0.1:0'}\n")
    with _running(config, model_folder) as (process, port):
        async with transport.channel_to(f"127.0.0.1:{port}", Tls()) as channel:
            call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
            async with asyncio.timeout(60):
                listened = await listen(RecognitionStub(channel), requests_of(call))
            assert listened.finals
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


async def test_without_a_model_it_says_how_to_get_one(rules: SpeechRulebook) -> None:
    settings = Settings(recognizer=Recognizer(listen="127.0.0.1:0"))
    missing = "no speech model: run `callwarden models pull x`"
    async with (
        RecognizerServer(settings, rules, (), missing) as server,
        transport.channel_to(f"127.0.0.1:{server.port}", Tls()) as channel,
    ):
        stub = RecognitionStub(channel)
        described = await stub.Describe(recognition_pb2.DescribeRequest())
        assert (described.model, described.missing) == ("", missing)
        health: Any = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async for _ in stub.Listen(iter(())):
                pass
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert refused.value.details() == missing


async def test_an_address_in_use_ends_it_with_2(tmp_path: Path, model_folder: Path) -> None:
    server = transport.server()
    port = transport.serve_on(server, "127.0.0.1:0", Tls())
    config = tmp_path / "callwarden.yaml"
    config.write_text(f"recognizer: {{listen: '127.0.0.1:{port}'}}\n")
    command = (sys.executable, "-m", "callwarden.command", "recognizer", "run")
    options = ("--config", str(config), "--model", str(model_folder))
    done = await asyncio.to_thread(
        subprocess.run, (*command, *options), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "does another recognizer run?" in done.stderr
    await server.stop(0)


def test_a_model_that_was_named_but_is_none_ends_it_with_2(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "callwarden.command", "recognizer", "run")
    done = subprocess.run(
        (*command, "--model", str(tmp_path / "none")), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no such folder" in done.stderr


def test_words_in_the_clear_across_a_network_end_it_at_the_start(tmp_path: Path) -> None:
    config = tmp_path / "callwarden.yaml"
    config.write_text("recognizer: {listen: '0.0.0.0:0'}\n")
    command = (sys.executable, "-m", "callwarden.command", "recognizer", "run")
    done = subprocess.run(
        (*command, "--config", str(config)), capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 2
    assert "0.0.0.0:0:1:1: recognizer.listen: not loopback: set tls." in done.stderr
    assert len(done.stderr.splitlines()) == 1
