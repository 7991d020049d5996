"""Owns the doubts of one call whose answers are waited for: one look a doubt, whoever is in doubt,
and an end to the waiting.

Made by the analysis, a call each; the looks themselves are `second_look`'s.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from policy.speech.conversation import Conversation
from policy.speech.doubt import Doubt, SecondLook


class Answers:
    """`look` listens once more; `take` gets each answer, for the conversation that was in doubt.
    `close` it."""

    def __init__(
        self,
        look: Callable[[Doubt], Coroutine[Any, Any, SecondLook]],
        take: Callable[[Conversation, Doubt, SecondLook], None],
    ) -> None:
        self._look, self._take = look, take
        self._looks: dict[Doubt, asyncio.Task[SecondLook]] = {}
        self._waiting: dict[asyncio.Task[None], tuple[Conversation, Doubt]] = {}

    def ask(self, conversation: Conversation, doubt: Doubt) -> None:
        """While the call goes on. Two rulebooks in the same doubt get the same answer."""
        look = self._looks.get(doubt)
        if look is None:
            look = self._looks[doubt] = asyncio.create_task(self._look(doubt))
        task = asyncio.create_task(self._answer(conversation, doubt, look))
        self._waiting[task] = conversation, doubt
        task.add_done_callback(lambda done: self._waiting.pop(done, None))

    async def last(self, limit_s: float | None) -> None:
        """Until all are answered: an answer may raise another doubt. Who has waited for so many
        seconds goes without."""
        while self._waiting:
            _, late = await asyncio.wait(list(self._waiting), timeout=limit_s)
            for task in late:
                conversation, doubt = self._waiting.pop(task)
                task.cancel()
                self._take(conversation, doubt, SecondLook(doubt.doubt_id, looked=False))

    def close(self) -> None:
        """Nobody wants the rest."""
        for task in (*self._waiting, *self._looks.values()):
            task.cancel()

    async def _answer(
        self, conversation: Conversation, doubt: Doubt, look: "asyncio.Task[SecondLook]"
    ) -> None:
        self._take(conversation, doubt, await asyncio.shield(look))
