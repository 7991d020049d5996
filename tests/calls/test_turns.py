"""Forks take turns: a few at a time, in the order asked for; who goes waiting is counted."""

import asyncio

from gateway.asterisk.turns import Turns
from tests.calls.heard import until


async def test_the_first_begin_at_once_and_the_others_in_their_order() -> None:
    shed: list[None] = []
    turns = Turns(lambda: shed.append(None))
    began: list[int] = []
    waited: list[int] = []
    go = asyncio.Event()

    async def fork(number: int) -> None:
        async with turns.turn(lambda: waited.append(number)) as over:
            began.append(number)
            await go.wait()
            over()
            await asyncio.Event().wait()

    forks = [asyncio.create_task(fork(number)) for number in range(10)]
    await until(lambda: turns.waiting == 6)
    assert began == [0, 1, 2, 3]
    assert waited == [4, 5, 6, 7, 8, 9]
    forks[4].cancel()  # its call ends
    await until(lambda: turns.waiting == 5)
    assert len(shed) == 1
    go.set()
    await until(lambda: len(began) == 9)
    assert began == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    for each in forks:
        each.cancel()
    await asyncio.gather(*forks, return_exceptions=True)
    assert len(shed) == 1
