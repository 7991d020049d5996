"""Owns which rows go when a person is forgotten, and which when their time is over.

Called by `log erase` and `log retain`. The one invariant: whoever must not be called is not called
afterwards either: entries that stand keep the keyed hashes by which they are found, and nothing
else.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from policy.ledger.erasing import HASHES, SEALED, Eraser
from policy.ledger.facts import REMEMBERED
from policy.ledger.moment import micros
from policy.ledger.people import MOST
from policy.ledger.rows import insert, new_id

_BY_ID: Final = {
    "call_id": ("call_id", "nonce"),
    "nonce": ("call_id", "nonce"),
    "suppression_id": ("suppression_id",),
    "waiver_id": ("waiver_id",),
}
"""What a row about a person calls by which ids: rows of those ids are about him as well."""

_STANDS: Final = (
    "(until IS NULL OR until > ?1 OR since > ?2) AND NOT EXISTS (SELECT 1 FROM releases "
    "WHERE releases.suppression_id = suppressions.suppression_id)"
)
"""A do-not-call entry that stands, or may by a rule's minimum term, which is a year at most."""

_TIMES: Final = ("at", "reserved_at", "since", "started_at")


def _mark(
    eraser: Eraser, table: str, whom: tuple[bytes | None, bytes | None], others: list[bytes]
) -> None:
    """Rows that name the number or the customer asked for, or one of the customer's other numbers
    and nobody else."""
    number, customer = whom
    hashes = eraser.shapes[table].hashes
    found: list[tuple[str, tuple[Any, ...]]] = []
    if "number_hash" in hashes:
        found.append(("number_hash = ?", (number,)))
        nobody = " AND customer_hash IS NULL" if "customer_hash" in hashes else ""
        places = ", ".join("?" * len(others))
        found.append((f"number_hash IN ({places}){nobody}", tuple(others)))
    if "customer_hash" in hashes:
        found.append(("customer_hash = ?", (customer,)))
    for condition, values in found:
        eraser.mark(table, condition, values)


def person(eraser: Eraser, number: str, customer: str, now: datetime) -> int:
    """Marks every row about the person: those that name the customer's id or the number asked for,
    or another number of his and no other customer; and the words of his calls. Entries that stand
    keep their hashes; how many is returned."""
    who, asked = eraser.keys.hashed("customer", customer), eraser.keys.hashed("number", number)
    others = _numbers_of(eraser, who) if who is not None else []
    numbers = others + ([asked] if asked is not None and asked not in others else [])
    for table, made in eraser.shapes.items():
        if made.hashes:
            _mark(eraser, table, (asked, who), others)
    _mark_by_ids(eraser)
    stands = (micros(now), micros(now - REMEMBERED))
    eraser.spare("suppressions", _STANDS, stands, HASHES)
    found = eraser.db.execute(
        f"SELECT count(*) FROM suppressions WHERE {_STANDS} AND (customer_hash = ?3 OR "  # noqa: S608 - names of our own
        f"number_hash IN ({', '.join(f'?{each + 4}' for each in range(len(numbers)))}))",
        (*stands, who, *numbers),
    )
    return int(found.fetchone()[0])


def carry_over(eraser: Eraser, number: str, customer: str, now: datetime) -> int:
    """Before the person is forgotten: entries that stand for him under one number or id are made
    for each of his numbers, by keyed hash alone. Until now the rows that linked them made them
    hold; returns how many were added."""
    who = eraser.keys.hashed("customer", customer)
    if who is None:
        return 0
    numbers = _numbers_of(eraser, who)
    asked = eraser.keys.hashed("number", number)
    numbers += [asked] if asked is not None and asked not in numbers else []
    marks = ", ".join(f"?{each + 4}" for each in range(len(numbers)))
    kept = "since, until, source, channel, purpose, provisional, list_name"
    entries = eraser.db.execute(
        f"SELECT DISTINCT {kept} FROM suppressions WHERE {_STANDS} "  # noqa: S608 - names of our own
        f"AND (customer_hash = ?3 OR number_hash IN ({marks}))",
        (micros(now), micros(now - REMEMBERED), who, *numbers),
    ).fetchall()
    added = 0
    eraser.db.execute("BEGIN IMMEDIATE")
    for entry in entries:
        columns = dict(zip(kept.split(", "), entry, strict=True))
        for each in numbers:
            same = " AND ".join(f"{name} IS ?" for name in columns)
            there = eraser.db.execute(
                f"SELECT 1 FROM suppressions WHERE number_hash = ? AND {same}",  # noqa: S608 - names of our own
                (each, *entry),
            ).fetchone()
            if there is None:
                insert(
                    eraser.db,
                    "suppressions",
                    suppression_id=new_id(),
                    number_hash=each,
                    customer_hash=who,
                    call_id="",
                    finding_id="",
                    **columns,
                )
                added += 1
    eraser.db.execute("COMMIT")
    return added


def older(eraser: Eraser, before: datetime, now: datetime) -> None:
    """Marks every row from before that time: a call's by when it began. Entries and consents that
    stand stay as they are, and attempts for as long as a limit may count them."""
    cut = micros(before)
    for table, made in eraser.shapes.items():
        if not made.hashes and not made.sealed:
            continue
        time_of = next((each for each in _TIMES if each in made.public), None)
        if table == "attempts":
            eraser.mark(table, "reserved_at < ?", (min(cut, micros(now - REMEMBERED)),))
        elif time_of is not None:
            eraser.mark(table, f"{time_of} < ?", (cut,))
        elif "call_id" in made.public:
            of_call = "call_id IN (SELECT call_id FROM calls WHERE started_at < ?)"
            eraser.mark(table, of_call, (cut,))
        elif table == "people":
            lately = "SELECT number_hash FROM decisions WHERE at >= ? AND number_hash IS NOT NULL"
            eraser.mark(table, f"number_hash NOT IN ({lately})", (cut,))
    eraser.spare("suppressions", _STANDS, (micros(now), micros(now - timedelta(days=366))))
    eraser.spare(
        "waivers",
        "(until IS NULL OR until > ?) AND NOT EXISTS (SELECT 1 FROM revocations "
        "WHERE revocations.waiver_id = waivers.waiver_id)",
        (micros(now),),
    )


def younger(eraser: Eraser, after: datetime) -> int:
    """How many of the marked rows that have a time are from after it."""
    found = 0
    for table, made in eraser.shapes.items():
        time_of = next((each for each in _TIMES if each in made.public), None)
        if time_of is not None:
            (rows,) = eraser.db.execute(
                f"SELECT count(*) FROM {table} WHERE {time_of} >= ? AND seq IN "  # noqa: S608 - names of our own
                "(SELECT of_row FROM goes WHERE of_table = ?)",
                (micros(after), table),
            ).fetchone()
            found += rows
    return found


def _numbers_of(eraser: Eraser, customer: bytes) -> list[bytes]:
    """The numbers that rows name together with the customer. One with very many is nobody: a
    placeholder that a dialler sends for everybody."""
    found: set[bytes] = set()
    for table, made in eraser.shapes.items():
        if "customer_hash" in made.hashes and "number_hash" in made.hashes:
            query = f"SELECT DISTINCT number_hash FROM {table} WHERE customer_hash = ?"  # noqa: S608 - names of our own
            rows = eraser.db.execute(query, [customer])
            found |= {number for (number,) in rows if number is not None}
    return sorted(found) if len(found) <= MOST else []


def _mark_by_ids(eraser: Eraser) -> None:
    """Adds the rows that are about the person because of the call, entry or consent they name."""
    eraser.db.execute(
        "CREATE TEMP TABLE IF NOT EXISTS named (kind TEXT, id TEXT, UNIQUE(kind, id))"
    )
    eraser.db.execute("DELETE FROM named")
    for table, made in eraser.shapes.items():
        for column, kinds in _BY_ID.items():
            if column in made.public and made.hashes:
                for kind in kinds:
                    eraser.db.execute(
                        f"INSERT OR IGNORE INTO named SELECT '{kind}', {column} FROM {table} "  # noqa: S608 - names of our own
                        f"WHERE {column} <> '' AND seq IN "
                        "(SELECT of_row FROM goes WHERE of_table = ?)",
                        [table],
                    )
    for table, made in eraser.shapes.items():
        for column in _BY_ID:
            if column in made.public and made.sealed and not made.hashes:
                ids = f"{column} IN (SELECT id FROM named WHERE kind = '{column}')"  # noqa: S608 - names of our own
                eraser.mark(table, ids, (), SEALED)
