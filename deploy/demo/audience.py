"""Owns what the demo saw: the events of the oversight stream, as the console gets them.

It watches like any console does, so what it reports is what an operator would have seen.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import grpc.aio

from callwarden import transport
from callwarden.settings import Settings
from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1 import oversight_pb2_grpc as oversight_grpc

_LEGS = {conversation.LEG_AGENT: "坐席 agent", conversation.LEG_CUSTOMER: "客户 customer"}


@dataclass(frozen=True)
class Seen:
    """One event and when it came in, on this process's monotonic clock."""

    at: float
    event: oversight.Event


class Audience:
    """Watches until closed. `tell` gets a line for each event worth one."""

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._tell = tell
        self._seen: list[Seen] = []
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Audience":
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def seen(self) -> tuple[Seen, ...]:
        return tuple(self._seen)

    async def until(
        self, wanted: Callable[[oversight.Event], bool], timeout_s: float
    ) -> Seen | None:
        """The first event that `wanted` accepts, past ones included; None when none came."""
        try:
            async with asyncio.timeout(timeout_s), self._news:
                looked_at = 0
                while True:
                    for seen in self._seen[looked_at:]:
                        if wanted(seen.event):
                            return seen
                    looked_at = len(self._seen)
                    await self._news.wait()
        except TimeoutError:
            return None

    async def _watch(self) -> None:
        async with transport.channel_to(
            self._settings.oversight.address, self._settings.tls
        ) as channel:
            stub = oversight_grpc.OversightStub(channel)
            while True:
                try:
                    async for event in stub.Watch(oversight.WatchRequest()):
                        await self._take(event)
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.2)

    async def _take(self, event: oversight.Event) -> None:
        async with self._news:
            self._seen.append(Seen(time.monotonic(), event))
            self._news.notify_all()
        line = _line(event)
        if line:
            self._tell(line)


def _line(event: oversight.Event) -> str:
    """The event in a line, or nothing for one that only a console needs."""
    match event.WhichOneof("payload"):
        case "decision":
            decision = event.decision
            if decision.verdict == oversight.VERDICT_ALLOW:
                return f"放行 ALLOW  {decision.number_masked} {decision.scene}"
            reasons = "; ".join(
                f"{reason.rule} {reason.title_zh} {reason.title_en}" for reason in decision.reasons
            )
            return f"拒绝 DENY   {decision.number_masked} {decision.scene}: {reasons}"
        case "utterance" if event.utterance.utterance.final:
            utterance = event.utterance.utterance
            return f"  {_LEGS[utterance.leg]}: {utterance.text}"
        case "finding":
            finding = event.finding.finding
            status = conversation.FindingStatus.Name(finding.status)
            status = status.removeprefix("FINDING_STATUS_").lower()
            return (
                f"  发现 FINDING {finding.rule} ({status}) {finding.title_zh} {finding.title_en}:"
                f" “{finding.heard_text}”"
            )
        case "suppression":
            return f"  禁呼 SUPPRESSED {event.suppression.number_masked}: no further calls"
        case "call" if event.call.state == oversight.CALL_STATE_ENDED:
            return _ended(event.call)
    return ""


def _ended(call: oversight.CallChanged) -> str:
    """How the call ended and what was heard of it; nothing while its last words are analysed."""
    if call.unheard_cause:
        return f"  通话结束，未分析 CALL ENDED, not analysed: {call.unheard_cause}"
    if any(leg.received_s - leg.analysed_s > 0.5 for leg in call.coverage):
        return ""
    heard = (f"{_LEGS[leg.leg]} {leg.analysed_s:.0f} s" for leg in call.coverage)
    return f"  通话结束 CALL ENDED, analysed: {', '.join(heard) or 'nothing was said'}"
