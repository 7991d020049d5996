"""Packs, customers and instants drawn for the properties: on a grid of a quarter of an hour, near
the days on which clocks change, so that a plain search over the grid can check every answer.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from policy.dialling.facts import Attempt, Facts, Suppression
from policy.dialling.pack import WEEKDAYS
from policy.dialling.request import DialRequest

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

_DAYS = [
    datetime(2026, 3, 8, tzinfo=UTC),  # New York, Havana: 23 hours
    datetime(2026, 3, 29, tzinfo=UTC),  # Paris, Beirut: 23 hours
    datetime(2026, 4, 4, tzinfo=UTC),  # Santiago, Auckland, Lord Howe: 25 hours (24.5)
    datetime(2026, 9, 6, tzinfo=UTC),  # Santiago: begins at 01:00
    datetime(2026, 9, 26, tzinfo=UTC),  # Auckland, Chatham: 23 hours
    datetime(2026, 10, 25, tzinfo=UTC),  # Paris, Beirut: 25 hours
    datetime(2026, 11, 1, tzinfo=UTC),  # New York, Havana: 25 hours
    datetime(2026, 12, 31, tzinfo=UTC),
    datetime(2028, 2, 28, tzinfo=UTC),
]

_days = st.sampled_from(_DAYS)
_quarters = st.integers(-8 * 96, 2 * 96)


def _clock(quarters: int) -> str:
    return f"{quarters // 4:02}:{quarters % 4 * 15:02}"


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    opens, closes = sorted(draw(st.lists(st.integers(0, 96), min_size=2, max_size=2, unique=True)))
    days = draw(
        st.one_of(st.just(WEEKDAYS), st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True))
    )
    return {"from": _clock(opens), "to": _clock(closes), "days": list(days)}


@st.composite
def rules(draw: st.DrawFn, day: datetime, name: str) -> dict[str, Any]:
    """One rule as YAML reads it, in force on days around `day`."""
    offsets = sorted(draw(st.lists(st.integers(-4, 6), min_size=2, max_size=2)))
    kept = draw(st.sampled_from([(False, False)] * 4 + [(True, False), (False, True)]))
    text: dict[str, Any] = {
        "id": f"drawn.{name}",
        "title": {"zh": "规则", "en": "Rule"},
        "severity": "major",
        "scenes": draw(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2)),
        "citation": "house rule",
    }
    for wanted, key, offset in zip(kept, ("effective_from", "effective_to"), offsets, strict=True):
        if wanted:
            text[key] = (day + timedelta(days=offset)).date()
    kind = draw(st.sampled_from(["time", "time", "limit", "limit", "suppression"]))
    text["kind"] = kind
    if kind == "time":
        text["windows"] = draw(st.lists(windows(), min_size=1, max_size=3))
    if kind == "limit":
        text["unit"] = draw(st.sampled_from(["attempt", "connected"]))
        text["at_most"] = draw(st.integers(1, 3))
        text["within"] = draw(
            st.one_of(
                st.builds(lambda n: {"calendar_days": n}, st.integers(1, 7)),
                st.builds(lambda n: {"rolling_hours": n}, st.integers(1, 100)),
            )
        )
    return text


@st.composite
def facts(draw: st.DrawFn, day: datetime) -> Facts:
    near = st.builds(lambda quarters: day + quarters * GRID, _quarters)
    attempts = st.builds(
        Attempt, near, st.sampled_from(LINKEDIDS), st.sampled_from([None, True, False])
    )
    suppressions = st.builds(
        Suppression,
        st.just("s"),
        st.just("test"),
        near,
        st.one_of(st.none(), st.integers(1, 600).map(lambda quarters: day + quarters * GRID)),
        st.sampled_from(["voice", "voice", "*", "sms"]),
        st.sampled_from(PATTERNS),
        st.booleans(),
    )
    return Facts(
        tuple(draw(st.lists(attempts, max_size=7))), tuple(draw(st.lists(suppressions, max_size=2)))
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
    )
    past_grid = draw(
        st.sampled_from([timedelta(0), timedelta(microseconds=1), timedelta(minutes=7)])
    )
    now = day + draw(st.integers(-48, 144)) * GRID + past_grid
    return pack, request, draw(facts(day)), now
