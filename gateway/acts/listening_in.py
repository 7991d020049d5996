"""Owns letting a person hear a live call, speak to its agent alone, or to both parties.

Called by oversight. The invariants: only calls that this person sees; only the configured template
of a supervisor's phone is ever rung, never a trunk.
"""

import re
from typing import Final

from callwarden.v1 import oversight_pb2 as oversight
from gateway.acts.desk import Desk
from gateway.acts.refused import Missing, NotThere, Unavailable
from policy.ledger.acts import ActKind
from policy.people import EXTENSION, Person

MODES: "Final[dict[oversight.ListenInMode.ValueType, ActKind]]" = {
    oversight.LISTEN_IN_MODE_LISTEN: ActKind.LISTEN,
    oversight.LISTEN_IN_MODE_WHISPER: ActKind.WHISPER,
    oversight.LISTEN_IN_MODE_BARGE: ActKind.BARGE,
}


class ListeningIn:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def begin(
        self, person: Person, request: oversight.ListenInRequest
    ) -> oversight.ListenInResponse:
        """Rings the person's phone, or makes the page for the browser."""
        mode = MODES.get(request.mode)
        if mode is None:
            raise Missing("say whether to listen, to whisper or to barge in")
        self._desk.allow(person, mode)
        self._desk.live_call(person, request.call_id)
        extension = request.extension or person.extension
        if not request.browser and not re.fullmatch(EXTENSION, extension):
            raise Missing("say which extension to ring: letters and digits")
        raise Unavailable("nobody can listen in: asterisk.supervisor_endpoint is not set")

    async def end(self, person: Person, listening_id: str) -> None:
        raise NotThere("nobody listens in under this id")
