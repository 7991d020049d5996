"""Owns how the rooms reach each other over gRPC: plain on loopback, TLS or mutual TLS by
configuration, the same options on both ends.

Called by each gRPC server and client. Without certificates only loopback is served or dialled:
words spoken never cross a network in the clear.
"""

import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import grpc
import grpc.aio

from callwarden import caller
from callwarden.problems import Problem, ProblemsFound
from callwarden.settings import Tls, is_loopback

_OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.so_reuseport", 0),
    ("grpc.enable_http_proxy", 0),
    # A restarted peer on the same box is found again at once, not after gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)

_NOT_LOOPBACK = "not loopback: set tls.certificate, tls.key and tls.ca, or use 127.0.0.1"


def require_usable(
    tls: Tls, *, served: Mapping[str, str], dialled: Mapping[str, Iterable[str]]
) -> None:
    """Looks at what a program is about to serve and to dial, before it does anything else: the
    addresses under their keys in the configuration, and the certificate files that they need.

    Raises ProblemsFound with everything that `serve_on` and `channel_to` would refuse.
    """
    problems: set[Problem] = set()
    in_the_clear = list[tuple[str, str]]()
    if not (tls.certificate and tls.key):
        in_the_clear += served.items()
    if not tls.ca:
        in_the_clear += [(key, each) for key, addresses in dialled.items() for each in addresses]
    for key, address in in_the_clear:
        if not is_loopback(address):
            problems.add(Problem(address, 1, 1, key, _NOT_LOOPBACK))
    for key, file in (
        ("tls.certificate", tls.certificate),
        ("tls.key", tls.key),
        ("tls.ca", tls.ca),
        ("tls.client_ca", tls.client_ca),
    ):
        try:
            if file:
                _read(file, key)
        except ProblemsFound as unreadable:
            problems |= set(unreadable.problems)
    if problems:
        raise ProblemsFound(problems)


def serve_on(server: grpc.aio.Server, address: str, tls: Tls) -> int:
    """Binds `server` to `address` and returns the port. Port 0 takes a free one.

    Raises ProblemsFound when a certificate file cannot be read or a non-loopback address has
    none, OSError when the address cannot be had.
    """
    if tls.certificate and tls.key:
        credentials = grpc.ssl_server_credentials(
            [(_read(tls.key, "tls.key"), _read(tls.certificate, "tls.certificate"))],
            root_certificates=_read(tls.client_ca, "tls.client_ca") if tls.client_ca else None,
            require_client_auth=tls.client_ca is not None,
        )
    else:
        credentials = None
        _require_loopback(address)
    try:
        if credentials:
            return server.add_secure_port(address, credentials)
        return server.add_insecure_port(address)
    except RuntimeError:  # gRPC says no more than that it failed
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)) from None


def server() -> grpc.aio.Server:
    return grpc.aio.server(options=_OPTIONS)


def channel_to(
    address: str, tls: Tls, said: caller.Metadata = (), name: str = ""
) -> grpc.aio.Channel:
    """A channel to `address`, each call of which says `said`; whoever asked for it closes it.
    `name`: whom the other end's certificate must name, where that is not the address's host.
    Raises ProblemsFound as `serve_on` does."""
    saying = caller.interceptors(said) if said else None
    options = _OPTIONS
    if name:
        options += (("grpc.ssl_target_name_override", name), ("grpc.default_authority", name))
    if tls.ca:
        credentials = grpc.ssl_channel_credentials(
            root_certificates=_read(tls.ca, "tls.ca"),
            private_key=_read(tls.key, "tls.key") if tls.key else None,
            certificate_chain=(
                _read(tls.certificate, "tls.certificate") if tls.certificate else None
            ),
        )
        return grpc.aio.secure_channel(address, credentials, options=options, interceptors=saying)
    _require_loopback(address)
    return grpc.aio.insecure_channel(address, options=options, interceptors=saying)


def _read(file: Path, key: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise ProblemsFound([Problem(str(file), 1, 1, key, message)]) from None


def _require_loopback(address: str) -> None:
    if not is_loopback(address):
        raise ProblemsFound([Problem(address, 1, 1, "tls", _NOT_LOOPBACK)])
