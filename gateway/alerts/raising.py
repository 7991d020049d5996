"""Owns what of all that falls on the floor needs a person: findings, calls that went round the
gate, parts that are down, calls that are not analysed.

Run by `gateway.run`; raises on the board. It looks at the calls whenever health is told, every 2 s.
The invariant: nothing that happens to a call ever waits for it.
"""

from collections import OrderedDict
from typing import Final

from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight
from gateway.alerts.board import Raise, What
from gateway.enforcement import REFUSAL
from gateway.floor import CallState, Floor, LiveCall

_READ: Final = (oversight.FindingRaised, oversight.BypassFound, oversight.HealthChanged)
_DOWN_S: Final = 15.0
"""How long a part is down before somebody is called: longer than a restart takes."""
_UNHEARD_S: Final = 10.0
"""How long an answered call is not heard before somebody is called."""
_ACCOUNTED_S: Final = 12.0
"""After its end a call's coverage is complete: its last words are waited for 10 s at most."""
_NEEDED: Final = ("gate", "ledger", "rulebook")
"""Parts without which every call is refused."""
_REMEMBERED: Final = 20_000


class Raising:
    """`uncovered_s`: seconds of a leg that were not analysed from which on a call is told of."""

    def __init__(self, floor: Floor, raise_: Raise, uncovered_s: float) -> None:
        self._floor = floor
        self._raise = raise_
        self._uncovered_s = uncovered_s
        self._told: OrderedDict[tuple[str, ...], None] = OrderedDict()

    async def run(self) -> None:
        """Until cancelled."""
        with self._floor.watch(only=_READ) as watcher:
            async for event in watcher:
                self.read(event)

    def read(self, event: oversight.Event) -> None:
        match event.WhichOneof("payload"):
            case "finding":
                self._finding(event.finding)
            case "bypass":
                self._bypass(event.bypass)
            case "health":
                self._health(event.at, event.health)
                for call in self._floor.known():
                    if _is_uncovered(call, event.at, self._uncovered_s):
                        self._uncovered(call)

    def _finding(self, raised: oversight.FindingRaised) -> None:
        found = raised.finding
        if found.status == conversation.FINDING_STATUS_WITHDRAWN:
            return
        if self._first("finding", raised.call_id, found.finding_id):
            kind = "refusal" if found.rule == REFUSAL else "finding"
            self._raise(
                What(
                    (kind, found.rule, raised.agent),
                    kind,
                    found.severity,
                    found.title_zh,
                    found.title_en,
                    raised.call_id,
                    raised.agent,
                )
            )

    def _bypass(self, bypass: oversight.BypassFound) -> None:
        self._raise(
            What(
                ("bypass", bypass.trunk),
                "bypass",
                "critical",
                f"通话绕过了闸门：{bypass.trunk}",
                f"A call went round the gate: {bypass.trunk}",
            )
        )

    def _health(self, at: float, health: oversight.HealthChanged) -> None:
        for part in health.parts:
            key = ("health", part.part)
            if part.status != oversight.HEALTH_STATUS_DOWN:
                self._told.pop(key, None)
            elif at - part.since >= _DOWN_S and self._first(*key):
                self._raise(
                    What(
                        key,
                        "health",
                        "critical" if part.part in _NEEDED else "major",
                        f"{part.part} 不可用",
                        f"{part.part} is down",
                    )
                )

    def _uncovered(self, call: LiveCall) -> None:
        if self._first("uncovered", call.call_id):
            self._raise(
                What(
                    ("uncovered", call.agent),
                    "uncovered",
                    "major",
                    "通话未被完整分析",
                    "A call is not analysed in full",
                    call.call_id,
                    call.agent,
                )
            )

    def _first(self, *key: str) -> bool:
        """Whether this was not told before; remembered, of the newest."""
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return True


def _is_uncovered(call: LiveCall, at: float, uncovered_s: float) -> bool:
    """Whether somebody is to be called for it at `at`, in Unix seconds: nobody hears it, or it was
    over long enough to be accounted and much of it was not analysed."""
    if call.answered_at is None:
        return False
    if call.ended_at is None:
        unheard = call.state is CallState.UNHEARD
        return unheard and at - call.answered_at.timestamp() >= _UNHEARD_S
    if at - call.ended_at.timestamp() < _ACCOUNTED_S:
        return False
    seconds = (call.ended_at - call.answered_at).total_seconds()
    analysed_s = min((leg.analysed_s for leg in call.coverage.values()), default=0.0)
    return seconds - analysed_s >= uncovered_s
