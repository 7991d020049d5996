"""Owns gathering what is known of a customer: attempts and suppressions of his number and his id.

Called within the writer's transaction by a decision, and by readers for a dry run. An attempt that
belongs to both the number and the id counts once; nothing that could count is left out.
"""

import sqlite3
from datetime import datetime, timedelta

from policy.dialling.facts import Attempt, Facts, Suppression
from policy.ledger.moment import instant, micros

REMEMBERED = timedelta(days=400)
"""How far back attempts are gathered: no limit of the rulebooks looks further than a year."""

_ATTEMPTS = """
SELECT
    seq,
    reserved_at,
    linkedid,
    (SELECT max(connected) FROM settlements WHERE settlements.nonce = attempts.nonce),
    (SELECT max(talk_seconds) FROM settlements WHERE settlements.nonce = attempts.nonce)
FROM attempts
WHERE (number_hash = :number AND reserved_at >= :since)
    OR (customer_hash = :customer AND reserved_at >= :since)
"""

_SUPPRESSIONS = """
SELECT * FROM suppressions
WHERE (number_hash = :number OR customer_hash = :customer) AND (until IS NULL OR until > :now)
"""


def gather(
    connection: sqlite3.Connection,
    number_hash: bytes | None,
    customer_hash: bytes | None,
    now: datetime,
) -> Facts:
    """Facts at `now`; a hash is None where there is no number or no customer id.

    Entries dated later than `now` are there too: a clock that was set back must not forget.
    Suppressions that ended by `now` are left out.
    """
    person = {"number": number_hash, "customer": customer_hash}
    attempts = connection.execute(_ATTEMPTS, {**person, "since": micros(now - REMEMBERED)})
    suppressions = connection.cursor()
    suppressions.row_factory = sqlite3.Row
    suppressions.execute(_SUPPRESSIONS, {**person, "now": micros(now)})
    return Facts(
        tuple(
            Attempt(instant(at), linkedid, None if connected is None else bool(connected), talk)
            for _, at, linkedid, connected, talk in sorted(attempts)
        ),
        tuple(suppression(row) for row in sorted(suppressions, key=lambda row: int(row["seq"]))),
    )


def suppression(row: sqlite3.Row) -> Suppression:
    """A row of the table `suppressions` as the rules see it."""
    return Suppression(
        row["suppression_id"],
        row["source"],
        instant(row["since"]),
        None if row["until"] is None else instant(row["until"]),
        row["channel"],
        row["purpose"],
        bool(row["provisional"]),
    )


def without_this_call(facts: Facts, linkedid: str) -> Facts:
    """Facts for a call already allowed under this linkedid: trying another trunk is the same call,
    unless it was answered before, for then the customer is called anew."""
    if not linkedid:
        return facts
    others = (a for a in facts.attempts if a.linkedid != linkedid or a.connected is True)
    return Facts(tuple(others), facts.suppressions)
