"""Owns `callwarden serve-log`: the log in a browser, for those who prefer one."""

import asyncio
import contextlib
import socket
from pathlib import Path

import click
import uvicorn

from callwarden.command import with_settings
from callwarden.settings import Settings, is_loopback
from policy.commands.entries import reading
from policy.commands.who import TOKEN_FILE, people_of, whoever

_LINK = {
    "zh": "在浏览器中打开（仅能使用一次）：{link}",
    "en": "Open in a browser (good for one only): {link}",
}


@click.command(epilog="Example: callwarden serve-log --port 8473")
@click.option("--host", default="127.0.0.1", show_default=True, help="Off loopback with TLS alone.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8473, show_default=True, help="0: any."
)
@TOKEN_FILE
@with_settings
def serve_log(configured: Settings, *, host: str, port: int, token_file: Path | None) -> None:
    """The log in a browser, read-only, through Datasette: the tables that `log export` writes,
    every number masked, with filters and facets.

    Prints a link by which one browser gets in. Auditors and admins of oversight.people may also
    send their token (Authorization: Bearer …). Ends with Ctrl-C.
    """
    person = whoever(configured, token_file)
    if not person.sees_numbers:
        raise click.UsageError("the whole log is for auditors and admins")
    tls = configured.tls
    secured = tls.certificate is not None and tls.key is not None
    if not (is_loopback(f"{host}:{port}") or secured):
        raise click.UsageError("off loopback it needs TLS: set tls.certificate and tls.key")
    with reading(configured):  # says what is wrong with the ledger before anybody asks
        pass
    try:
        listening = socket.create_server((host, port), family=_family(host))
    except OSError as error:
        raise click.ClickException(f"{host}:{port}: {error.strerror}") from None
    with contextlib.suppress(KeyboardInterrupt), listening:
        asyncio.run(_served(configured, listening, host, secured=secured))


async def _served(
    configured: Settings, listening: socket.socket, host: str, *, secured: bool
) -> None:
    from policy.browsing.pages import pages

    people = people_of(configured)

    def known(token: str) -> str:
        person = people.with_token(token) if people else None
        return person.name if person and person.sees_numbers else ""

    app, link = pages(
        configured.ledger_file,
        configured.ledger_key_file,
        language=configured.locale,
        known=known,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            ssl_certfile=configured.tls.certificate if secured else None,
            ssl_keyfile=configured.tls.key if secured else None,
        )
    )
    scheme = "https" if secured else "http"
    shown = f"[{host}]" if ":" in host else host
    at = f"{scheme}://{shown}:{listening.getsockname()[1]}"
    told = _LINK[configured.locale]
    click.echo(told.format(link=f"{at}/-/auth-token?token={link}"))
    await server.serve(sockets=[listening])


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
