"""Owns the alerts: each once however often it falls, shown until a person sees to it.

`raising` raises them, oversight acknowledges and shows them. The invariants: a flood is one alert
that counts; an alert that somebody acknowledged stays so, and what falls afterwards is another one;
raised alerts outlive the gateway, in the ledger.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from callwarden.alert_settings import Alerts
from callwarden.v1 import oversight_pb2 as oversight
from gateway.acts.desk import Desk
from gateway.acts.refused import NotThere, Unavailable
from gateway.alerts.quiet import is_quiet
from gateway.alerts.webhook import Webhook
from policy.ledger.acts import ActKind, DoneAct, RaisedAlert
from policy.ledger.rows import new_id
from policy.people import Person

_log = structlog.get_logger(__name__)

SEVERITIES: Final = ("info", "minor", "major", "critical")
_SHOWN_FOR: Final = timedelta(hours=24)
_MOST_SHOWN: Final = 500


@dataclass(frozen=True)
class What:
    """Something that needs a person. Those of one `key` within the window are one alert."""

    key: tuple[str, ...]
    kind: str
    severity: str
    title_zh: str
    title_en: str
    call_id: str = ""
    agent: str = ""


@dataclass
class _Shown:
    alert: oversight.AlertChanged
    at: datetime
    fell_at: datetime


class Board:
    """One for the gateway, in its event loop."""

    def __init__(self, desk: Desk, settings: Alerts, webhook: Webhook | None = None) -> None:
        self._desk = desk
        self._settings = settings
        self._webhook = webhook
        self._shown: dict[str, _Shown] = {}
        self._open: dict[tuple[str, ...], str] = {}
        self._recording: set[asyncio.Task[None]] = set()

    async def recall(self) -> None:
        """Shows what an earlier gateway raised within a day. A ledger that cannot be read has
        raised nothing."""
        since = self._desk.now() - _SHOWN_FOR
        try:
            raised = await self._desk.read(lambda reader: reader.acts.alerts_since(since))
            seen_to = await self._desk.read(
                lambda reader: reader.acts.acknowledgements_since(since)
            )
        except Unavailable as error:
            _log.warning("alerts of before are not shown", why=str(error))
            return
        for each in raised[-_MOST_SHOWN:]:
            if each.alert_id not in self._shown:
                alert = _message(each, seen_to.get(each.alert_id))
                self._shown[each.alert_id] = _Shown(alert, each.at, each.at)

    def raise_(self, what: What) -> None:
        """Raises an alert, or counts up the one of the same key; one below the least severity is
        none."""
        if SEVERITIES.index(what.severity) < SEVERITIES.index(self._settings.least):
            return
        now = self._desk.now()
        open_one = self._shown.get(self._open.get(what.key, ""))
        window = timedelta(seconds=self._settings.window_s)
        if open_one and not open_one.alert.acknowledged_at and now - open_one.fell_at < window:
            open_one.fell_at = now
            open_one.alert.count += 1
            open_one.alert.call_id = what.call_id
            self._desk.floor.publish(_copy(open_one.alert))
            return
        quiet = is_quiet(self._settings.quiet_hours, now, self._settings.zone_info)
        raised = RaisedAlert(
            new_id(),
            now,
            what.kind,
            what.severity,
            what.title_zh,
            what.title_en,
            what.call_id,
            what.agent,
            quiet,
        )
        alert = _message(raised, None)
        self._shown[raised.alert_id] = _Shown(alert, now, now)
        self._open[what.key] = raised.alert_id
        self._sweep(now)
        task = asyncio.get_running_loop().create_task(self._record(raised))
        self._recording.add(task)
        task.add_done_callback(self._recording.discard)
        self._desk.floor.publish(_copy(alert))
        if self._webhook and not quiet:
            self._webhook.tell(alert, now.timestamp())

    async def acknowledge(self, person: Person, alert_id: str) -> None:
        """This person sees to it. Said again, the first one stays. Raises Refused."""
        desk = self._desk
        desk.allow(person, ActKind.ACKNOWLEDGE)
        shown = self._shown.get(alert_id)
        if shown is None or not self._sees(person, shown.alert):
            raise NotThere("there is no such alert")
        if shown.alert.acknowledged_at:
            return
        act = await desk.record(
            desk.act(person, ActKind.ACKNOWLEDGE, call_id=shown.alert.call_id, subject=alert_id)
        )
        shown.alert.acknowledged_at = act.at.timestamp()
        shown.alert.acknowledged_by = act.who
        desk.floor.publish(_copy(shown.alert))

    def events(self) -> list[oversight.Event]:
        """The alerts of the last day, oldest first, as events of when they were raised."""
        self._sweep(self._desk.now())
        return [
            oversight.Event(at=each.at.timestamp(), alert=each.alert)
            for each in self._shown.values()
        ]

    async def close(self) -> None:
        """What is being recorded is recorded."""
        if self._recording:
            await asyncio.wait(self._recording)

    def _sees(self, person: Person, alert: oversight.AlertChanged) -> bool:
        """As `sight` shows it."""
        if not person.teams or alert.kind == "health":
            return True
        return bool(alert.agent) and person.sees(self._desk.team_of(alert.agent))

    async def _record(self, raised: RaisedAlert) -> None:
        try:
            await asyncio.wrap_future(self._desk.ledger().acts.raise_alert(raised))
        except (Unavailable, OSError) as error:  # LedgerUnavailable is an OSError
            _log.warning("an alert is shown, and not in the ledger", why=str(error))

    def _sweep(self, now: datetime) -> None:
        """Forgets those of yesterday; of too many the oldest, those seen to before the others."""
        for alert_id, each in tuple(self._shown.items()):
            if now - each.fell_at > _SHOWN_FOR:
                del self._shown[alert_id]
        if len(self._shown) > _MOST_SHOWN:
            oldest = sorted(
                self._shown.items(), key=lambda one: (not one[1].alert.acknowledged_at, one[1].at)
            )
            for alert_id, _ in oldest[: len(self._shown) - _MOST_SHOWN]:
                del self._shown[alert_id]
        self._open = {key: each for key, each in self._open.items() if each in self._shown}


def _message(raised: RaisedAlert, seen_to: DoneAct | None) -> oversight.AlertChanged:
    return oversight.AlertChanged(
        alert_id=raised.alert_id,
        severity=raised.severity,
        kind=raised.kind,
        title_zh=raised.title_zh,
        title_en=raised.title_en,
        call_id=raised.call_id,
        agent=raised.agent,
        count=1,
        acknowledged_at=seen_to.at.timestamp() if seen_to else 0.0,
        acknowledged_by=seen_to.who if seen_to else "",
        quiet=raised.quiet,
    )


def _copy(alert: oversight.AlertChanged) -> oversight.AlertChanged:
    """What was published does not change with the next count."""
    copy = oversight.AlertChanged()
    copy.CopyFrom(alert)
    return copy


Raise = Callable[[What], None]
