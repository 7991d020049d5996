"""Owns do-not-call entries in the ledger: adding one, releasing one before its time, reading them.

Called by `Ledger` within the writer's transaction and by `LedgerReader`. The one invariant:
an entry stays as it was made; a release is a row of its own that says who and why, and a rule's
minimum term holds in spite of it.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from policy.ledger.facts import SUPPRESSION, suppression
from policy.ledger.moment import instant, micros
from policy.ledger.records import RecordedSuppression, Release
from policy.ledger.rows import Named, insert, new_id
from policy.ledger.seal import Seal

Rows = Callable[[str, Sequence[Any]], list[sqlite3.Row]]


class ListedEntry(NamedTuple):
    """A row of a list; `number` is canonical."""

    number: str
    customer: str = ""
    until: datetime | None = None
    purpose: str = "*"


class Entry(NamedTuple):
    """What an entry says besides whom it is for; as in `Ledger.suppress`."""

    source: str
    since: datetime
    until: datetime | None = None
    channel: str = "voice"
    purpose: str = "*"
    call_id: str = ""
    finding_id: str = ""
    provisional: bool = False
    note_sealed: bytes | None = None
    list_name: str = ""


def add(db: sqlite3.Connection, whom: Named, entry: Entry) -> str:
    """Adds the entry; returns its id."""
    suppression_id = new_id()
    columns = entry._asdict() | {
        "since": micros(entry.since),
        "until": None if entry.until is None else micros(entry.until),
        "provisional": int(entry.provisional),
    }
    insert(db, "suppressions", suppression_id=suppression_id, **whom._asdict(), **columns)
    return suppression_id


def add_listed(db: sqlite3.Connection, listed: Sequence[tuple[Named, Entry]]) -> int:
    """Adds the entries that the same list has not made before, for as long and not released since;
    returns how many."""
    added = 0
    for whom, entry in listed:
        until = None if entry.until is None else micros(entry.until)
        same = (entry.list_name, entry.source, entry.channel, entry.purpose)
        if not db.execute(_MADE, (whom.number_hash, whom.customer_hash, *same, until)).fetchone():
            add(db, whom, entry)
            added += 1
    return added


_MADE = """
SELECT 1 FROM suppressions AS made
WHERE number_hash = ?1
    AND (?2 IS NULL OR customer_hash = ?2)
    AND list_name = ?3 AND source = ?4 AND channel = ?5 AND purpose = ?6
    AND (until IS NULL OR until >= ?7)
    AND NOT EXISTS (SELECT 1 FROM releases WHERE releases.suppression_id = made.suppression_id)
"""


def release(
    db: sqlite3.Connection, suppression_id: str, *, who: str, why_sealed: bytes, now: datetime
) -> None:
    """Ends the entry now. Said again, the first release stays. Raises ValueError when there is no
    such entry."""
    if not _holds(db, "suppressions", "suppression_id", suppression_id):
        raise ValueError("there is no do-not-call entry of this id")
    if not _holds(db, "releases", "suppression_id", suppression_id):
        insert(
            db,
            "releases",
            suppression_id=suppression_id,
            at=micros(now),
            who=who,
            why_sealed=why_sealed,
        )


def _holds(db: sqlite3.Connection, table: str, column: str, value: str) -> bool:
    found = db.execute(f"SELECT 1 FROM {table} WHERE {column} = ?", [value])  # noqa: S608 - names of our own
    return found.fetchone() is not None


_SUPPRESSIONS = """
SELECT made.*, release.at AS released_at, release.who AS released_by,
    release.why_sealed AS release_why_sealed
FROM suppressions AS made LEFT JOIN releases AS release ON release.seq = (
    SELECT min(first.seq) FROM releases AS first WHERE first.suppression_id = made.suppression_id)
"""


def newest(rows: Rows, keys: Seal, limit: int) -> list[RecordedSuppression]:
    """Newest first, ended and released ones among them."""
    found = rows(f"{_SUPPRESSIONS} ORDER BY made.seq DESC LIMIT ?", [limit])
    return [_recorded(row, keys) for row in found]


def every(rows: Rows, keys: Seal) -> Iterator[RecordedSuppression]:
    """Oldest first, ended and released ones among them, in flat memory."""
    last = 0
    while page := rows(f"{_SUPPRESSIONS} WHERE made.seq > ? ORDER BY made.seq LIMIT 500", [last]):
        yield from (_recorded(row, keys) for row in page)
        last = page[-1]["seq"]


def of_number(rows: Rows, keys: Seal, number: str) -> list[RecordedSuppression]:
    """Those of a number (canonical), oldest first."""
    query = f"{_SUPPRESSIONS} WHERE made.number_hash = ? ORDER BY made.seq"
    return [_recorded(row, keys) for row in rows(query, [keys.hashed("number", number)])]


def of_id(rows: Rows, keys: Seal, suppression_id: str) -> RecordedSuppression | None:
    """The one of this id."""
    found = rows(f"{_SUPPRESSIONS} WHERE made.suppression_id = ?", [suppression_id])
    return _recorded(found[0], keys) if found else None


def _recorded(row: sqlite3.Row, keys: Seal) -> RecordedSuppression:
    released_at: int | None = row["released_at"]
    return RecordedSuppression(
        suppression(tuple(row[each] for each in SUPPRESSION)),
        keys.opened("number", row["number_sealed"]),
        keys.opened("customer", row["customer_sealed"]),
        row["call_id"],
        row["finding_id"],
        keys.opened("words", row["note_sealed"]),
        None
        if released_at is None
        else Release(
            instant(released_at),
            row["released_by"],
            keys.opened("words", row["release_why_sealed"]),
        ),
    )
