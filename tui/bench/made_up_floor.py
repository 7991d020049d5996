"""Owns a gateway that is made up: a real gRPC server whose floor is as large and as busy as asked.

Run by `callwarden bench console` as a process of its own. What it tells is spread as a floor's
events are: mostly words that grow, then calls that change, few findings and decisions. Now and then
it tells something that says when it was told, so that a reader of the screen knows how old it is.
"""

import asyncio
import itertools
import random
import sys
import time
from collections.abc import AsyncIterator, Iterator

import grpc

from callwarden import transport
from callwarden.settings import Tls
from callwarden.v1 import conversation_pb2 as conversation
from callwarden.v1 import oversight_pb2 as oversight

_SERVICE = oversight.DESCRIPTOR.services_by_name["Oversight"].full_name
_HEALTH_EVERY_S = 2.0
_STAMPED_EVERY_S = 0.5
_WORDS = ("您好", "请问", "方便", "利率", "手续费", "还款", "审批", "资料", "稍等", "没问题")
_SCENES = ("marketing.loan", "marketing.wealth", "collection.reminder", "review.loan")
_SEVERITIES = ("info", "minor", "major")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_STAMP_DIGITS = 6
SAID, FOUND = "@", "%"
"""What stands before a stamp: in the words of the first call, in the finding of the second."""
_LEGS = (conversation.LEG_AGENT, conversation.LEG_CUSTOMER)


def stamp(at: float) -> str:
    """A moment, in seconds since 1970 UTC, as six digits: good for three weeks."""
    rest, digits = int(at * 1000), ""
    for _ in range(_STAMP_DIGITS):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def age_s(stamped: str, now: float) -> float:
    """How long before `now` a stamp was made."""
    told_ms = int(stamped, len(_DIGITS))
    return float((int(now * 1000) - told_ms) % len(_DIGITS) ** _STAMP_DIGITS) / 1000


class MadeUpFloor:
    """`calls` live calls, `rate` events a second, the same for the same `seed`."""

    def __init__(self, calls: int, rate: float, seed: int = 1) -> None:
        self._rate = rate
        self._chance = random.Random(seed)  # noqa: S311  # no secret hangs on it
        began = time.time()
        self._calls = [self._call(number, began) for number in range(calls)]
        self._said = [itertools.count(1) for _ in range(calls)]
        self._saying: dict[int, conversation.Utterance] = {}

    def present(self) -> Iterator[oversight.Event]:
        """The state of now, without `live`."""
        for number, call in enumerate(self._calls):
            yield oversight.Event(call=call)
            if number < 2:
                yield self._find(number, "critical", "—")
            for _ in range(3):
                yield self._say(number, final=True)
        yield oversight.Event(health=oversight.HealthChanged(model="made up"))

    async def events(self) -> AsyncIterator[oversight.Event]:
        """For ever, evenly spread."""
        began = time.monotonic()
        health_at = stamped_at = 0.0
        for number in itertools.count():
            due_s = number / self._rate if self._rate else number * _HEALTH_EVERY_S
            await asyncio.sleep(max(0.0, began + due_s - time.monotonic()))
            if due_s >= health_at:
                health_at += _HEALTH_EVERY_S
                yield oversight.Event(health=oversight.HealthChanged(model="made up"))
            if self._calls and self._rate:
                if due_s >= stamped_at:
                    stamped_at += _STAMPED_EVERY_S
                    yield self._say(0, final=True, text=SAID + stamp(time.time()))
                    yield self._find(1, "critical", FOUND + stamp(time.time()))
                yield self._any()

    def _any(self) -> oversight.Event:
        chance, number = self._chance.random(), self._chance.randrange(len(self._calls))
        if chance < 0.60:
            return self._say(number, final=False)
        if chance < 0.70:
            return self._say(number, final=True)
        if chance < 0.96:
            return self._change(number)
        if chance < 0.98:
            return self._find(max(2, number), self._chance.choice(_SEVERITIES), "一条发现")
        decided = oversight.DecisionMade(
            decision_id=f"d-{self._chance.getrandbits(48)}",
            verdict=oversight.VERDICT_ALLOW,
            number_masked="+86138****0000",
            agent="1000",
            scene=self._chance.choice(_SCENES),
        )
        return oversight.Event(decision=decided)

    def _call(self, number: int, now: float) -> oversight.CallChanged:
        begun = now - self._chance.uniform(20, 600) - (1200 if number < 2 else 0)
        return oversight.CallChanged(
            call_id=f"c-{number}",
            state=oversight.CALL_STATE_LISTENED,
            number_masked=f"+86138****{number:04}",
            agent=f"{1000 + number}",
            team=f"T{number % 8}",
            scene=self._chance.choice(_SCENES),
            started_at=begun - 9,
            answered_at=begun,
        )

    def _change(self, number: int) -> oversight.Event:
        call = oversight.CallChanged()
        call.CopyFrom(self._calls[number])
        heard_s = time.time() - call.answered_at
        call.talking[:] = [self._chance.choice(_LEGS)]
        call.coverage.extend(
            conversation.LegCoverage(leg=leg, received_s=heard_s, analysed_s=heard_s)
            for leg in _LEGS
        )
        self._calls[number] = call
        del self._calls[number].coverage[:-2]
        return oversight.Event(call=call)

    def _say(self, number: int, *, final: bool, text: str = "") -> oversight.Event:
        now_s = time.time() - self._calls[number].answered_at
        said = self._saying.pop(number, None)
        if said is None or text:
            leg = self._chance.choice(_LEGS)
            said = conversation.Utterance(
                utterance_id=f"u-{next(self._said[number])}", leg=leg, start_s=now_s - 0.5
            )
        told = conversation.Utterance()
        told.CopyFrom(said)
        told.text = text or said.text + self._chance.choice(_WORDS)
        told.end_s, told.final = now_s, final or len(told.text) > 40
        if not told.final:
            self._saying[number] = told
        return oversight.Event(
            utterance=oversight.UtteranceHeard(call_id=f"c-{number}", utterance=told)
        )

    def _find(self, number: int, severity: str, title: str) -> oversight.Event:
        number = min(number, len(self._calls) - 1)
        now_s = time.time() - self._calls[number].answered_at
        finding = conversation.Finding(
            finding_id="f-1",
            rule="made.up",
            severity=severity,
            leg=conversation.LEG_AGENT,
            start_s=now_s - 1,
            end_s=now_s,
            status=conversation.FINDING_STATUS_CERTAIN,
            title_zh=title,
            title_en=title,
        )
        return oversight.Event(
            finding=oversight.FindingRaised(
                call_id=f"c-{number}", agent=f"{1000 + number}", finding=finding
            )
        )


async def _serve(calls: int, rate: float) -> None:
    server = transport.server()
    floor = MadeUpFloor(calls, rate)

    async def watch(
        _request: oversight.WatchRequest, _context: object
    ) -> AsyncIterator[oversight.Event]:
        sequence = itertools.count(1)
        for event in (*floor.present(), oversight.Event(live=oversight.Live())):
            event.sequence, event.at = next(sequence), time.time()
            yield event
        async for event in floor.events():
            event.sequence, event.at = next(sequence), time.time()
            yield event

    watching = grpc.unary_stream_rpc_method_handler(
        watch,
        request_deserializer=oversight.WatchRequest.FromString,
        response_serializer=oversight.Event.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler(_SERVICE, {"Watch": watching})
    server.add_generic_rpc_handlers((service,))
    port = transport.serve_on(server, "127.0.0.1:0", Tls())
    await server.start()
    print(port, flush=True)  # its parent reads the port
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
