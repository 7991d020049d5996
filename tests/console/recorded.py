"""A console over a recorded session, with a clock that stands still."""

from collections.abc import Sequence

from google.protobuf.message import Message

from callwarden.v1 import oversight_pb2 as oversight
from callwarden.v1.oversight_pb2 import Event
from tests.console.sample_events import NOW, ZONE, sample
from tui.app import Console
from tui.language import Locale
from tui.oversight import Began, Kind, Received, Refused, Reply

CHEN = oversight.WhoAmIResponse(
    name="chen",
    role=oversight.ROLE_SUPERVISOR,
    extension="2001",
    may=[
        act
        for act in oversight.Act.values()
        if act not in (oversight.ACT_UNSPECIFIED, oversight.ACT_SHADOW_RULE)
    ],
)


class Recorded:
    """Brings its events at once, as a gateway does to a console that begins to watch."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.who: oversight.WhoAmIResponse | None = CHEN
        self.asked: list[Message] = []
        self.past: dict[str, Sequence[Event]] = {}
        self._received = [Received(NOW, Began()), *(Received(NOW, event) for event in events)]

    def start(self) -> None: ...

    def take(self) -> Sequence[Received]:
        taken, self._received = self._received, []
        return taken

    def bring(self, received: Received) -> None:
        """Something more comes."""
        self._received.append(received)

    def watch_anew(self) -> None: ...

    async def ask(self, request: Message, reply: type[Reply]) -> Reply:
        """Answers who sits here, as `who`; every other request is kept in `asked`."""
        if isinstance(request, oversight.WhoAmIRequest):
            if self.who is None:
                raise Refused("", Kind.OLD)
            assert issubclass(reply, oversight.WhoAmIResponse)
            return reply.FromString(self.who.SerializeToString())
        self.asked.append(request)
        return reply()

    async def past_call(self, call_id: str) -> Sequence[Event]:
        if call_id not in self.past:
            raise Refused("the ledger has no such call", Kind.GONE)
        return self.past[call_id]

    async def close(self) -> None: ...


def console(
    locale: Locale = "zh", *, dark: bool = True, events: Sequence[Event] | None = None
) -> Console:
    """A console that shows `events`, the sample when there are none given."""
    return Console(
        Recorded(sample() if events is None else events),
        locale=locale,
        operator="chen",
        address="127.0.0.1:4574",
        clock=lambda: NOW,
        zone=ZONE,
        dark=dark,
    )
