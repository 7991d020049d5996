"""Owns collecting CDRs over AMI while calls end.

Called by `callwarden log reconcile --ami`. AMI tells of a call when it ends and never again: what
ended before, or while the connection was lost, is not here, and the gaps say so.
"""

import asyncio
import signal
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from callwarden.settings import Settings
from gateway.asterisk.ami import AmiUnavailable, followed
from gateway.asterisk.trunk_call import filters
from gateway.reconciliation.cdr import BadCdr, placed_call
from policy.reconciling import PlacedCall

_AGAIN_S: Final = 1.0
_WRITTEN_WITHIN_S: Final = 2.0
"""How long after a call's end its CDR and its coverage may be on their way."""
_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Collected:
    """`cdrs` counts all that were told, `unreadable` those whose call is therefore not here."""

    placed: list[PlacedCall] = field(default_factory=list)
    cdrs: int = 0
    unreadable: int = 0
    gaps: list[tuple[datetime, datetime]] = field(default_factory=list)


async def collect(
    settings: Settings, trunks: tuple[str, ...], zone: ZoneInfo, span: timedelta
) -> Collected:
    """The CDRs that Asterisk tells of for so long, or until SIGINT or SIGTERM. Raises
    AmiUnavailable where the first connection cannot be had."""
    made = Collected()
    collecting = asyncio.create_task(_collected(made, settings, trunks, zone))
    ending = asyncio.Event()
    waiting = asyncio.create_task(ending.wait())
    loop = asyncio.get_running_loop()
    for each in _ENDING:
        loop.add_signal_handler(each, ending.set)
    try:
        both = {collecting, waiting}
        await asyncio.wait(both, timeout=span.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({collecting}, timeout=_WRITTEN_WITHIN_S)
        if collecting.done():
            collecting.result()
    finally:
        for task in (collecting, waiting):
            task.cancel()
        for each in _ENDING:
            loop.remove_signal_handler(each)
    return made


async def _collected(
    made: Collected, settings: Settings, trunks: tuple[str, ...], zone: ZoneInfo
) -> None:
    lost_at: datetime | None = None
    connected = False
    while True:
        try:
            async with aclosing(followed(settings.asterisk, filters(trunks), ())) as events:
                async for event in events:
                    connected = True
                    if lost_at is not None:
                        made.gaps.append((lost_at, datetime.now(UTC)))
                        lost_at = None
                    if event is not None and event.name == "Cdr":
                        _take(made, event.headers, settings, trunks, zone)
        except AmiUnavailable:
            if not connected:
                raise
            lost_at = lost_at or datetime.now(UTC)
        await asyncio.sleep(_AGAIN_S)


def _take(
    made: Collected,
    headers: dict[str, str],
    settings: Settings,
    trunks: tuple[str, ...],
    zone: ZoneInfo,
) -> None:
    made.cdrs += 1
    try:
        if call := placed_call(headers, settings, trunks, zone):
            made.placed.append(call)
    except BadCdr:
        made.unreadable += 1
