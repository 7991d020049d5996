"""Owns letting a person hear a live call, speak to its agent alone, or to both parties.

Called by oversight. The invariants: only calls that this person sees; in the log before the phone
rings or the page is given; ended by whoever began it, or by an admin.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol

import structlog

from callwarden.v1 import oversight_pb2 as oversight
from gateway.acts.desk import Desk
from gateway.acts.refused import Missing, NotThere, Refused, Unavailable
from gateway.browser.pages import Pages, TooManyPages
from gateway.media.tap import Tap
from policy.ledger.acts import ActKind
from policy.people import Person, Role

_log = structlog.get_logger(__name__)

ACT: "Final[dict[oversight.ListenInMode.ValueType, ActKind]]" = {
    oversight.LISTEN_IN_MODE_LISTEN: ActKind.LISTEN,
    oversight.LISTEN_IN_MODE_WHISPER: ActKind.WHISPER,
    oversight.LISTEN_IN_MODE_BARGE: ActKind.BARGE,
}
BROWSER: Final = "browser"
"""What stands in the log in place of an extension."""
_MOST_AT_ONCE: Final = 64
"""Phones and pages of one gateway."""


class Pbx(Protocol):
    """Rings a phone into a call: see `gateway.asterisk.pbx`."""

    async def listen_in(self, call_id: str, act: ActKind, extension: str) -> str:
        """Returns the listening's id. Raises Refused."""

    async def end_listen_in(self, listening_id: str) -> None:
        """Raises KeyError: it is over."""

    def tap(self, call_id: str) -> Tap:
        """What both parties say. Raises KeyError: nobody does, or no more."""


class ListeningIn:
    def __init__(self, desk: Desk, pbx: Pbx, pages: Pages) -> None:
        self._desk = desk
        self._pbx = pbx
        self._pages = pages
        self._begun: dict[str, tuple[str, Callable[[str], Awaitable[None]]]] = {}

    async def begin(
        self, person: Person, request: oversight.ListenInRequest
    ) -> oversight.ListenInResponse:
        """Rings the person's phone, or makes the page for the browser."""
        mode = ACT.get(request.mode)
        if mode is None:
            raise Missing("say whether to listen, to whisper or to barge in")
        self._desk.allow(person, mode)
        call = self._desk.live_call(person, request.call_id)
        if request.browser:
            return await self._in_browser(person, call.call_id, mode)
        extension = request.extension or person.extension
        if not extension:
            raise Missing("say which extension to ring: none stands in the file of people")
        act = await self._desk.record(
            self._desk.act(person, mode, call_id=call.call_id, subject=extension)
        )
        try:
            listening_id = await self._pbx.listen_in(call.call_id, mode, extension)
        except Refused:
            await self._desk.failed(act)
            raise
        except Exception as error:  # the PBX side may fail in any way; the person is told so
            _log.warning("listening in failed", call=call.call_id, kind=type(error).__name__)
            await self._desk.failed(act)
            text = "Asterisk does not let anybody listen: see the health of asterisk-ari"
            raise Unavailable(text) from None
        self._keep(listening_id, person, self._pbx.end_listen_in)
        return oversight.ListenInResponse(listening_id=listening_id)

    async def _in_browser(
        self, person: Person, call_id: str, mode: ActKind
    ) -> oversight.ListenInResponse:
        if mode is not ActKind.LISTEN:
            raise Missing("a browser only listens: whisper and barge in by an extension")
        if not self._pages.serving:
            raise Missing("no browser can listen: set oversight.browser")
        act = self._desk.act(person, mode, call_id=call_id, subject=BROWSER)
        act = await self._desk.record(act)
        try:
            listening_id, link = self._pages.offer(partial(self._pbx.tap, call_id))
        except TooManyPages:
            await self._desk.failed(act)
            raise Unavailable("too many browsers listen already: end one") from None
        self._keep(listening_id, person, self._pages.end)
        return oversight.ListenInResponse(listening_id=listening_id, link=link)

    async def end(self, person: Person, listening_id: str) -> None:
        who, end = self._begun.get(listening_id, ("", None))
        if end is None or (who != person.name and person.role is not Role.ADMIN):
            raise NotThere("nobody listens in under this id")
        del self._begun[listening_id]
        try:
            await end(listening_id)
        except KeyError:
            raise NotThere("this listening is over already") from None

    def _keep(
        self, listening_id: str, person: Person, end: Callable[[str], Awaitable[None]]
    ) -> None:
        self._begun[listening_id] = (person.name, end)
        while len(self._begun) > _MOST_AT_ONCE:  # the oldest are long over
            del self._begun[next(iter(self._begun))]
