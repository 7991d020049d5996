"""From one thread into another's loop: in order, together, and none lost."""

import asyncio
import gc
import threading
from concurrent.futures import Future

import pytest

from gateway.gate.arrivals import Arrivals, Handover
from tests.gate.waiting import until


async def test_what_many_threads_hand_over_is_done_once_each_and_in_their_order() -> None:
    loop = asyncio.get_running_loop()
    done: list[tuple[int, int]] = []
    handover = Handover(loop)

    def hand_over(thread: int) -> None:
        for at in range(500):
            handover.hand_over(lambda at=at: done.append((thread, at)))  # type: ignore[misc]  # bound now

    threads = [threading.Thread(target=hand_over, args=(each,)) for each in range(4)]
    for each in threads:
        each.start()
    await until(lambda: len(done) == 2000)
    for each in threads:
        each.join()
    for thread in range(4):
        assert [at for of, at in done if of == thread] == list(range(500))


async def test_one_that_fails_takes_no_other_with_it() -> None:
    done: list[int] = []
    handover = Handover(asyncio.get_running_loop())
    for what in (lambda: done.append(1), lambda: 1 // 0, lambda: done.append(2)):
        handover.hand_over(what)
    await until(lambda: done == [1, 2])


async def test_a_group_that_is_settled_at_once_wakes_the_loop_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    woken = 0
    wake = loop.call_soon_threadsafe

    def counted(*arguments: object) -> asyncio.Handle:
        nonlocal woken
        woken += 1
        return wake(*arguments)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    there: list[Future[int]] = [Future() for _ in range(64)]
    arrivals = Arrivals()
    here = [arrivals.of(each) for each in there]
    for at, each in enumerate(there):
        each.set_result(at)
    assert await asyncio.gather(*here) == list(range(64))
    assert woken == 1


async def test_failures_arrive_and_what_is_given_up_is_given_up_there() -> None:
    arrivals = Arrivals()
    failed: Future[int] = Future()
    here = arrivals.of(failed)
    failed.set_exception(ValueError("its own"))
    with pytest.raises(ValueError, match="its own"):
        await here
    late: Future[int] = Future()
    given_up = arrivals.of(late)
    given_up.cancel()
    await asyncio.sleep(0)
    assert late.cancelled()
    begun: Future[int] = Future()
    begun.set_running_or_notify_cancel()
    given_up = arrivals.of(begun)
    given_up.cancel()
    begun.set_result(1)
    with pytest.raises(asyncio.CancelledError):
        await given_up


async def test_one_that_has_arrived_leaves_nothing_to_the_garbage_collector() -> None:
    """Which stops every thread of the gateway while it looks for what refers to itself."""
    arrivals = Arrivals()

    async def arrive() -> int:
        there: Future[int] = Future()
        here = arrivals.of(there)
        there.set_result(1)
        return await here

    await arrive()
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            await arrive()
        assert gc.collect() < 20
    finally:
        gc.enable()
