"""Owns reading a row of calls that reached a trunk without a decision."""

import sqlite3

from policy.ledger.moment import instant
from policy.ledger.records import Bypass, RecordedBypass
from policy.ledger.seal import Seal


def bypass(row: sqlite3.Row, keys: Seal) -> RecordedBypass:
    """The row as it was recorded, its number opened."""
    found = Bypass(
        instant(row["at"]),
        keys.opened("number", row["number_sealed"]),
        row["trunk"],
        row["channel_id"],
        row["linkedid"],
        row["source"],
    )
    return RecordedBypass(row["bypass_id"], found)
