"""Packs, customers and instants drawn for the properties: on a grid of a quarter of an hour, near
the days on which clocks change and people work on Saturdays, so that a plain search over the grid
can check every answer.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from policy.dialling.facts import Attempt, Facts, Suppression, Waiver
from policy.dialling.pack import WEEKDAYS
from policy.dialling.request import DialRequest, Party

GRID = timedelta(minutes=15)

# One zone of each kind: none of its clocks change; they change at night, at midnight forwards,
# at midnight backwards; an odd offset; half an hour; two zones; eight; sixteen.
NUMBERS = (
    "+8613800138000",
    "+12125551234",
    "+33612345678",
    "+56221234567",
    "+5376412345",
    "+9611234567",
    "+97714223344",
    "+64211234567",
    "+61412345678",
    "+79161234567",
)
SCENES = ("*", "marketing.loan", "marketing.wealth", "collection.reminder", "unheard-of")
PATTERNS = ("*", "marketing.*", "marketing.loan", "collection.reminder")
LINKEDIDS = ("", "1.1", "2.2", "3.3")
PARTIES: tuple[Party, ...] = ("debtor", "customer", "third-party", "unknown")
SOURCES = ("refusal", "complaint", "manual", "import")
LISTS = ("", "registry", "company")
SHOWN = ("", "95588", "955", "+861095588", "4008812345")
CLASSES = ("95xxx", "955*", "+8610*", "400xxxxxxx")
KEYS = ("number", "customer", "debt", "product")

_DAYS = [
    datetime(2026, 2, 14, tzinfo=UTC),  # China: a Saturday that is worked, before a long holiday
    datetime(2026, 2, 28, tzinfo=UTC),  # the same, after it
    datetime(2026, 3, 8, tzinfo=UTC),  # New York, Havana: 23 hours
    datetime(2026, 3, 29, tzinfo=UTC),  # Paris, Beirut: 23 hours
    datetime(2026, 4, 4, tzinfo=UTC),  # Santiago, Auckland, Lord Howe: 25 hours (24.5)
    datetime(2026, 5, 1, tzinfo=UTC),  # a public holiday in China and in France
    datetime(2026, 9, 6, tzinfo=UTC),  # Santiago: begins at 01:00
    datetime(2026, 9, 26, tzinfo=UTC),  # Auckland, Chatham: 23 hours
    datetime(2026, 10, 25, tzinfo=UTC),  # Paris, Beirut: 25 hours
    datetime(2026, 11, 1, tzinfo=UTC),  # New York, Havana: 25 hours
    datetime(2026, 12, 31, tzinfo=UTC),
    datetime(2028, 2, 28, tzinfo=UTC),
]
_KINDS = (
    *("time", "time", "time", "limit", "limit", "limit", "cooling", "cooling", "suppression"),
    *("list_age", "party", "caller_id", "consent"),
)

_days = st.sampled_from(_DAYS)
_quarters = st.integers(-8 * 96, 2 * 96)


def _clock(quarters: int) -> str:
    return f"{quarters // 4:02}:{quarters % 4 * 15:02}"


@st.composite
def windows(draw: st.DrawFn, days: tuple[str, ...] = WEEKDAYS) -> list[dict[str, Any]]:
    """One window, or the two that one over midnight is written as."""
    first, second = sorted(draw(st.lists(st.integers(0, 96), min_size=2, max_size=2, unique=True)))
    drawn = st.lists(st.sampled_from(days), min_size=1, unique=True)
    held = list(draw(st.one_of(st.just(WEEKDAYS), drawn)))
    if first > 0 and second < 96 and draw(st.booleans()):
        return [
            {"from": _clock(second), "to": "24:00", "days": held},
            {"from": "00:00", "to": _clock(first), "days": held},
        ]
    return [{"from": _clock(first), "to": _clock(second), "days": held}]


_within = st.one_of(
    st.builds(lambda n: {"calendar_days": n}, st.integers(1, 7)),
    st.builds(lambda n: {"rolling_hours": n}, st.integers(1, 100)),
)
_terms = st.one_of(
    st.builds(
        lambda n, first: {"days": n, "first_day_counts": first}, st.integers(1, 8), st.booleans()
    ),
    st.builds(lambda n: {"months": n}, st.integers(1, 2)),
    st.builds(lambda n: {"hours": n}, st.integers(1, 100)),
)
_unsettled = st.builds(lambda n: {"unsettled_after_h": n}, st.integers(1, 60))
_talk_s = st.sampled_from([0, 30])
_nothing: st.SearchStrategy[dict[str, Any]] = st.just({})
_some_sources = st.builds(
    lambda n: {"sources": n}, st.lists(st.sampled_from(SOURCES), min_size=1, max_size=2)
)


@st.composite
def _limit(draw: st.DrawFn) -> dict[str, Any]:
    unit = draw(st.sampled_from(["attempt", "connected", "conversation"]))
    return {
        "unit": unit,
        "key": draw(st.sampled_from(KEYS)),
        "at_most": draw(st.integers(1, 3)),
        "within": draw(_within),
        **({"talk_s": draw(_talk_s)} if unit == "conversation" else {}),
        **({} if unit == "attempt" else draw(st.one_of(_nothing, _unsettled))),
    }


@st.composite
def _cooling(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.booleans()):
        return {"after": "refusal", "for": draw(_terms), **draw(st.one_of(_nothing, _some_sources))}
    return {
        "after": "conversation",
        "for": draw(_terms),
        "key": draw(st.sampled_from(KEYS)),
        "talk_s": draw(_talk_s),
        **draw(st.one_of(_nothing, _unsettled)),
    }


@st.composite
def _suppression(draw: st.DrawFn) -> dict[str, Any]:
    lists = st.lists(st.sampled_from(LISTS[1:]), min_size=1, max_size=1)
    return {
        "channels": draw(st.sampled_from([["voice"], ["voice", "sms"]])),
        **draw(st.one_of(_nothing, _some_sources)),
        **draw(st.one_of(_nothing, st.builds(lambda n: {"lists": n}, lists))),
        **draw(st.one_of(_nothing, st.builds(lambda n: {"except_lists": n}, lists))),
        **draw(st.one_of(_nothing, st.builds(lambda n: {"at_least": n}, _terms))),
    }


@st.composite
def _time(draw: st.DrawFn) -> dict[str, Any]:
    country = draw(st.sampled_from([None, None, "CN", "FR"]))
    kinds = WEEKDAYS if country is None else ("workday", "holiday", *WEEKDAYS)
    drawn = draw(st.lists(windows(kinds), min_size=1, max_size=3))
    text: dict[str, Any] = {"windows": [window for pair in drawn for window in pair]}
    return text if country is None else {**text, "holidays": country}


@st.composite
def _party(draw: st.DrawFn) -> dict[str, Any]:
    may_be = draw(st.lists(st.sampled_from(PARTIES), min_size=1, max_size=3, unique=True))
    if "third-party" in may_be or draw(st.booleans()):
        return {"may_be": may_be}
    when = {"unsuccessful": draw(st.integers(1, 2)), "within": draw(_within)}
    return {
        "may_be": may_be,
        "third_party_when": {**when, **draw(st.one_of(_nothing, _unsettled))},
    }


_OF_KIND: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "time": _time(),
    "limit": _limit(),
    "cooling": _cooling(),
    "suppression": _suppression(),
    "list_age": st.builds(
        lambda name, days: {"list": name, "at_most_days": days},
        st.sampled_from(LISTS[1:]),
        st.integers(0, 3),
    ),
    "party": _party(),
    "caller_id": st.builds(
        lambda classes: {"may_show": classes}, st.lists(st.sampled_from(CLASSES), min_size=1)
    ),
    "consent": _nothing,
}


@st.composite
def rules(draw: st.DrawFn, day: datetime, name: str) -> dict[str, Any]:
    """One rule as YAML reads it, in force on days around `day`."""
    offsets = sorted(draw(st.lists(st.integers(-4, 6), min_size=2, max_size=2)))
    kept = draw(st.sampled_from([(False, False)] * 4 + [(True, False), (False, True)]))
    kind = draw(st.sampled_from(_KINDS))
    text: dict[str, Any] = {
        "id": f"drawn.{name}",
        "title": {"zh": "规则", "en": "Rule"},
        "severity": "major",
        "scenes": draw(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2)),
        "citation": "house rule",
        "kind": kind,
        "waivable": kind == "consent" or draw(st.booleans()),
        **draw(_OF_KIND[kind]),
    }
    for wanted, key, offset in zip(kept, ("effective_from", "effective_to"), offsets, strict=True):
        if wanted:
            text[key] = (day + timedelta(days=offset)).date()
    return text


@st.composite
def attempts(draw: st.DrawFn, day: datetime) -> Attempt:
    reserved_at = day + draw(_quarters) * GRID
    connected = draw(st.sampled_from([None, True, False]))
    same = draw(st.one_of(st.just([True] * 4), st.lists(st.booleans(), min_size=4, max_size=4)))
    return Attempt(
        reserved_at,
        draw(st.sampled_from(LINKEDIDS)),
        connected,
        draw(st.sampled_from([None, 0.0, 29.9, 30.0])) if connected else None,
        draw(st.sampled_from([None, reserved_at + GRID])) if connected is not None else None,
        draw(st.sampled_from(PARTIES)),
        *same,
    )


@st.composite
def suppressions(draw: st.DrawFn, day: datetime) -> Suppression:
    source = draw(st.sampled_from(SOURCES))
    until = st.integers(-200, 600).map(lambda quarters: day + quarters * GRID)
    return Suppression(
        "s",
        source,
        day + draw(_quarters) * GRID,
        draw(st.one_of(st.none(), until)),
        draw(st.sampled_from(["voice", "voice", "*", "sms"])),
        draw(st.sampled_from(PATTERNS)),
        draw(st.booleans()),
        draw(st.sampled_from(LISTS)) if source == "import" else "",
    )


@st.composite
def waivers(draw: st.DrawFn, day: datetime) -> Waiver:
    until = st.integers(-100, 400).map(lambda quarters: day + quarters * GRID)
    return Waiver(
        "w",
        draw(st.sampled_from([("*",), ("drawn.*",), ("drawn.0", "drawn.2"), ("other.*",)])),
        draw(st.sampled_from(["proof", "proof", "proof", ""])),
        day + draw(st.integers(-8 * 96, 3 * 96)) * GRID,
        draw(st.one_of(st.none(), until)),
        draw(st.sampled_from(PATTERNS)),
    )


@st.composite
def facts(draw: st.DrawFn, day: datetime) -> Facts:
    imported = st.integers(-5 * 96, 96).map(lambda quarters: day + quarters * GRID)
    return Facts(
        tuple(draw(st.lists(attempts(day), max_size=7))),
        tuple(draw(st.lists(suppressions(day), max_size=2))),
        tuple(draw(st.lists(waivers(day), max_size=2))),
        draw(st.dictionaries(st.sampled_from(LISTS[1:]), imported)),
    )


@st.composite
def questions(
    draw: st.DrawFn,
) -> tuple[dict[str, Any], DialRequest, Facts, datetime]:
    """A pack as YAML reads it, a call, what is known of the called party, and an instant."""
    day = draw(_days)
    count = draw(st.integers(1, 4))
    pack = {
        "pack": "drawn",
        "version": "1",
        "title": {"zh": "测试", "en": "Drawn"},
        "dialling": [draw(rules(day, str(index))) for index in range(count)],
    }
    request = DialRequest(
        "n",
        draw(st.sampled_from(NUMBERS)),
        scene=draw(st.sampled_from(SCENES)),
        linkedid=draw(st.sampled_from(LINKEDIDS)),
        party=draw(st.sampled_from(PARTIES)),
        caller_id=draw(st.sampled_from(SHOWN)),
    )
    past_grid = draw(
        st.sampled_from([timedelta(0), timedelta(microseconds=1), timedelta(minutes=7)])
    )
    now = day + draw(st.integers(-48, 144)) * GRID + past_grid
    return pack, request, draw(facts(day)), now
