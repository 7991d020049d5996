"""Owns which workers hear a call: a pool a model, chosen by the call's dialect.

Made by the service, asked once a call. Invariant: a call is heard by some pool as long as one has a
living worker; where that is not its dialect's, the choice says so.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from recognizer.decoding import Decoding
from recognizer.models.model import Model
from recognizer.pool import Pool

_IDENTIFIED_S = 3.0
"""How long telling the language may take before the call goes on without."""
_DIALECT_OF = {"zh": "cmn", "yue": "yue", "en": "eng", "ja": "jpn", "ko": "kor"}
"""Of the labels of SenseVoice and Whisper; what else Whisper hears is noise in it."""


@dataclass(frozen=True)
class PoolPlan:
    """`dialects` whose calls it takes, none: those that no other pool is for; `hears`: what else
    its model is known to understand."""

    model: Model
    dialects: tuple[str, ...] = ()
    hears: tuple[str, ...] = ()
    workers: int = 1
    decoding: Decoding = field(default_factory=Decoding)
    second_pass: Model | None = None

    @property
    def name(self) -> str:
        return "+".join(self.dialects) or "default"


class Choice(NamedTuple):
    """`fallback` is empty where the pool is the one for the call's dialect."""

    pool: Pool
    fallback: str = ""


class NoPoolAlive(Exception):
    """No worker of any pool lives."""


class Pools:
    """`start` before use, `close` after it. `on_change` is called when workers come or go."""

    def __init__(self, plans: Sequence[PoolPlan], on_change: Callable[[], None]) -> None:
        self._pools = {
            plan: Pool(
                plan.model, plan.workers, plan.decoding, on_change, second_pass=plan.second_pass
            )
            for plan in plans
        }
        self.fallbacks: Counter[str] = Counter()

    @property
    def by_plan(self) -> dict[PoolPlan, Pool]:
        return dict(self._pools)

    @property
    def default(self) -> Pool:
        """What takes the calls that no other pool is for: the one for no dialect, or the first."""
        unnamed = (pool for plan, pool in self._pools.items() if not plan.dialects)
        return next(unnamed, None) or next(iter(self._pools.values()))

    @property
    def alive(self) -> int:
        return sum(each.alive for each in self._pools.values())

    async def start(self) -> None:
        """Returns when every worker serves. Raises WorkerFailed if one cannot, all ended."""
        started = await asyncio.gather(
            *(each.start() for each in self._pools.values()), return_exceptions=True
        )
        failures = [each for each in started if isinstance(each, BaseException)]
        if failures:
            await self.close()
            raise failures[0]

    async def close(self) -> None:
        await asyncio.gather(*(each.close() for each in self._pools.values()))

    def choose(self, dialect: str) -> Choice:
        """The pool for a dialect: its own, else that of the dialect it is a branch of (`cmn` for
        `cmn-sichuan`), else the default one, else any that lives. Raises NoPoolAlive."""
        choice = self._chosen(dialect)
        if choice.fallback:
            self.fallbacks[choice.fallback] += 1
        return choice

    @property
    def identifies(self) -> bool:
        """Whether one of its models says which language it hears."""
        return self._identifier is not None

    async def dialect(self, rate_hz: int, pcm: bytes) -> str:
        """What is spoken in this audio; empty where no model can say it, or in time."""
        if self._identifier is None:
            return ""
        try:
            async with asyncio.timeout(_IDENTIFIED_S):
                language = await self._identifier.language(rate_hz, pcm)
        except TimeoutError:
            return ""
        return _DIALECT_OF.get(language, "")

    @property
    def _identifier(self) -> Pool | None:
        able = (
            pool
            for plan, pool in self._pools.items()
            if (plan.second_pass or plan.model).identifies
        )
        return next((each for each in able if each.alive), None)

    def _chosen(self, dialect: str) -> Choice:
        rest, down = dialect, False
        while rest:
            meant = self._for(rest)
            if meant is not None and meant.alive:
                return Choice(meant, "" if rest == dialect else _why(dialect, down=down))
            down = down or (meant is not None and rest == dialect)
            rest = rest.rpartition("-")[0]
        if self.default.alive:
            return Choice(self.default, _why(dialect, down=down) if dialect else "")
        living = next((each for each in self._pools.values() if each.alive), None)
        if living is None:
            raise NoPoolAlive
        return Choice(living, _why(dialect, down=True))

    def _for(self, dialect: str) -> Pool | None:
        """The pool that is for the dialect, or the default one if its model understands it."""
        named = (pool for plan, pool in self._pools.items() if dialect in plan.dialects)
        understood = (
            pool
            for plan, pool in self._pools.items()
            if pool is self.default and dialect in plan.hears
        )
        return next(named, None) or next(understood, None)


def _why(dialect: str, *, down: bool) -> str:
    return f"{'pool-down' if down else 'no-pool'}-for-{dialect or 'default'}"
