"""Words spoken cross no network in the clear: loopback, TLS or mutual TLS."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from callwarden import transport
from callwarden.problems import ProblemsFound
from callwarden.settings import Recognizer, Settings, Tls
from callwarden.v1 import recognition_pb2
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from policy.speech.rulebook import SpeechRulebook
from recognizer.service import RecognizerServer


@pytest.fixture
def issue(tmp_path: Path) -> Callable[[str], tuple[Path, Path]]:
    """Makes a self-signed certificate for 127.0.0.1: its file and its key's."""

    def make(name: str) -> tuple[Path, Path]:
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(addresses, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        files = tmp_path / f"{name}.crt", tmp_path / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files

    return make


async def test_mutual_tls_admits_the_known_client_alone(
    rules: SpeechRulebook, issue: Callable[[str], tuple[Path, Path]]
) -> None:
    (certificate, key), (client, client_key) = issue("server"), issue("client")
    tls = Tls(certificate=certificate, key=key, client_ca=client)
    settings = Settings(recognizer=Recognizer(listen="127.0.0.1:0"), tls=tls)
    known = Tls(ca=certificate, certificate=client, key=client_key)
    async with RecognizerServer(settings, rules, None, "none") as server:
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
