"""Owns the migration that tells people, debts, lists and consents apart.

Registered by `schema`, which says what all tables have in common.
"""

from sqlite_utils import Database

from policy.ledger.tables import PERSON, append_only, migrations, never


@migrations()
def m004_whom_and_about_what(db: Database) -> None:
    """What a call is about, who belongs together, lists, consents, and what ends an entry.

    Keyed hashes become 16 bytes (HMAC-SHA256 truncated to 128 bits, RFC 2104): two people share one
    with a probability of 10^-24 among ten million.
    """
    for name in ("decisions", "attempts", "suppressions", "calls"):
        db.conn.execute(f"DROP TRIGGER {name}_never_update")
        db.conn.execute(
            f"UPDATE {name} SET number_hash = substr(number_hash, 1, 16), "  # noqa: S608 - names of our own
            "customer_hash = substr(customer_hash, 1, 16)"
        )
        never(db, name, "UPDATE")
    for name, columns in _ADDED.items():
        for column in columns:
            db.conn.execute(f"ALTER TABLE {name} ADD COLUMN {column}")
    for index in _REPLACED:
        db.conn.execute(f"DROP INDEX {index}")
    for index in _BY_WHAT_IS_NAMED:
        db.conn.execute(f"CREATE INDEX {index}")
    append_only(
        db,
        "people",
        {"number_hash": bytes, "customer_hash": bytes},
        unique=(("number_hash", "customer_hash"),),
        indexes=(("customer_hash", "number_hash"),),
    )
    db.conn.execute(_NAMED_IN_VAIN)
    append_only(
        db,
        "lists",
        {
            "list_id": str,
            "name": str,
            "as_of": int,
            "at": int,
            "who": str,
            "source": str,
            "file": str,
            "rows": int,
            "added": int,
            "rejected": int,
            "complete": int,
        },
        unique=(("list_id",),),
        indexes=(("name", "complete", "as_of"),),
    )
    append_only(
        db,
        "releases",
        {"suppression_id": str, "at": int, "who": str, "why_sealed": bytes},
        indexes=(("suppression_id",),),
    )
    append_only(
        db,
        "waivers",
        {
            "waiver_id": str,
            **PERSON,
            "rules": str,
            "purpose": str,
            "proof_sealed": bytes,
            "since": int,
            "until": int,
            "who": str,
        },
        optional=("until", *PERSON),
        unique=(("waiver_id",),),
        indexes=(("number_hash",), ("customer_hash",)),
    )
    append_only(
        db,
        "revocations",
        {"waiver_id": str, "at": int, "who": str, "why_sealed": bytes},
        indexes=(("waiver_id",),),
    )


_ADDED = {
    "decisions": (
        "debt_hash BLOB",
        "debt_sealed BLOB",
        "product TEXT NOT NULL DEFAULT ''",
        "campaign TEXT NOT NULL DEFAULT ''",
        "agency TEXT NOT NULL DEFAULT ''",
        "party TEXT NOT NULL DEFAULT 'unknown'",
        "caller_id TEXT NOT NULL DEFAULT ''",
    ),
    "attempts": (
        "debt_hash BLOB",
        "product TEXT NOT NULL DEFAULT ''",
        "party TEXT NOT NULL DEFAULT 'unknown'",
    ),
    "suppressions": ("list_name TEXT NOT NULL DEFAULT ''",),
}

_REPLACED = (
    "idx_attempts_number_hash_reserved_at",
    "idx_attempts_customer_hash_reserved_at",
    "idx_settlements_nonce",
    "idx_suppressions_customer_hash",
    "idx_suppressions_since",
    "idx_suppressions_call_id_finding_id",
)

_BY_WHAT_IS_NAMED = (
    "attempts_of_number ON attempts (number_hash, reserved_at, customer_hash)",
    "attempts_of_customer ON attempts (customer_hash, reserved_at, number_hash) "
    "WHERE customer_hash IS NOT NULL",
    "attempts_of_debt ON attempts (debt_hash, reserved_at) WHERE debt_hash IS NOT NULL",
    "settlements_of_nonce ON settlements (nonce, connected, talk_seconds, at)",
    "suppressions_of_customer ON suppressions (customer_hash) WHERE customer_hash IS NOT NULL",
    "suppressions_of_call ON suppressions (call_id, finding_id) WHERE call_id <> ''",
)
"""Rows that name no customer, debt or call stay out of the index of those that do: a list of ten
million numbers would only fill it with blanks."""

_NAMED_IN_VAIN = """
INSERT INTO people (number_hash, customer_hash)
SELECT DISTINCT number_hash, customer_hash
FROM decisions
WHERE verdict = 'DENY' AND number_hash IS NOT NULL AND customer_hash IS NOT NULL
"""
"""Which numbers and customers an older ledger's denied calls named together."""
