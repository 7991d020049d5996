"""Whatever happens later, an entry holds as long as it did: nothing but a release of that very
entry ends it sooner, and nothing makes an attempt count for less."""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from policy.dialling.facts import Facts
from policy.ledger import ImportedList, Ledger, LedgerReader, ListedEntry
from tests.ledger.conftest import NOW, NUMBER, WAIT_S, asked, looks_into

DAYS = st.integers(-400, 800).map(lambda days: NOW + timedelta(days=days))
ENDS = st.none() | DAYS
PURPOSES = st.sampled_from(["*", "marketing.*", "collection.reminder"])
CUSTOMERS = st.sampled_from(["", "W", "his wife"])

LATER = st.one_of(
    st.tuples(st.just("suppress"), ENDS, PURPOSES, CUSTOMERS, st.booleans()),
    st.tuples(st.just("import"), ENDS, PURPOSES, CUSTOMERS, st.booleans()),
    st.tuples(st.just("settle"), DAYS, st.booleans(), st.floats(0, 3600)),
    st.tuples(st.just("call"), DAYS, CUSTOMERS),
    st.tuples(st.just("release another")),
)


@settings(max_examples=40, deadline=None)
@given(
    ends=ENDS,
    purpose=PURPOSES,
    provisional=st.booleans(),
    later=st.lists(LATER, min_size=1, max_size=8),
)
def test_nothing_later_weakens(
    ends: datetime | None, purpose: str, provisional: bool, later: list[tuple[Any, ...]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "ledger.sqlite3", Path(folder) / "ledger.key"
        with Ledger.open(*files) as ledger, LedgerReader.open(*files) as reader:
            ledger.decide(asked("first", NUMBER, "W"), looks_into([]), NOW).result(WAIT_S)
            ledger.suppress(
                NUMBER,
                source="refusal",
                now=NOW,
                until=ends,
                purpose=purpose,
                customer="W",
                provisional=provisional,
            ).result(WAIT_S)
            before = reader.facts(NUMBER, "W", NOW)
            for index, (kind, *drawn) in enumerate(later):
                _happen(ledger, kind, drawn, index)
                after = reader.facts(NUMBER, "W", NOW)
                _as_strong(before, after)
                before = after


def _happen(ledger: Ledger, kind: str, drawn: list[Any], index: int) -> None:
    match kind, drawn:
        case "suppress", [until, purpose, customer, provisional]:
            ledger.suppress(
                NUMBER,
                source="manual",
                now=NOW,
                until=until,
                purpose=purpose,
                customer=customer,
                provisional=provisional,
            ).result(WAIT_S)
        case "import", [until, purpose, customer, complete]:
            row = ListedEntry(NUMBER, customer, until, purpose)
            ledger.suppress_listed(
                [row], list_name="registry", source="import", channel="voice", now=NOW
            ).result(WAIT_S)
            ledger.add_list(
                ImportedList("registry", NOW, NOW, "Li", "import", "", 1, 1, 0, bool(complete))
            ).result(WAIT_S)
        case "settle", [at, connected, talk]:
            ledger.settle(
                "first",
                disposition="ANSWER",
                q850_cause=16,
                connected=bool(connected),
                talk_seconds=talk,
                now=at,
            ).result(WAIT_S)
        case "call", [at, customer]:
            request = asked(f"later {index}", NUMBER, str(customer))
            ledger.decide(request, looks_into([]), at).result(WAIT_S)
        case _:
            entry = ledger.suppress(NUMBER, source="manual", now=NOW, until=NOW).result(WAIT_S)
            ledger.release(entry, who="Li", why="typing mistake", now=NOW).result(WAIT_S)


def _as_strong(before: Facts, after: Facts) -> None:
    assert set(before.suppressions) <= set(after.suppressions)
    assert len(after.attempts) >= len(before.attempts)
    for old, new in zip(before.attempts, after.attempts, strict=False):
        assert (new.reserved_at, new.same_number) == (old.reserved_at, old.same_number)
        if old.connected is not None:
            assert new.connected is not None
            assert new.connected >= old.connected
            assert (new.talk_seconds or 0) >= (old.talk_seconds or 0)
            assert new.ended_at is not None
            assert old.ended_at is not None
            assert new.ended_at >= old.ended_at
