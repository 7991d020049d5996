"""Owns which pools a recognizer has: what the configuration says, with every model found and
checked.

Called when the recognizer starts; a plan is what `recognizer.pools` makes workers of.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from callwarden.problems import Problem, ProblemsFound
from callwarden.settings import Recognizer, RecognizerPool, Settings
from recognizer import devices
from recognizer.decoding import Decoding
from recognizer.models import catalogue, found, second_pass
from recognizer.models.model import Model
from recognizer.pools import PoolPlan


@dataclass
class Plans:
    """`missing` says what to do when there is no model, `broken` what was passed over."""

    pools: tuple[PoolPlan, ...] = ()
    missing: str = ""
    broken: list[Problem] = field(default_factory=list)


def plan(settings: Settings, named: str | None = None) -> Plans:
    """`named` is a model in place of what the configuration says.

    Raises ProblemsFound: a model that was named is unusable, or its device is not to be had.
    """
    if settings.recognizer.pools and named is None:
        return Plans(_configured(settings))
    search = found.search(named or settings.recognizer.model, settings)
    if search.model is None:
        return Plans((), search.missing, search.broken)
    return Plans((single(settings.recognizer, search.model),), "", search.broken)


def single(recognizer: Recognizer, model: Model) -> PoolPlan:
    """The one pool of a recognizer without `pools`."""
    return _plan(
        Decoding.of(recognizer),
        RecognizerPool(
            model=Path(model.name),
            workers=recognizer.workers,
            threads=recognizer.threads,
            device=recognizer.device,
            second_pass=recognizer.second_pass,
        ),
        model,
    )


def _configured(settings: Settings) -> tuple[PoolPlan, ...]:
    plans: list[PoolPlan] = []
    decoding = Decoding.of(settings.recognizer)
    problems: list[Problem] = []
    for each in settings.recognizer.pools:
        try:
            model = found.search(each.model, settings).model
            assert model is not None  # noqa: S101  # one that was named is found or a problem
            decoding = replace(decoding, first=sum(plan.workers for plan in plans))
            plans.append(_plan(decoding, each, model))
        except ProblemsFound as error:
            problems += error.problems
    if problems:
        raise ProblemsFound(problems)
    return tuple(plans)


def _plan(decoding: Decoding, pool: RecognizerPool, model: Model) -> PoolPlan:
    try:
        devices.require(pool.device)
    except devices.NoDevice as error:
        problem = Problem(str(Path(model.tokens).parent), 1, 1, "recognizer.device", str(error))
        raise ProblemsFound([problem]) from None
    again = second_pass.load(pool.second_pass) if pool.second_pass else None
    entry = catalogue.shipped().named(model.name)
    return PoolPlan(
        model=replace(model, device=pool.device),
        dialects=pool.dialects,
        hears=entry.dialects if entry else (),
        workers=pool.workers,
        decoding=replace(decoding, threads=pool.threads),
        second_pass=replace(again, device=pool.device) if again else None,
    )
