"""Owns finding calls that reached a trunk without a decision: originated straight at it, or by a
dialplan that forgot the gate.

Run by `pbx` on AMI, apart from ARI. It refuses nothing: the call is out. The invariant: every call
sent to a trunk while AMI is connected, or up when it connects, is matched with an ALLOW for its
number; one without is recorded and told within seconds.
"""

import asyncio
import re
from collections import OrderedDict
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog

from callwarden.settings import Settings
from gateway.asterisk.ami import AmiUnavailable, followed
from gateway.asterisk.ari import Ari, AriRefused, AriUnavailable
from gateway.asterisk.trunk_call import (
    EMERGENCY,
    NONCE,
    TrunkCall,
    filters,
    trunk_call,
)
from gateway.durable import Durable
from gateway.floor import Floor
from gateway.health import Health, HealthStatus
from gateway.history import bypass_found
from gateway.metrics import Metrics
from policy.dialling import number as numbers
from policy.ledger import Bypass, Ledger, LedgerUnavailable, RecordedBypass
from policy.ledger.reader import LedgerReader

_log = structlog.get_logger(__name__)

_AGAIN_S: Final = 1.0
_LOOKS_S: Final = (0.0, 1.0, 2.0, 3.0)
"""Pauses before each look for a decision: all of them only while ledger or ARI cannot be asked."""
_JUDGED: Final = 5000
"""Channels remembered, so that what several events tell is judged once."""


class BypassWatch:
    """`run` it for ever. `ari` is asked for variables of channels."""

    def __init__(
        self,
        settings: Settings,
        floor: Floor,
        *,
        ledger: Ledger,
        durable: Durable,
        health: Health,
        metrics: Metrics,
        ari: Ari,
    ) -> None:
        self._settings = settings
        self._floor = floor
        self._ledger = ledger
        self._durable = durable
        self._health = health
        self._metrics = metrics
        self._ari = ari
        self._judged: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._judging: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled. Keeps the health part `asterisk-ami` as well."""
        asterisk = self._settings.asterisk
        wanted = filters(asterisk.trunks)
        while True:
            try:
                async with aclosing(followed(asterisk, wanted, (NONCE, EMERGENCY))) as events:
                    async for event in events:
                        if event is None:
                            self._health.set("asterisk-ami", HealthStatus.OK)
                        elif call := trunk_call(event, asterisk.trunks):
                            self.sent(call)
            except AmiUnavailable as unavailable:
                self._health.set("asterisk-ami", HealthStatus.DOWN, str(unavailable))
            await asyncio.sleep(_AGAIN_S)

    def sent(self, call: TrunkCall) -> None:
        """A call was sent to a trunk: it is judged, once."""
        if call.name in self._judged and self._is_judged(call):
            return
        self._judged[call.name] = (call.asked_on, call.linkedid)
        self._judged.move_to_end(call.name)
        if len(self._judged) > _JUDGED:
            self._judged.popitem(last=False)
        if self._on_the_floor(call):
            return
        task = asyncio.get_running_loop().create_task(self._judge(call))
        self._judging.add(task)
        task.add_done_callback(self._judging.discard)

    def _is_judged(self, call: TrunkCall) -> bool:
        """Names of channels come again after a restart of Asterisk, with other ids."""
        return bool({call.asked_on, call.linkedid} & set(self._judged[call.name]))

    def _on_the_floor(self, call: TrunkCall) -> bool:
        return any(
            not call.number or numbers.same_number(call.number, each.number)
            for each in self._floor.of_linkedid(call.linkedid)
        )

    async def _judge(self, call: TrunkCall) -> None:
        if self._for_help(call):
            return
        for pause_s in _LOOKS_S:
            await asyncio.sleep(pause_s)
            if self._on_the_floor(call):
                return
            try:
                if await asyncio.to_thread(self._in_the_ledger, call):
                    return
                if not call.nonce:
                    call = await self._with_variables(call)
                    if self._for_help(call) or await asyncio.to_thread(self._in_the_ledger, call):
                        return
            except (AriUnavailable, AriRefused, LedgerUnavailable):
                continue
            if pause_s:
                break
        self._report(call)

    def _for_help(self, call: TrunkCall) -> bool:
        if call.emergency and call.number.endswith(call.emergency):
            return True
        return numbers.is_emergency(call.number, self._settings.gate.region)

    async def _with_variables(self, call: TrunkCall) -> TrunkCall:
        """What the channel itself bears; nothing once it is gone. Raises AriUnavailable."""
        nonce, emergency = await asyncio.gather(
            *(self._ari.variable(call.channel_id, each) for each in (NONCE, EMERGENCY))
        )
        return replace(call, nonce=nonce, emergency=emergency or call.emergency)

    def _in_the_ledger(self, call: TrunkCall) -> bool:
        """Whether it was allowed, before this gateway perhaps. Raises LedgerUnavailable."""
        settings = self._settings
        with LedgerReader.open(settings.ledger_file, settings.ledger_key_file) as reader:
            found = reader.allowed_on(_as_in_a_nonce(call.asked_on))
            if call.nonce and (named := reader.decision_by_nonce(call.nonce)):
                found.append(named)
        return any(
            each.decision.allowed
            and (not call.number or numbers.same_number(call.number, each.request.number))
            for each in found
        )

    def _report(self, call: TrunkCall) -> None:
        number = numbers.canonical(call.number, self._settings.gate.region)
        bypass = Bypass(
            datetime.now(UTC), number, call.trunk, call.channel_id, call.linkedid, call.source
        )
        write, told = partial(self._ledger.record_bypass, bypass), partial(self._tell, bypass)
        self._durable.record("bypass", call.linkedid, write, lane="bypasses", then=told)

    def _tell(self, bypass: Bypass, bypass_id: str) -> None:
        if not bypass_id:  # told by the gateway before this one
            return
        self._metrics.bypass(bypass.trunk)
        _log.error(
            "a call reached a trunk without a decision: let it pass the gate before it is dialled",
            trunk=bypass.trunk,
            linkedid=bypass.linkedid,
            source=bypass.source,
        )
        self._floor.publish(bypass_found(RecordedBypass(bypass_id, bypass)))


def _as_in_a_nonce(channel_id: str) -> str:
    """A channel's id as the dialplan puts it into a nonce."""
    return re.sub(r"[^A-Za-z0-9.\-]", "", channel_id)
