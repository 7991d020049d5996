"""Words spoken cross no network in the clear: loopback, TLS or mutual TLS."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import grpc
import grpc.aio
import pytest

from callwarden import transport
from callwarden.problems import ProblemsFound
from callwarden.settings import Recognizer, Settings, Tls
from callwarden.v1 import recognition_pb2
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from policy.speech.rulebook import SpeechRulebook
from recognizer.service import RecognizerServer
from tests import certificates


@pytest.fixture
def issue(tmp_path: Path) -> Callable[[str], tuple[Path, Path]]:
    return partial(certificates.issue, tmp_path)


async def test_mutual_tls_admits_the_known_client_alone(
    rules: SpeechRulebook, issue: Callable[[str], tuple[Path, Path]]
) -> None:
    (certificate, key), (client, client_key) = issue("server"), issue("client")
    tls = Tls(certificate=certificate, key=key, client_ca=client)
    settings = Settings(recognizer=Recognizer(listen="127.0.0.1:0"), tls=tls)
    known = Tls(ca=certificate, certificate=client, key=client_key)
    async with RecognizerServer(settings, rules, (), "none") as server:
        address = f"127.0.0.1:{server.port}"
        async with transport.channel_to(address, known) as channel:
            answer = await RecognitionStub(channel).Describe(recognition_pb2.DescribeRequest())
            assert answer.missing == "none"
        for stranger in (Tls(ca=certificate), Tls()):
            async with transport.channel_to(address, stranger) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await RecognitionStub(channel).Describe(
                        recognition_pb2.DescribeRequest(), timeout=10
                    )
                assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_only_loopback_goes_without_certificates(tmp_path: Path) -> None:
    server = transport.server()
    with pytest.raises(ProblemsFound, match="not loopback"):
        transport.serve_on(server, "0.0.0.0:0", Tls())
    with pytest.raises(ProblemsFound, match="not loopback"):
        transport.channel_to("recognizer.example:4576", Tls())
    missing = Tls(certificate=tmp_path / "a.crt", key=tmp_path / "a.key")
    with pytest.raises(ProblemsFound, match=r"a\.key.*cannot be read"):
        transport.serve_on(server, "127.0.0.1:0", missing)


async def test_an_address_in_use_is_told() -> None:
    first, second = transport.server(), transport.server()
    port = transport.serve_on(first, "127.0.0.1:0", Tls())
    with pytest.raises(OSError, match="in use"):
        transport.serve_on(second, f"127.0.0.1:{port}", Tls())
    await first.stop(0)
