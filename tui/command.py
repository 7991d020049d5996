"""Owns the command `callwarden console`.

Called by a person at a terminal, on the box or over SSH. It needs the oversight address alone, and
nothing of the call path depends on it.
"""

import asyncio
import gc
import getpass
import os
import select
import signal
import sys
import threading
from typing import TYPE_CHECKING, NamedTuple

import click
from pydantic import TypeAdapter, ValidationError

from callwarden import caller, settings, transport
from callwarden.command import with_settings
from callwarden.settings import Address, Settings

if TYPE_CHECKING:
    from tui.app import Console
    from tui.ringing import Ringing


class _Played(NamedTuple):
    """The past call to begin with, if any, and how fast such calls are played."""

    call_id: str
    speed: float


@click.command(
    epilog="Examples: callwarden console --address 127.0.0.1:4574 --locale en;"
    " callwarden console --demo --speed 4",
)
@with_settings
@click.option("--address", help="HOST:PORT of the gateway's oversight (default: as configured).")
@click.option(
    "--locale", type=click.Choice(["zh", "en"]), help="Language (default: as configured)."
)
@click.option("--demo", is_flag=True, help="A recorded hour, without any server.")
@click.option("--replay", metavar="CALL", default="", help="Begin by playing this past call.")
@click.option(
    "--speed",
    type=click.FloatRange(0.25, 20),
    default=1.0,
    show_default=True,
    help="How fast the recorded hour goes, or a past call is played.",
)
def console(
    configured: Settings,
    *,
    address: str | None,
    locale: str | None,
    demo: bool,
    replay: str,
    speed: float,
) -> int:
    """Watch the floor: live calls, what is said, findings, decisions, health.

    Keyboard first: ? lists every key. Reconnects by itself and says how old the view is.
    """
    chosen = _checked(address) if address else configured.oversight.address
    keys = _keys(configured)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the console needs a terminal; run it in one, or over ssh -t")
    # grpc writes its own warnings onto the screen otherwise; the console says them itself.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if demo:
        return asyncio.run(_show_demo(configured, locale or configured.locale, keys, speed))
    said = caller.metadata(configured.oversight.token_file, getpass.getuser())
    played = _Played(replay, speed)
    return asyncio.run(_run(configured, chosen, said, locale or configured.locale, keys, played))


def _keys(configured: Settings) -> dict[str, str]:
    """The site's own keys. Raises ProblemsFound with their places in the configuration."""
    if not configured.console.keys:
        return {}
    from tui import keys

    document = settings.document(click.get_current_context().params["config_file"])
    assert document is not None  # noqa: S101  # keys were read from it
    return keys.checked(document, configured.console.keys)


async def _run(  # noqa: PLR0917  # what the command was told, as it was told
    configured: Settings,
    address: str,
    said: caller.Metadata,
    locale: str,
    keys: dict[str, str],
    played: _Played,
) -> int:
    from tui.app import Console
    from tui.oversight import OversightStream

    channel = transport.channel_to(address, configured.tls, said)
    async with channel:
        app = Console(
            OversightStream(channel),
            locale="en" if locale == "en" else "zh",
            operator=getpass.getuser(),
            address=address,
            dark=configured.console.theme == "dark",
            keys=keys,
            replay=played.call_id,
            speed=played.speed,
            ringing=_ringing(configured),
            standing=_leave_alone_what_is_there,
        )
        return await _until_left(app)


def _leave_alone_what_is_there() -> None:
    """The screen and the floor as they stand stay: the garbage collector, which holds up keys and
    painting, need not visit them again."""
    gc.collect()
    gc.freeze()


async def _show_demo(configured: Settings, locale: str, keys: dict[str, str], speed: float) -> int:
    from tui import recording
    from tui.app import Console
    from tui.demo import PERSON, Demo

    source = Demo(recording.read(), speed=speed)
    app = Console(
        source,
        locale="en" if locale == "en" else "zh",
        operator=PERSON.name,
        address=recording.HOUR.name,
        clock=source.clock,
        zone=recording.ZONE,
        dark=configured.console.theme == "dark",
        keys=keys,
        ringing=_ringing(configured),
        demo_speed=speed,
    )
    return await _until_left(app)


def _ringing(configured: Settings) -> "Ringing":
    from tui.ringing import Ringing

    chosen = configured.console
    return Ringing(bell=chosen.bell, notify=chosen.notify, tmux="TMUX" in os.environ)


async def _until_left(app: "Console") -> int:
    # Ended from outside, it gives the terminal back as it was, mouse and screen.
    for each in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(each, app.exit)
    _end_with_the_terminal()
    await app.run_async()
    return app.return_code or 0


def _end_with_the_terminal() -> None:
    """Ends the process at once when its terminal is gone, also where no SIGHUP says so: nobody sees
    it any more, and what reads a terminal that is gone never rests. Not in order, as nothing is
    left to give back and whoever paints may wait for ever for what was painted to be written."""
    hung_up = select.poll()
    hung_up.register(sys.stdin.fileno(), 0)

    def wait() -> None:
        hung_up.poll()
        os._exit(128 + signal.SIGHUP)

    threading.Thread(target=wait, name="terminal", daemon=True).start()


def _checked(address: str) -> str:
    try:
        return TypeAdapter(Address).validate_python(address)
    except ValidationError:
        raise click.BadParameter("must be HOST:PORT", param_hint="--address") from None
