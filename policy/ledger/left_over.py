"""Owns finding what a gateway that died left undone: refusals heard on a call whose suppression it
did not live to write.

Called by `Ledger.suppress_left_over` within the writer's transaction, so that no decision falls
between the question and its answer. Who is to be suppressed is copied sealed from the decision that
allowed the call.
"""

import sqlite3
from typing import Any

from policy.ledger.rows import insert, new_id

_LEFT_OVER = """
SELECT
    findings.call_id,
    findings.finding_id,
    min(findings.at) AS since,
    findings.status = 'provisional' AS provisional,
    decisions.number_hash,
    decisions.number_sealed,
    decisions.customer_hash,
    decisions.customer_sealed
FROM findings
JOIN attempts ON attempts.nonce = findings.call_id
JOIN decisions ON decisions.nonce = attempts.nonce
    AND decisions.decision_id = attempts.decision_id
WHERE findings.rule = ?
    AND findings.status IN ('provisional', 'certain')
    AND NOT EXISTS (
        SELECT 1 FROM suppressions AS made
        WHERE made.call_id = findings.call_id
            AND made.call_id <> ''
            AND made.finding_id = findings.finding_id
            AND made.provisional <= (findings.status = 'provisional')
    )
GROUP BY findings.call_id, findings.finding_id, findings.status
ORDER BY findings.seq
"""


def entries(db: sqlite3.Connection, rule: str) -> list[dict[str, Any]]:
    """The columns of the entry that each finding of `rule` lacks, as of when it was found. A
    certain one needs an entry that is not provisional; a doubtful one, also one taken back later,
    needs any."""
    cursor = db.cursor()
    cursor.row_factory = sqlite3.Row
    return [dict(row) for row in cursor.execute(_LEFT_OVER, [rule])]


def suppress(db: sqlite3.Connection, rule: str) -> list[str]:
    """Adds those entries; returns the ids of their calls."""
    left = entries(db, rule)
    for each in left:
        insert(
            db,
            "suppressions",
            suppression_id=new_id(),
            source="refusal",
            channel="voice",
            purpose="*",
            **each,
        )
    return [each["call_id"] for each in left]
