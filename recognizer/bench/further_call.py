"""Owns what a further call needs of memory: what a recognizer owns with many calls up against one
with few, both after minutes of speech, so that rules, kept audio and the engine's state count.

Called by `callwarden bench recognizer --memory`. What is loaded once, or remembered of words for
all calls up to a fixed size, is in both and falls out: both hear the same voices.
"""

import asyncio
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Final

from callwarden.figures import Figure
from callwarden.settings import Settings
from recognizer.bench.capacity import Spoken
from recognizer.bench.served import Served
from recognizer.footprint import footprint

_FEW: Final = 3
_MANY: Final = 12
"""Calls at a time. The many are the few's voices, each begun at another place."""
_BAR_MB: Final = 3.0
_LOOK_EVERY_S: Final = 1.0
_LAST: Final = 0.25
"""Of a run: what it owns by then counts."""


async def further_call(settings: Settings, model: Path, spoken: Spoken) -> list[Figure]:
    """Raises click.ClickException when the recognizer or the players fail."""
    spoken = replace(spoken, legs=spoken.legs[: 2 * _FEW], scenes=spoken.scenes[:_FEW])
    few_mb = await _owned_mb(settings, model, spoken, _FEW)
    many_mb = await _owned_mb(settings, model, spoken, _MANY)
    each_mb = (many_mb - few_mb) / (_MANY - _FEW)
    how = f"{_FEW} and {_MANY} calls for {spoken.seconds:.0f} s, all processes"
    return [
        Figure("memory of a further call (two legs)", each_mb, "MB", bar=_BAR_MB, how=how),
        Figure(f"  owned with {_FEW} calls", few_mb, "MB"),
        Figure(f"  owned with {_MANY} calls", many_mb, "MB"),
    ]


async def _owned_mb(settings: Settings, model: Path, spoken: Spoken, calls: int) -> float:
    """By a recognizer of one worker, all calls being up."""
    seen_mb = list[float]()
    async with Served(settings, model, workers=1) as served:
        speaking = asyncio.create_task(spoken.to("recognizer", served.port, served.pid, 2 * calls))
        ends = asyncio.get_running_loop().time() + spoken.warm_s + spoken.seconds
        while asyncio.get_running_loop().time() < ends and not speaking.done():
            seen_mb.append((await asyncio.to_thread(footprint, served.pid)).own_mb)
            await asyncio.wait({speaking}, timeout=_LOOK_EVERY_S)
        await speaking
    return statistics.median(seen_mb[-max(1, round(_LAST * len(seen_mb))) :])
