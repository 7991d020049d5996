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
from recognizer import planned, preflight
from recognizer.models.model import Model
from recognizer.process import WorkerFailed
from recognizer.service import RecognizerServer

_log = structlog.get_logger()


@click.command(epilog="Example: callwarden recognizer run --model /srv/models/my-model")
@click.option("--model", metavar="NAME|FOLDER", help="Model folder, or the name of one.")
@click.option(
    *("--grace", "grace_s"),
    type=click.FloatRange(min=0),
    help="Seconds that running calls may still take after SIGTERM, instead of recognizer.drain_s.",
)
@with_settings
def run(settings: Settings, model: str | None, grace_s: float | None) -> int:
    """Serve recognition of both legs of calls over gRPC.

    Without a model it runs and says so; calls are then not analysed. SIGTERM: no more calls are
    taken, running ones end or, after a time, go on at another recognizer. A second one: at once.
    """
    served = {"recognizer.listen": settings.recognizer.listen}
    transport.require_usable(settings.tls, served=served, dialled={})
    log.configure(settings.log, "recognizer")
    drain_s = settings.recognizer.drain_s if grace_s is None else grace_s
    asyncio.run(_serve(settings, model, drain_s))
    return 0


async def _serve(settings: Settings, named: str | None, drain_s: float) -> None:
    told: asyncio.Queue[None] = asyncio.Queue()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, told.put_nowait, None)
    rules = rulebook.load(settings.rules.folder, settings.rules.packs, settings.rules.speech)
    plans = planned.plan(settings, named)
    for problem in plans.broken:
        _log.warning("model passed over", why=str(problem))
    unspelled = {
        problem
        for plan in plans.pools
        for problem in spelling.problems(
            settings.rules.folder,
            settings.rules.speech,
            spelling.units_in(Path(plan.model.tokens)),
        )
    }
    if unspelled:
        raise ProblemsFound(unspelled)
    server = RecognizerServer(settings, rules.speech, plans.pools, plans.missing)
    try:
        async with server:
            _log.info(
                "recognizer serves" if plans.pools else "recognizer has no model",
                port=server.port,
                models=[each.model.name for each in plans.pools],
                missing=plans.missing,
            )
            # The rules stay for ever: the garbage collector, which stops all calls' rules, need not
            # visit them again.
            gc.collect()
            gc.freeze()
            await told.get()
            _log.info("recognizer ends", drain_s=drain_s)
            draining = asyncio.create_task(server.end(drain_s))
            again = asyncio.create_task(told.get())
            await asyncio.wait({draining, again}, return_when=asyncio.FIRST_COMPLETED)
            again.cancel()
            if not draining.done():
                draining.cancel()
                await asyncio.wait({draining})
    except OSError as error:
        text = (
            f"{error.strerror}: does another recognizer run? Stop it, or choose another HOST:PORT"
        )
        problem = Problem(settings.recognizer.listen, 1, 1, "recognizer.listen", text)
        raise ProblemsFound([problem]) from None
    except WorkerFailed as error:
        unusable = [problem for each in plans.pools for problem in preflight.check(each.model)]
        raise ProblemsFound(unusable or [_unusable(plans.pools[0].model, error)]) from None


def _unusable(model: Model, error: WorkerFailed) -> Problem:
    folder = str(Path(model.tokens).parent)
    return Problem(folder, 1, 1, "model", f"{error}; check it with `callwarden models verify`")
