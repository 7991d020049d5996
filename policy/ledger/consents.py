"""Owns consents in the ledger: adding one with its proof, revoking one, reading them.

Called by `Ledger` within the writer's transaction and by `LedgerReader`. The one invariant: a
revocation holds at once and for good, whatever the clock says; consenting anew is another row.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from policy.dialling.facts import Waiver
from policy.ledger.facts import WAIVER, waiver
from policy.ledger.moment import instant, micros
from policy.ledger.rows import Named, insert, new_id
from policy.ledger.seal import Seal

Rows = Callable[[str, Sequence[Any]], list[sqlite3.Row]]

_WAIVERS = """
SELECT waivers.*, revoked.at AS revoked_at, revoked.who AS revoked_by, revoked.why_sealed
FROM waivers LEFT JOIN revocations AS revoked ON revoked.seq = (
    SELECT min(first.seq) FROM revocations AS first WHERE first.waiver_id = waivers.waiver_id)
WHERE waivers.seq > ? ORDER BY waivers.seq LIMIT 500
"""


@dataclass(frozen=True)
class RecordedWaiver:
    """A consent with whose it is, who recorded it and, once revoked, when, by whom and why."""

    waiver: Waiver = field(repr=False)
    number: str = field(repr=False)
    customer: str = field(repr=False)
    who: str
    revoked_at: datetime | None = None
    revoked_by: str = ""
    revoked_why: str = field(default="", repr=False)


def add(db: sqlite3.Connection, keys: Seal, whom: Named, made: Waiver, who: str) -> str:
    """Records the consent under an id of its own, which is returned. Raises ValueError when it
    names nobody, no rule, no proof, or is over before it begins."""
    if whom.number_hash is None and whom.customer_hash is None:
        raise ValueError("a consent is somebody's: name a number, a customer or both")
    if not made.proof.strip() or not made.rules:
        raise ValueError("a consent names the rules it lifts and where its proof is")
    if made.until is not None and made.until <= made.since:
        raise ValueError("a consent ends after it begins")
    waiver_id = new_id()
    insert(
        db,
        "waivers",
        waiver_id=waiver_id,
        **whom._asdict(),
        rules=" ".join(made.rules),
        purpose=made.purpose,
        proof_sealed=keys.sealed("words", made.proof.strip()),
        since=micros(made.since),
        until=None if made.until is None else micros(made.until),
        who=who,
    )
    return waiver_id


def revoke(
    db: sqlite3.Connection, waiver_id: str, *, who: str, why_sealed: bytes, now: datetime
) -> None:
    """Ends the consent at once. Said again, the first revocation stays. Raises ValueError when
    there is no such consent."""
    if db.execute("SELECT 1 FROM waivers WHERE waiver_id = ?", [waiver_id]).fetchone() is None:
        raise ValueError("there is no consent of this id")
    if not db.execute("SELECT 1 FROM revocations WHERE waiver_id = ?", [waiver_id]).fetchone():
        insert(
            db, "revocations", waiver_id=waiver_id, at=micros(now), who=who, why_sealed=why_sealed
        )


def every(rows: Rows, keys: Seal) -> Iterator[RecordedWaiver]:
    """All consents, oldest first, expired and revoked ones among them."""
    last = 0
    while page := rows(_WAIVERS, [last]):
        for row in page:
            revoked_at = row["revoked_at"]
            yield RecordedWaiver(
                waiver(tuple(row[each] for each in WAIVER), keys),
                keys.opened("number", row["number_sealed"]),
                keys.opened("customer", row["customer_sealed"]),
                row["who"],
                None if revoked_at is None else instant(revoked_at),
                row["revoked_by"] or "",
                keys.opened("words", row["why_sealed"]),
            )
        last = page[-1]["seq"]
