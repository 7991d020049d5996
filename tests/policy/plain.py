"""The dialling rules a second time, slow and obvious: read off the YAML's own values, by comparing
what a clock and a calendar on the wall would show. Nothing of `evaluate` is used.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from policy.dialling.facts import Attempt, Facts
from policy.dialling.request import DialRequest
from tests.policy.generated import GRID

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def rules_against(
    pack: dict[str, Any],
    request: DialRequest,
    facts: Facts,
    zones: Sequence[ZoneInfo],
    now: datetime,
) -> list[str]:
    against = []
    for rule in pack["dialling"]:
        walls = [now.astimezone(zone) for zone in zones]
        first = str(rule.get("effective_from", "0000-00-00"))
        last = str(rule.get("effective_to", "9999-99-99"))
        in_force = any(first <= wall.strftime("%Y-%m-%d") <= last for wall in walls)
        if in_force and _of_scene(rule["scenes"], request.scene):
            denies = {"time": _outside, "limit": _too_many, "suppression": _unwanted}[rule["kind"]]
            if denies(rule, request, facts, walls):
                against.append(rule["id"])
    return against


def earliest(
    pack: dict[str, Any],
    request: DialRequest,
    facts: Facts,
    zones: Sequence[ZoneInfo],
    now: datetime,
    *,
    days: int,
) -> datetime | None:
    """The first instant with nothing against it: `now`, or on the grid within so many days."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    steps = [midnight + number * GRID for number in range((days + 1) * 96)]
    for instant in [now, *(step for step in steps if step > now)]:
        if not rules_against(pack, request, facts, zones, instant):
            return instant
    return None


def _of_scene(patterns: Sequence[str], scene: str) -> bool:
    if scene == "*":
        return True
    branch = scene.partition(".")[0] + ".*"
    return "*" in patterns or scene in patterns or branch in patterns


def _outside(
    rule: dict[str, Any], request: DialRequest, facts: Facts, walls: Sequence[datetime]
) -> bool:
    return any(
        not any(
            window["from"] <= wall.strftime("%H:%M") < window["to"]
            and _WEEKDAYS[wall.weekday()] in window["days"]
            for window in rule["windows"]
        )
        for wall in walls
    )


def _too_many(
    rule: dict[str, Any], request: DialRequest, facts: Facts, walls: Sequence[datetime]
) -> bool:
    mine = facts.attempts
    if rule["unit"] == "connected":
        mine = tuple(attempt for attempt in mine if attempt.connected in (True, None))
    for wall in walls:
        if "rolling_hours" in rule["within"]:
            since = wall.astimezone(UTC) - timedelta(hours=rule["within"]["rolling_hours"])
            counted = [attempt for attempt in mine if attempt.reserved_at > since]
        else:
            today, days = wall.date(), rule["within"]["calendar_days"]
            oldest = str(today - timedelta(days=days - 1))
            counted = [
                attempt
                for attempt in mine
                if str(attempt.reserved_at.astimezone(wall.tzinfo).date()) >= oldest
            ]
        if _calls_with_this_one(counted, request.linkedid) > rule["at_most"]:
            return True
    return False


def _calls_with_this_one(attempts: Sequence[Attempt], linkedid: str) -> int:
    """Replays the attempts: one goes on with the call before it when both are of one linkedid and
    the one before was not answered."""
    in_order = sorted(attempts, key=lambda each: (each.reserved_at, each.connected is not True))
    this_one = Attempt(datetime.max.replace(tzinfo=UTC), linkedid)
    calls, before = 0, dict[str, Attempt]()
    for attempt in [*in_order, this_one]:
        previous = before.get(attempt.linkedid) if attempt.linkedid else None
        if previous is None or previous.connected:
            calls += 1
        before[attempt.linkedid] = attempt
    return calls


def _unwanted(
    rule: dict[str, Any], request: DialRequest, facts: Facts, walls: Sequence[datetime]
) -> bool:
    for entry in facts.suppressions:
        ended = entry.until is not None and entry.until <= walls[0]
        if not ended and entry.channel != "sms" and _of_scene([entry.purpose], request.scene):
            return True
    return False
