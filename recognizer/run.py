"""Owns `callwarden recognizer run`: serves until it is told to end."""

import asyncio
import gc
import signal
from pathlib import Path

import click
import structlog

from callwarden import log, transport
from callwarden.command import with_settings
from callwarden.problems import Problem, ProblemsFound
from callwarden.settings import Settings
from policy import rulebook, spelling
from recognizer.models import found
from recognizer.process import WorkerFailed
from recognizer.service import RecognizerServer

_log = structlog.get_logger()


@click.command(epilog="Example: callwarden recognizer run --model /srv/models/my-model")
@click.option("--model", metavar="NAME|FOLDER", help="Model folder, or the name of one.")
@click.option(
    *("--grace", "grace_s"),
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    help="Seconds that running calls may still take after SIGTERM.",
)
@with_settings
def run(settings: Settings, model: str | None, grace_s: float) -> int:
    """Serve recognition of both legs of calls over gRPC.

    Without a model it runs and says so; calls are then not analysed.
    """
    served = {"recognizer.listen": settings.recognizer.listen}
    transport.require_usable(settings.tls, served=served, dialled={})
    log.configure(settings.log, "recognizer")
    asyncio.run(_serve(settings, model, grace_s))
    return 0


async def _serve(settings: Settings, named: str | None, grace_s: float) -> None:
    end = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, end.set)
    rules = rulebook.load(settings.rules.folder, settings.rules.packs, settings.rules.speech)
    search = found.search(named or settings.recognizer.model, settings)
    for problem in search.broken:
        _log.warning("model passed over", why=str(problem))
    model = search.model
    if model:
        units = spelling.units_in(Path(model.tokens))
        unspelled = spelling.problems(settings.rules.folder, settings.rules.speech, units)
        if unspelled:
            raise ProblemsFound(unspelled)
    server = RecognizerServer(settings, rules.speech, model, search.missing)
    try:
        async with server:
            _log.info(
                "recognizer serves" if model else "recognizer has no model",
                port=server.port,
                model=model.name if model else "",
                missing=search.missing,
            )
            # The rules stay for ever: the garbage collector, which stops all calls' rules, need not
            # visit them again.
            gc.collect()
            gc.freeze()
            await end.wait()
            _log.info("recognizer ends", grace_s=grace_s)
            await server.end(grace_s)
    except OSError as error:
        text = (
            f"{error.strerror}: does another recognizer run? Stop it, or choose another HOST:PORT"
        )
        problem = Problem(settings.recognizer.listen, 1, 1, "recognizer.listen", text)
        raise ProblemsFound([problem]) from None
    except WorkerFailed as error:
        folder = str(Path(model.tokens).parent) if model else ""
        raise ProblemsFound([Problem(folder, 1, 1, "model", _unusable(error))]) from None


def _unusable(error: WorkerFailed) -> str:
    return f"{error}; check it with `callwarden models verify`"
