"""Owns collecting CDRs over AMI while calls end.

Called by `callwarden log reconcile --ami`. AMI tells of a call when it ends and never again: what
ended before, or while the connection was lost, is not here, and the gaps say so.
"""

import asyncio
import contextlib
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
    """The CDRs that Asterisk tells of for so long, or until cancelled. Raises AmiUnavailable where
    the first connection cannot be had."""
    made = Collected()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(span.total_seconds()):
            await _collected(made, settings, trunks, zone)
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
