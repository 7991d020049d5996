"""Owns the demo: the recorded hour in place of a gateway, with a clock of its own.

Run by `callwarden console --demo` and filmed for the README. It needs no server and no network. The
one invariant: nothing is done in it; whatever a person asks for is answered with what it is.
"""

import time
from collections.abc import Callable, Iterable, Sequence

from google.protobuf.message import Message

from callwarden.v1 import oversight_pb2 as oversight
from tui.oversight import Began, Kind, Received, Refused, Reply
from tui.recording import BEGINS, LASTS_S

PERSON = oversight.WhoAmIResponse(
    name="demo",
    role=oversight.ROLE_ADMIN,
    may=[act for act in oversight.Act.values() if act],
    extension="2001",
)


class Demo:
    """A source of events, `speed` times as fast as they fell; after its hour it begins anew.

    `ticking` counts the seconds of the person who watches.
    """

    def __init__(
        self,
        events: Iterable[oversight.Event],
        *,
        speed: float = 1.0,
        ticking: Callable[[], float] = time.monotonic,
    ) -> None:
        self._events = list(events)
        self._speed = speed
        self._ticking = ticking
        self._began_at = ticking()
        self._next = 0
        self._anew = True

    def clock(self) -> float:
        """The time of the recorded hour, in seconds since 1970-01-01 UTC."""
        return BEGINS + (self._ticking() - self._began_at) * self._speed

    def start(self) -> None: ...

    def take(self) -> Sequence[Received]:
        if self.clock() > BEGINS + LASTS_S:
            self._began_at, self._anew = self._ticking(), True
        now = self.clock()
        taken: list[Received] = []
        if self._anew:
            self._anew, self._next = False, 0
            taken.append(Received(now, Began()))
        while self._next < len(self._events) and self._events[self._next].at <= now:
            taken.append(Received(now, self._events[self._next]))
            self._next += 1
        return taken

    def watch_anew(self) -> None:
        """All that has fallen until now comes again."""
        self._anew = True

    async def ask(self, request: Message, reply: type[Reply]) -> Reply:
        if isinstance(request, oversight.WhoAmIRequest):
            return reply.FromString(PERSON.SerializeToString())
        raise Refused("", Kind.DEMO)

    async def past_call(self, call_id: str) -> Sequence[oversight.Event]:
        """What has fallen on it until now, as a ledger would tell it."""
        fallen = [each for each in self._events[: self._next] if _call_id(each) == call_id]
        changes = [each for each in fallen if each.HasField("call")]
        if not changes:
            raise Refused("", Kind.GONE)
        return [changes[-1], *(each for each in fallen if not _passing(each))]

    async def close(self) -> None: ...


def _call_id(event: oversight.Event) -> str:
    kind = event.WhichOneof("payload")
    return getattr(getattr(event, kind), "call_id", "") if kind else ""


def _passing(event: oversight.Event) -> bool:
    """Whether later ones take its place: a state of the call, words that still grow."""
    return event.HasField("call") or (
        event.HasField("utterance") and not event.utterance.utterance.final
    )
