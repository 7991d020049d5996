"""Owns how the end of an attempt is recorded.

Called by `Ledger` within the writer's transaction. The one invariant: nothing said later makes an
attempt count for less; `facts` takes the fullest of all ends that were said.
"""

import sqlite3
from datetime import datetime

from policy.ledger.moment import micros

Said = tuple[str, str, int, int, float]
"""Nonce, disposition, Q.850 cause, whether connected, seconds of talk."""


def add(db: sqlite3.Connection, said: Said, at: datetime) -> None:
    """Adds the end of an attempt, once however often it is said."""
    db.execute(_ADD, (*said, micros(at)))


_ADD = """
INSERT INTO settlements (nonce, disposition, q850_cause, connected, talk_seconds, at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE NOT EXISTS (
    SELECT 1 FROM settlements WHERE nonce = ?1 AND connected = ?4 AND talk_seconds = ?5
        AND disposition = ?2 AND q850_cause = ?3
)
"""
