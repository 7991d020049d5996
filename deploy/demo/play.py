"""Owns the demo's story: which calls are placed, and what must be seen of each.

Every promise is checked against what reached the console's stream and the carrier, never against
what the demo hopes.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from deploy.demo.audience import Audience
from deploy.lab import Lab, Outcome, PlacedCall
from deploy.lab.numbers import open_now, shut_now

_DECIDED_S = 5.0
_LONGEST_CALL_S = 120.0


@dataclass
class Promises:
    """What was to be seen, and whether it was."""

    tell: Callable[[str], None]
    kept: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def check(self, promise: str, kept: bool) -> None:
        (self.kept if kept else self.broken).append(promise)
        self.tell(f"{'✔' if kept else '✘'} {promise}")


class Play:
    """The scenes. `dialogues` are folders of calls by id, empty where none can be had."""

    def __init__(
        self, lab: Lab, audience: Audience, promises: Promises, dialogues: dict[str, Path]
    ) -> None:
        self._lab = lab
        self._audience = audience
        self._promises = promises
        self._dialogues = dialogues
        # Another customer each time: a second demo on the same day must not meet the first's limit.
        self._seed = random.SystemRandom().randrange(10**6)

    async def run(self) -> None:
        scenes: list[Awaitable[None]] = [self._closed_window(), self._fourth_of_the_day()]
        if self._dialogues:
            scenes += [
                self._caught(
                    "wealth-guaranteed-return",
                    "marketing.wealth",
                    {"forbidden.guaranteed-return", "forbidden.zero-risk"},
                    customer=1,
                ),
                self._caught(
                    "collection-threat",
                    "collection.reminder",
                    {"collection.threat", "collection.third-party-pressure"},
                    customer=2,
                ),
                self._refusal(customer=3),
            ]
        await asyncio.gather(*scenes)

    async def _closed_window(self) -> None:
        number = shut_now(self._seed)
        outcome = await self._called(number, "marketing.loan")
        refused = await self._audience.until(_denied("house.hours"), _DECIDED_S)
        self._promises.check(
            "窗口之外的电话被拒绝，没有 INVITE 发出 · a call outside the window is refused,"
            " no INVITE reaches the carrier",
            refused is not None and not outcome.answered and not self._reached(number),
        )

    async def _fourth_of_the_day(self) -> None:
        number = open_now(self._seed)
        first = [await self._called(number, "marketing.loan") for _ in range(3)]
        fourth = await self._called(number, "marketing.loan")
        refused = await self._audience.until(_denied("house.daily-attempts"), _DECIDED_S)
        self._promises.check(
            "同一客户当天第四次呼叫被拒绝 · a fourth call of the day to one customer is refused",
            refused is not None
            and all(outcome.answered for outcome in first)
            and not fourth.answered
            and self._reached(number) == 3,
        )

    async def _caught(self, name: str, scene: str, rules: set[str], *, customer: int) -> None:
        placed = await self._placed(open_now(self._seed + customer), scene, self._dialogues[name])
        ended = asyncio.create_task(asyncio.to_thread(placed.wait, _LONGEST_CALL_S))
        for rule in sorted(rules):
            self._promises.check(
                f"{rule} 在通话中发现 · found while they speak ({name})",
                await self._seen_before(ended, _found(rule)),
            )
        await ended

    async def _refusal(self, *, customer: int) -> None:
        number = open_now(self._seed + customer)
        folder = self._dialogues["refusal-and-stop"]
        placed = await self._placed(number, "marketing.loan", folder)
        ended = asyncio.create_task(asyncio.to_thread(placed.wait, _LONGEST_CALL_S))
        self._promises.check(
            "客户拒绝后、挂断前已写入禁呼 · the suppression is there before the call ends",
            await self._seen_before(ended, _suppressed),
        )
        second = await self._called(number, "marketing.loan")
        refused = await self._audience.until(_denied("house.refused"), _DECIDED_S)
        await ended
        self._promises.check(
            "随即再呼该客户被拒绝 · a second call to that customer, at once, is refused",
            refused is not None and not second.answered and self._reached(number) == 1,
        )

    async def _seen_before(
        self, end: asyncio.Task[Outcome], wanted: Callable[[oversight.Event], bool]
    ) -> bool:
        """Whether such an event came while the call was up."""
        seen = asyncio.create_task(self._audience.until(wanted, _LONGEST_CALL_S))
        await asyncio.wait({seen, end}, return_when=asyncio.FIRST_COMPLETED)
        if not seen.done():
            seen.cancel()
            return False
        return seen.result() is not None and not end.done()

    async def _placed(self, number: str, scene: str, dialogue: Path | None = None) -> PlacedCall:
        return await asyncio.to_thread(
            self._lab.call,
            number,
            scene=scene,
            agent_audio=dialogue and dialogue / "agent.wav",
            customer_audio=dialogue and dialogue / "customer.wav",
        )

    async def _called(self, number: str, scene: str) -> Outcome:
        placed = await self._placed(number, scene)
        return await asyncio.to_thread(placed.wait, 20)

    def _reached(self, number: str) -> int:
        """How many INVITEs for `number` reached a carrier."""
        return sum(1 for invite in self._lab.invites() if invite.number == number)


def _denied(rule: str) -> Callable[[oversight.Event], bool]:
    return lambda event: (
        event.HasField("decision")
        and event.decision.verdict == oversight.VERDICT_DENY
        and any(reason.rule == rule for reason in event.decision.reasons)
    )


def _suppressed(event: oversight.Event) -> bool:
    return event.HasField("suppression") and event.suppression.source == "refusal"


def _found(rule: str) -> Callable[[oversight.Event], bool]:
    return lambda event: (
        event.HasField("finding")
        and event.finding.finding.rule == rule
        and event.finding.finding.status == conversation.FINDING_STATUS_CERTAIN
    )
