"""The dialling rules a second time, slow and obvious: read off the YAML's own values, by comparing
what a clock and a calendar on the wall would show. Nothing of `evaluate` is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from policy.dialling.facts import Attempt, Facts, Suppression
from policy.dialling.request import DialRequest
from tests.policy.generated import GRID

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Rule = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A call, what is known, and what the clocks in all zones of the called party show."""

    request: DialRequest
    facts: Facts
    walls: Sequence[datetime]

    @property
    def now(self) -> datetime:
        return self.walls[0].astimezone(UTC)


def rules_against(
    pack: Rule, request: DialRequest, facts: Facts, zones: Sequence[ZoneInfo], now: datetime
) -> list[str]:
    asked = Asked(request, facts, [now.astimezone(zone) for zone in zones])
    against = []
    for rule in pack["dialling"]:
        first = str(rule.get("effective_from", "0000-00-00"))
        last = str(rule.get("effective_to", "9999-99-99"))
        in_force = any(first <= str(wall.date()) <= last for wall in asked.walls)
        of_scene = _of_scene(rule["scenes"], request.scene)
        denies = in_force and of_scene and _DENIES[rule["kind"]](rule, asked)
        if denies and not (rule["waivable"] and _agreed_to(rule["id"], asked)):
            against.append(rule["id"])
    return against


def earliest(
    pack: Rule,
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


def _outside(rule: Rule, asked: Asked) -> bool:
    return any(
        not any(
            window["from"] <= wall.strftime("%H:%M") < window["to"]
            and any(_is_day(day, wall.date(), rule.get("holidays")) for day in window["days"])
            for window in rule["windows"]
        )
        for wall in asked.walls
    )


def _is_day(word: str, day: date, country: str | None) -> bool:
    if country is not None:
        is_holiday = day in _holidays(country)
        if word == "holiday":
            return is_holiday
        if word == "workday":
            return _holidays(country).is_working_day(day)
        if is_holiday:
            return False
    return _WEEKDAYS[day.weekday()] == word


@cache
def _holidays(country: str) -> holidays.HolidayBase:
    return holidays.country_holidays(country, years=range(2025, 2030))


def _shared(attempt: Attempt, key: str) -> bool:
    return {
        "number": attempt.same_number,
        "customer": attempt.same_number or attempt.same_person,
        "debt": attempt.same_debt,
        "product": attempt.same_product,
    }[key]


def _may_be_connected(attempt: Attempt, rule: Rule, now: datetime) -> bool:
    if attempt.connected is None and "unsettled_after_h" in rule:
        given_up = attempt.reserved_at + timedelta(hours=rule["unsettled_after_h"])
        return not given_up <= now
    return attempt.connected is not False


def _may_be_conversation(attempt: Attempt, rule: Rule, now: datetime) -> bool:
    too_short = attempt.talk_seconds is not None and attempt.talk_seconds < rule.get("talk_s", 0)
    return _may_be_connected(attempt, rule, now) and not too_short


def _recent(attempts: Sequence[Attempt], within: Rule, wall: datetime) -> list[Attempt]:
    if "rolling_hours" in within:
        since = wall.astimezone(UTC) - timedelta(hours=within["rolling_hours"])
        return [attempt for attempt in attempts if attempt.reserved_at > since]
    oldest = str(wall.date() - timedelta(days=within["calendar_days"] - 1))
    return [
        attempt
        for attempt in attempts
        if str(attempt.reserved_at.astimezone(wall.tzinfo).date()) >= oldest
    ]


def _too_many(rule: Rule, asked: Asked) -> bool:
    counts = {
        "attempt": lambda attempt, rule, now: True,
        "connected": _may_be_connected,
        "conversation": _may_be_conversation,
    }[rule["unit"]]
    mine = [
        attempt
        for attempt in asked.facts.attempts
        if _shared(attempt, rule["key"]) and counts(attempt, rule, asked.now)
    ]
    return any(
        _calls_with_this_one(_recent(mine, rule["within"], wall), asked.request.linkedid)
        > rule["at_most"]
        for wall in asked.walls
    )


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


def _still(term: Rule, event: datetime, wall: datetime) -> bool:
    """Whether it is not over yet, seven days (or months, or hours) after the event."""
    if "hours" in term:
        return wall.astimezone(UTC) < event + timedelta(hours=term["hours"])
    day = event.astimezone(wall.tzinfo).date()
    if "days" in term:
        last = day + timedelta(days=term["days"])
        return wall.date() < last if term.get("first_day_counts") else wall.date() <= last
    year, month = day.year, day.month
    for _ in range(term["months"]):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    lengths = [31, 29 if year % 4 == 0 else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return wall.date() <= date(year, month, min(day.day, lengths[month - 1]))


def _too_soon(rule: Rule, asked: Asked) -> bool:
    if rule["after"] == "refusal":
        entries = _entries({**rule, "channels": ["voice"]}, asked)
        events = [entry.since for entry in entries if not _was_a_mistake(entry, asked)]
    else:
        linkedid = asked.request.linkedid
        events = [
            attempt.ended_at or attempt.reserved_at
            for attempt in asked.facts.attempts
            if _shared(attempt, rule["key"])
            and _may_be_conversation(attempt, rule, asked.now)
            and not (linkedid and attempt.linkedid == linkedid and attempt.connected is not True)
        ]
    return any(_still(rule["for"], event, wall) for event in events for wall in asked.walls)


def _entries(rule: Rule, asked: Asked) -> list[Suppression]:
    return [
        entry
        for entry in asked.facts.suppressions
        if entry.channel in [*rule["channels"], "*"]
        and entry.source in rule.get("sources", [entry.source])
        and entry.list_name in rule.get("lists", [entry.list_name])
        and entry.list_name not in rule.get("except_lists", [])
        and _of_scene([entry.purpose], asked.request.scene)
    ]


def _was_a_mistake(entry: Suppression, asked: Asked) -> bool:
    return entry.provisional and entry.until is not None and entry.until <= asked.now


def _unwanted(rule: Rule, asked: Asked) -> bool:
    for entry in _entries(rule, asked):
        if entry.until is None or asked.now < entry.until:
            return True
        at_least = rule.get("at_least")
        if (
            at_least
            and not entry.provisional
            and any(_still(at_least, entry.since, wall) for wall in asked.walls)
        ):
            return True
    return False


def _out_of_date(rule: Rule, asked: Asked) -> bool:
    imported = asked.facts.lists.get(rule["list"])
    if imported is None:
        return True
    return any(
        wall.date() > imported.astimezone(wall.tzinfo).date() + timedelta(days=rule["at_most_days"])
        for wall in asked.walls
    )


def _wrong_party(rule: Rule, asked: Asked) -> bool:
    if asked.request.party in rule["may_be"]:
        return False
    when = rule.get("third_party_when")
    if when is None or asked.request.party != "third-party":
        return True
    refused = _entries({"channels": ["voice"]}, asked)
    if not all(_was_a_mistake(entry, asked) for entry in refused):
        return True
    about_it = [attempt for attempt in asked.facts.attempts if attempt.same_debt]
    for wall in asked.walls:
        recent = _recent(about_it, when["within"], wall)
        if any(
            attempt.party != "third-party" and _may_be_connected(attempt, when, asked.now)
            for attempt in recent
        ):
            return True
        in_vain = [
            attempt
            for attempt in recent
            if attempt.party in ("debtor", "customer") and attempt.connected is False
        ]
        calls = {attempt.linkedid for attempt in in_vain if attempt.linkedid}
        others = [attempt for attempt in in_vain if not attempt.linkedid]
        if len(calls) + len(others) < when["unsuccessful"]:
            return True
    return False


def _wrong_number_shown(rule: Rule, asked: Asked) -> bool:
    shown = {
        "": [],
        "95588": ["95588"],
        "955": ["955"],
        "+861095588": ["+861095588"],
        "4008812345": ["4008812345", "+864008812345"],
    }[asked.request.caller_id]
    return not any(_is_of_class(form, each) for form in shown for each in rule["may_show"])


def _is_of_class(number: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        fixed = len(pattern) - 1
        if len(number) < fixed:
            return False
        number, pattern = number[:fixed], pattern[:fixed]
    return len(number) == len(pattern) and all(
        sign in (digit, "x") for digit, sign in zip(number, pattern, strict=True)
    )


def _agreed_to(rule: str, asked: Asked) -> bool:
    scene = asked.request.scene
    takes_back = [
        entry for entry in _entries({"channels": ["voice"]}, asked) if not entry.list_name
    ]
    for waiver in asked.facts.waivers:
        names_it = {rule, "drawn.*", "*"} & set(waiver.rules)
        covers = waiver.purpose == "*" if scene == "*" else _of_scene([waiver.purpose], scene)
        begun = waiver.since <= asked.now
        ended = waiver.until is not None and waiver.until <= asked.now
        taken_back = any(
            entry.since >= waiver.since and not _was_a_mistake(entry, asked) for entry in takes_back
        )
        if names_it and waiver.proof and covers and begun and not ended and not taken_back:
            return True
    return False


_DENIES: dict[str, Callable[[Rule, Asked], bool]] = {
    "time": _outside,
    "limit": _too_many,
    "cooling": _too_soon,
    "suppression": _unwanted,
    "list_age": _out_of_date,
    "party": _wrong_party,
    "caller_id": _wrong_number_shown,
    "consent": lambda rule, asked: True,
}
