"""Owns the gateway's view of the calls in the PBX: it notices the answer of an allowed call, has
both legs forked and heard, and settles the attempt at the hang-up.

Run by `gateway.run` beside the gate, which it never touches. The invariant: after every connection
to Asterisk, the first as much as the hundredth, what is up is what is held: calls that are up are
forked, calls that are over are settled, and nothing of ours is left that no call needs.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import structlog

from callwarden.settings import Settings
from gateway.asterisk.answered_call import AnsweredCall, Room
from gateway.asterisk.ari import Ari, AriRefused, AriUnavailable
from gateway.asterisk.ari_socket import Event
from gateway.asterisk.attempts import Attempt, Attempts
from gateway.asterisk.bypass import BypassWatch
from gateway.asterisk.fork import Stasis, delete_orphans
from gateway.asterisk.known_before import KnownBefore
from gateway.asterisk.listen_in import ListenIns, Mode
from gateway.asterisk.recalled import Recalled
from gateway.asterisk.trunk_call import NONCE
from gateway.asterisk.turns import Turns
from gateway.durable import Durable
from gateway.enforcement import Enforcement
from gateway.floor import CallState, Floor
from gateway.health import Health, HealthStatus
from gateway.judging import Digests, Judging
from gateway.media.listener import media_listener
from gateway.media.tap import Tap
from gateway.metrics import Metrics
from gateway.recognizers import Recognizers
from policy.ledger import CallRecord, Ledger

_log = structlog.get_logger(__name__)

_HELPER_LEG: Final = "Local/s@callwarden-gate-leg"
"""Channels that only ask the gate: they bear the nonce and are no party of the call."""
_NAMED: Final = "CallwardenNonce"
"""The dialplan's event that a channel has its nonce now. ChannelVarset would tell as well, among
some thirty others a call, each with a whole channel in it."""
_EVENTS: Final = (
    "ChannelUserevent",
    "Dial",
    "ChannelDestroyed",
    "StasisStart",
    "ApplicationReplaced",
)
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 3.0
_RECONCILE_S: Final = 15.0
_LAST_ACCOUNTS_S: Final = 15.0
_NORMAL_CLEARING: Final = 16


class Pbx:
    """`run` it for ever; `close` it at the end. `ledger` is open."""

    def __init__(
        self,
        settings: Settings,
        floor: Floor,
        ledger: Ledger,
        health: Health,
        metrics: Metrics,
        *,
        digests: Callable[[], Digests],
    ) -> None:
        """`digests` are those of the rulebooks that were activated."""
        self._settings = settings
        self._floor = floor
        self._ledger = ledger
        self._health = health
        self._ari = Ari(settings.asterisk)
        self._stasis = Stasis(Turns(metrics.leg_shed))
        self._media = media_listener(settings.media)
        judging = Judging(digests, settings.ledger_file, settings.ledger_key_file)
        self._recognizers = Recognizers(settings, health, judging, metrics)
        self._durable = Durable(health)
        self._enforcement = Enforcement(ledger, self._durable, floor)
        self._bypasses = BypassWatch(
            settings,
            floor,
            ledger=ledger,
            durable=self._durable,
            health=health,
            metrics=metrics,
            ari=self._ari,
        )
        self._recalled = Recalled(settings)
        self._attempts = Attempts()
        self._listen_ins = ListenIns(self._ari, self._stasis, settings.asterisk)
        self._nonces: dict[str, str] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._media_started = False
        self._room = Room(
            settings.media,
            self._ari,
            self._stasis,
            self._media,
            self._recognizers,
            floor,
            ledger,
            self._durable,
            self._enforcement,
            KnownBefore.read(settings.speech),
        )

    @property
    def legs_waiting(self) -> int:
        """Legs of answered calls whose fork has to wait its turn."""
        return self._stasis.turns.waiting

    async def run(self) -> None:
        """Until cancelled. May be run again after it failed: calls that are up stay held."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._keep_media())
            parts.create_task(self._keep_events())
            parts.create_task(self._recognizers.watch())
            parts.create_task(self._bypasses.run())

    async def hang_up(self, call_id: str) -> None:
        """Ends both channels. Raises KeyError: no such call is up; AriUnavailable, AriRefused."""
        channels = self._attempt(call_id).channels.values()
        await asyncio.gather(*(self._ari.delete(f"channels/{channel}") for channel in channels))

    async def listen_in(self, call_id: str, mode: Mode, extension: str) -> str:
        """Rings a supervisor's phone into an answered call; returns the listening's id. Raises as
        `hang_up` does, and NoPhone."""
        self._answered(call_id)
        channel = self._attempt(call_id).agent_channel
        return await self._listen_ins.begin(channel, mode, extension)

    def tap(self, call_id: str) -> Tap:
        """What both parties of an answered call say. Raises KeyError."""
        return self._answered(call_id).tap()

    async def end_listen_in(self, listening_id: str) -> None:
        """Raises KeyError: nobody listens in under this id."""
        await self._listen_ins.end(listening_id)

    def _answered(self, call_id: str) -> AnsweredCall:
        answered = self._attempt(call_id).answered
        if answered is None:
            raise KeyError("nobody speaks on this call yet")
        return answered

    def _attempt(self, call_id: str) -> Attempt:
        attempt = self._attempts.of_call(call_id)
        if attempt is None:
            raise KeyError("no such call is up")
        return attempt

    async def close(self) -> None:
        """Deletes every fork; what was heard until now is accounted. The calls go on."""
        await self._listen_ins.close()
        leaving = [each.answered.leave() for each in self._attempts.all() if each.answered]
        await asyncio.gather(*leaving, return_exceptions=True)
        if self._ending:
            await asyncio.wait(self._ending, timeout=_LAST_ACCOUNTS_S)
        await self._durable.close()
        await self._media.close()
        await self._recognizers.close()
        await self._ari.close()

    async def _keep_media(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._media_started:
            try:
                await self._media.start()
                self._media_started = True
            except OSError as error:
                _log.error("no audio comes in: media.listen cannot be had", why=str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _keep_events(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async with self._ari.events(_EVENTS) as events:
                    pause_s = _FIRST_PAUSE_S
                    async with asyncio.TaskGroup() as parts:
                        reconciling = parts.create_task(self._keep_reconciled())
                        async for event in events:
                            await self._handle(event)
                        reconciling.cancel()
                cause = "Asterisk closed the connection of events; connecting again"
            except AriUnavailable as unavailable:
                cause = str(unavailable)
            except ExceptionGroup as failures:
                failed, others = failures.split((AriUnavailable, AriRefused))
                if others or not failed:
                    raise
                cause = str(failed.exceptions[0])
            finally:
                self._stasis.disconnected()
            self._health.set("asterisk-ari", HealthStatus.DOWN, cause)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _keep_reconciled(self) -> None:
        while True:
            await self._reconcile()
            self._stasis.connected.set()
            self._health.set("asterisk-ari", HealthStatus.OK)
            await asyncio.sleep(_RECONCILE_S)

    async def _reconcile(self) -> None:
        """Makes what is held what is up: calls found up are held, calls gone are settled, orphans
        of ours deleted."""
        before = [(each, each.last_channel) for each in self._attempts.all()]
        deleted = await delete_orphans(self._ari, self._stasis)
        if deleted:
            _log.info("orphans deleted", count=deleted)
        channels = {
            str(each["id"]): each
            for each in await self._ari.get("channels")
            if not str(each["id"]).startswith(f"{self._ari.application}.")
            and not str(each["name"]).startswith(_HELPER_LEG)
        }
        for attempt, channel in before:
            # What was told meanwhile is newer than the list: it may have ended, or dialled on.
            held = self._attempts.of_call(attempt.call_id) is attempt
            if held and attempt.last_channel == channel and channel not in channels:
                self._finish(attempt, 0)
        bearers: dict[str, list[dict[str, Any]]] = {}
        for channel, each in channels.items():
            if nonce := await self._nonce(channel):
                bearers.setdefault(nonce, []).append(each)
        for nonce, bearing in bearers.items():
            if self._attempts.of_call(nonce) is None:
                await self._found(nonce, bearing)

    async def _nonce(self, channel: str) -> str:
        if channel not in self._nonces:
            found = await self._ari.variable(channel, NONCE)
            if not found:
                return ""
            self._nonces.setdefault(channel, found)
        return self._nonces[channel]

    async def _found(self, nonce: str, bearing: list[dict[str, Any]]) -> None:
        """A call that was placed while nobody watched: the agent's channel is the oldest."""
        agent, *others = sorted(bearing, key=lambda each: str(each["creationtime"]))
        attempt = await self._begin(nonce, str(agent["id"]))
        if attempt is None or attempt.answered:
            return
        for customer in others:
            self._dialled(attempt, str(customer["id"]))
            if customer["state"] == "Up" and agent["state"] == "Up":
                answered_at = await asyncio.to_thread(self._recalled.answered_at, nonce)
                answered_at = answered_at or await self._answer_in_cdr(str(agent["id"]))
                if attempt.answered is None:
                    self._answer(attempt, answered_at or datetime.now(UTC))

    async def _handle(self, event: Event) -> None:
        match event.kind:
            case "ChannelUserevent" if event.channel and event.body["eventname"] == _NAMED:
                self._name(event.channel, str(event.body["userevent"].get("nonce", "")))
            case "Dial":
                await self._dial(event)
            case "StasisStart":
                self._stasis.entered(event.channel)
            case "ChannelDestroyed":
                self._stasis.gone(event.channel)
                self._destroyed(event.channel, int(event.body.get("cause", 0)))
            case "ApplicationReplaced":
                text = (
                    "another gateway took the ARI application: give each its own "
                    "asterisk.ari_application"
                )
                raise AriUnavailable(text)

    def _name(self, channel: str, nonce: str) -> None:
        """The dialplan gave a channel its nonce; another one than before is another attempt."""
        attempt = self._attempts.of_channel(channel)
        self._nonces[channel] = nonce
        if attempt and attempt.agent_channel == channel and attempt.call_id != nonce:
            self._leave(attempt)

    def _leave(self, attempt: Attempt) -> None:
        """The agent's channel goes on with another attempt. Why this one ended its customer's
        channel tells, the end of which may come a moment later."""
        if attempt.customer_channel and not attempt.customer_gone:
            self._attempts.leave(attempt)
        else:
            self._finish(attempt, 0)

    async def _dial(self, event: Event) -> None:
        caller, peer = event.body.get("caller"), event.body["peer"]
        if not caller or str(peer["name"]).startswith(_HELPER_LEG):
            return
        agent, customer = str(caller["id"]), str(peer["id"])
        nonce = await self._nonce(agent)
        attempt = await self._begin(nonce, agent) if nonce else None
        if attempt is None or attempt.answered:
            return
        attempt.dialstatus = str(event.body.get("dialstatus") or attempt.dialstatus)
        self._dialled(attempt, customer)
        if attempt.dialstatus == "ANSWER":
            self._answer(attempt, datetime.now(UTC))

    async def _begin(self, nonce: str, agent_channel: str) -> Attempt | None:
        """The attempt of this nonce; None when it was not allowed, or is over."""
        if self._floor.call(nonce) is None:
            recalled = await asyncio.to_thread(self._recalled.allowed, nonce)
            if recalled is None:
                return None
            self._floor.allowed(recalled)
        return self._placed(nonce, agent_channel)

    def _placed(self, nonce: str, agent_channel: str) -> Attempt | None:
        attempt, live = self._attempts.of_call(nonce), self._floor.call(nonce)
        if attempt or live is None:
            return attempt
        if live.state is CallState.ENDED:
            return None
        attempt = Attempt(nonce, agent_channel)
        self._attempts.add(attempt)
        self._floor.change(nonce, channels=attempt.channels)
        record = CallRecord(
            nonce,
            live.decision_id,
            live.number,
            live.agent,
            live.scene,
            live.customer,
            live.linkedid,
            live.started_at,
        )
        self._durable.record("call", nonce, partial(self._ledger.begin_call, record))
        return attempt

    async def _answer_in_cdr(self, channel: str) -> datetime | None:
        """When Asterisk saw the answer, where it keeps CDRs."""
        told = await self._ari.variable(channel, "CDR(answer,u)")
        try:
            return datetime.fromtimestamp(float(told), UTC) if float(told) else None
        except ValueError:
            return None

    def _dialled(self, attempt: Attempt, customer_channel: str) -> None:
        if attempt.customer_channel != customer_channel:
            self._attempts.dialled(attempt, customer_channel)
            self._floor.change(attempt.call_id, channels=attempt.channels)

    def _answer(self, attempt: Attempt, answered_at: datetime) -> None:
        call_id = attempt.call_id
        live = self._floor.change(
            call_id,
            state=CallState.UNHEARD,
            answered_at=answered_at,
            unheard_cause="the audio is being forked",
        )
        answer = partial(self._ledger.answer_call, call_id, answered_at)
        self._durable.record("answer", call_id, answer)
        for leg, channel in attempt.channels.items():
            self._durable.record(
                "leg", call_id, partial(self._ledger.add_leg, call_id, leg, channel)
            )
        elapsed_s = max(0.0, (datetime.now(UTC) - answered_at).total_seconds())
        attempt.answered = AnsweredCall(self._room, live, attempt.channels, elapsed_s)
        attempt.answered.start()

    def _destroyed(self, channel: str, q850_cause: int) -> None:
        nonce = self._nonces.pop(channel, "")
        # Allowed, and hung up before anything was dialled: an attempt all the same.
        attempt = self._attempts.of_channel(channel) or self._placed(nonce, channel)
        if attempt is None:
            return
        if channel == attempt.customer_channel:
            attempt.q850_cause, attempt.customer_gone = q850_cause, True
        # The customer may talk on without the agent's channel: transferred, or it was a Local one
        # that Asterisk took out of the call.
        if channel == attempt.last_channel:
            self._finish(attempt, q850_cause or _NORMAL_CLEARING)

    def _finish(self, attempt: Attempt, q850_cause: int) -> None:
        """The attempt is over: settles it, ends the call, and has it accounted. `q850_cause` is
        its last channel's, 0 where nobody saw it end."""
        disposition, q850_cause = attempt.settled(q850_cause)
        self._attempts.remove(attempt)
        call_id, answered, now = attempt.call_id, attempt.answered, datetime.now(UTC)
        seconds = answered.seconds if answered else 0.0
        self._floor.ended(call_id, q850_cause=q850_cause, ended_at=now)
        settle = partial(
            self._ledger.settle,
            call_id,
            disposition=disposition,
            q850_cause=q850_cause,
            connected=answered is not None,
            talk_seconds=seconds,
            now=now,
        )
        self._durable.record("settlement", call_id, settle)
        end = partial(self._ledger.end_call, call_id, now, seconds, q850_cause)
        self._durable.record("end", call_id, end)
        if answered:
            self._spawn(answered.end(seconds))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._ending.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("a call was not accounted", kind=type(error).__name__)
