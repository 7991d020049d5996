"""Owns one leg's fork: a snoop on the party's channel (`spy=in`: what that party says) in a mixing
bridge of its own with an externalMedia channel, which brings the audio to a media listener.

Run by `pbx` for each leg of an answered call. The invariant: whatever a fork made in Asterisk is
gone again, after a hang-up, a lost listener, a failure half-way or a cancellation; its names
begin with the application's, so that what a killed gateway left behind is known as ours.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Final

import structlog

from gateway.asterisk.ari import Ari, AriRefused, AriUnavailable
from gateway.asterisk.turns import Turns
from gateway.media.reception import Line, MediaListener, Reception

_log = structlog.get_logger(__name__)

_ENTER_S: Final = 3.0
"""How long a channel of ours may take to enter the application; 22 ms were measured."""
_SILENT_S: Final = 2.0
"""Asterisk sends 50 frames a second, silence included: none for this long is a lost line."""
_FIRST_LOOK_S: Final = 0.05
_LOOK_S: Final = 0.5
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
_DELETE_S: Final = 5.0
_GOES_S: Final = 1.0
"""How long a channel of ours may take to end by itself once what it hangs on has ended."""
_SHED_S: Final = 0.5
"""A wait for one's turn beyond this is a cause of its own for what was missed."""
_BEHIND: Final = (
    "listening is behind: more calls are answered than this box can begin to listen to; "
    "use a faster one"
)


class ForkFailed(Exception):
    """The fork could not be made, or was lost; the text is the cause shown for the leg."""


class Stasis:
    """Our application in Asterisk: whether it is connected, which of our channels have entered it
    and which are gone. Fed from the events, waited upon by forks."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.connected = asyncio.Event()
        self._entering: dict[str, asyncio.Future[bool]] = {}
        self._leaving: dict[str, asyncio.Future[bool]] = {}
        self._forks: set[str] = set()

    def claim(self, fork: str) -> None:
        self._forks.add(fork)

    def disclaim(self, fork: str) -> None:
        self._forks.discard(fork)

    def claims(self, application: str, name: str) -> bool:
        """False for a channel or bridge of ours that no living fork made."""
        return name.removeprefix(f"{application}.").partition(".")[2] in self._forks

    def expect(self, channel: str) -> tuple[asyncio.Future[bool], asyncio.Future[bool]]:
        """Futures of the channel's entry and end; call before the channel is made. False: the
        events were interrupted, and nobody knows."""
        loop = asyncio.get_running_loop()
        self._entering[channel], self._leaving[channel] = loop.create_future(), loop.create_future()
        return self._entering[channel], self._leaving[channel]

    def leaving(self, channel: str) -> asyncio.Future[bool] | None:
        """The future of the channel's end; None where none is expected."""
        return self._leaving.get(channel)

    def forget(self, channel: str) -> None:
        for futures in (self._entering, self._leaving):
            future = futures.pop(channel, None)
            if future is not None:
                future.cancel()

    def entered(self, channel: str) -> None:
        _resolve(self._entering.get(channel), True)

    def gone(self, channel: str) -> None:
        _resolve(self._leaving.get(channel), True)

    def disconnected(self) -> None:
        """The events were interrupted: nothing is known of any channel any more."""
        self.connected.clear()
        for future in self._leaving.values():
            _resolve(future, False)


def _resolve(future: asyncio.Future[bool] | None, known: bool) -> None:
    if future is not None and not future.done():
        future.set_result(known)


class Fork:
    """One leg's fork for as long as its call is up."""

    def __init__(
        self,
        ari: Ari,
        stasis: Stasis,
        media: MediaListener,
        *,
        channel: str,
        reception: Reception,
        changed: Callable[[], None],
    ) -> None:
        self._ari = ari
        self._stasis = stasis
        self._media = media
        self._channel = channel
        self._reception = reception
        self._changed = changed
        self.cause = "the audio is being forked"
        """Why the leg is not heard; empty while it is."""
        self.losses: set[str] = set()
        """Every cause for which audio was missed, for the coverage."""
        self.call_is_over = False
        """Asterisk ends by itself what hangs on the party's channel."""

    async def hold(self) -> None:
        """Forks, and forks anew whenever it is lost, until cancelled (at the end of the call)."""
        pause_s = _FIRST_PAUSE_S
        while True:
            await self._stasis.connected.wait()
            try:
                await self._hear()
            except ForkFailed as failed:
                cause = str(failed)
            except (AriUnavailable, AriRefused, OSError) as error:
                cause = str(error) or type(error).__name__
            if not self.cause:
                pause_s = _FIRST_PAUSE_S
            self.losses.add("audio-lost")
            self._become(f"{self._reception.leg.value} leg: {cause}")
            _log.warning("fork lost", leg=self._reception.leg.value, cause=cause)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _become(self, cause: str) -> None:
        if cause != self.cause:
            self.cause = cause
            self._changed()

    async def _hear(self) -> None:
        """One fork from its making to its loss. Always raises."""
        asked_s = self._reception.clock.seconds()
        async with self._stasis.turns.turn(self._waits) as turn_over:
            if self._reception.clock.seconds() - asked_s < _SHED_S:
                self.losses.discard("shed")
            name = f"{self._reception.leg.value}.{secrets.token_hex(4)}.{self._channel}"
            made = _Made(self._ari, self._stasis, name)
            self._reception.interrupted()
            line = await self._media.open(self._reception)
            try:
                async with asyncio.timeout(_ENTER_S):
                    await made.by(self._channel, dict(line.parameters))
                turn_over()
                await self._until_lost(line.lost, made)
            except TimeoutError:
                raise ForkFailed(
                    "Asterisk did not bring the audio: see `callwarden doctor` for modules and "
                    "websocket_client.conf"
                ) from None
            finally:
                await to_the_end(self._undo(made, line))

    def _waits(self) -> None:
        self.losses.add("shed")
        self._become(_BEHIND)

    async def _undo(self, made: "_Made", line: Line) -> None:
        await line.close()
        await made.delete(goes_by_itself=self.call_is_over)

    async def _until_lost(self, lost: asyncio.Future[str], made: "_Made") -> None:
        clock = self._reception.clock
        watched_from_s = clock.seconds()
        while True:
            done, _ = await asyncio.wait(
                {lost, made.gone},
                timeout=_FIRST_LOOK_S if self.cause else _LOOK_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if lost in done:
                raise ForkFailed(lost.result())
            if done:
                raise ForkFailed("Asterisk ended the fork")
            if self._reception.heard_at_s >= watched_from_s:
                self._become("")
            since_s = clock.seconds() - max(self._reception.heard_at_s, watched_from_s)
            if since_s > _SILENT_S:
                raise ForkFailed(f"no audio for {_SILENT_S:.0f} s")


class _Made:
    """What one fork made in Asterisk."""

    def __init__(self, ari: Ari, stasis: Stasis, name: str) -> None:
        self._ari = ari
        self._stasis = stasis
        self._name = name
        stasis.claim(name)
        self._snoop = f"{ari.application}.snoop.{name}"
        self._external = f"{ari.application}.audio.{name}"
        self._bridge = f"{ari.application}.bridge.{name}"
        self.gone: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def by(self, channel: str, external: dict[str, str]) -> None:
        """Makes all three and joins them."""
        application = self._ari.application
        snoop_entered, snoop_left = self._stasis.expect(self._snoop)
        external_entered, external_left = self._stasis.expect(self._external)
        # Every answer is awaited, so that nothing is made after a failure was cleaned up.
        answers = await asyncio.gather(
            self._ari.post(
                f"channels/{channel}/snoop", app=application, spy="in", snoopId=self._snoop
            ),
            self._ari.post(
                "channels/externalMedia", app=application, channelId=self._external, **external
            ),
            self._ari.post("bridges", type="mixing", bridgeId=self._bridge, name=self._bridge),
            return_exceptions=True,
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        for left in (snoop_left, external_left):
            left.add_done_callback(self._one_gone)
        entering = asyncio.gather(snoop_entered, external_entered)
        await asyncio.wait({entering, self.gone}, return_when=asyncio.FIRST_COMPLETED)
        if not entering.done():
            entering.cancel()
            raise ForkFailed("Asterisk could not bring the audio here")
        await self._ari.post(
            f"bridges/{self._bridge}/addChannel", channel=f"{self._snoop},{self._external}"
        )

    def _one_gone(self, _: object) -> None:
        if not self.gone.done():
            self.gone.set_result(None)

    async def delete(self, *, goes_by_itself: bool) -> None:
        """Deletes what is still there; with `goes_by_itself`, only what does not soon go without.
        What cannot be deleted now is an orphan that the next look around deletes."""
        left = {channel: self._stasis.leaving(channel) for channel in (self._external, self._snoop)}
        try:
            async with asyncio.timeout(_DELETE_S):
                await self._ari.delete(f"bridges/{self._bridge}")
                going = [each for each in left.values() if each]
                if goes_by_itself and going:
                    await asyncio.wait(going, timeout=_GOES_S)
                stay = [
                    channel
                    for channel, gone in left.items()
                    if not (gone and gone.done() and gone.result())
                ]
                await asyncio.gather(*(self._ari.delete(f"channels/{each}") for each in stay))
        except (AriUnavailable, AriRefused, TimeoutError) as error:
            _log.warning("fork not deleted", cause=str(error) or "timeout")
        finally:
            self._stasis.forget(self._snoop)
            self._stasis.forget(self._external)
            self._stasis.disclaim(self._name)


async def to_the_end(work: Any) -> None:
    """Awaits `work` even while being cancelled, then lets the cancellation through."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def delete_orphans(ari: Ari, stasis: Stasis) -> int:
    """Deletes channels and bridges of ours that no living fork made; returns how many."""
    orphans = [
        f"{kind}/{each['id']}"
        for kind in ("channels", "bridges")
        for each in await ari.get(kind)
        if str(each["id"]).startswith(f"{ari.application}.")
        and not stasis.claims(ari.application, str(each["id"]))
    ]
    await asyncio.gather(*(ari.delete(orphan) for orphan in orphans))
    return len(orphans)
