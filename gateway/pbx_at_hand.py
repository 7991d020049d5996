"""Owns asking the PBX side for what a person does to a live call, whether or not it is there yet.

Called by the acts. The PBX side waits for the ledger and starts anew when it failed; until then
nothing can be done to a call, and that is said.
"""

from typing import TYPE_CHECKING

from gateway.acts.refused import Missing, NotThere, Unavailable
from policy.ledger.acts import ActKind

if TYPE_CHECKING:
    from gateway.asterisk.pbx import Pbx
    from gateway.media.tap import Tap


class PbxAtHand:
    """`pbx` is set once it runs."""

    def __init__(self) -> None:
        self.pbx: Pbx | None = None

    async def hang_up(self, call_id: str) -> None:
        await self._running.hang_up(call_id)

    async def listen_in(self, call_id: str, act: ActKind, extension: str) -> str:
        """Rings a phone into a call; returns the listening's id. Raises Refused, AriUnavailable,
        AriRefused."""
        from gateway.asterisk.listen_in import Mode, NoPhone

        mode = {
            ActKind.LISTEN: Mode.LISTEN,
            ActKind.WHISPER: Mode.WHISPER,
            ActKind.BARGE: Mode.BARGE,
        }[act]
        try:
            return await self._running.listen_in(call_id, mode, extension)
        except KeyError:
            raise NotThere("nobody speaks on this call") from None
        except NoPhone as why:
            raise Missing(str(why)) from None

    async def end_listen_in(self, listening_id: str) -> None:
        await self._running.end_listen_in(listening_id)

    def tap(self, call_id: str) -> "Tap":
        """What both parties of an answered call say. Raises KeyError."""
        if self.pbx is None:
            raise KeyError("no call is up")
        return self.pbx.tap(call_id)

    @property
    def _running(self) -> "Pbx":
        if self.pbx is None:
            raise Unavailable("the PBX side waits for the ledger")
        return self.pbx
