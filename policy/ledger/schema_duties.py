"""Owns the migration for what must be told on a call.

Registered by `schema`, which says what all tables have in common.
"""

from sqlite_utils import Database

from policy.ledger.tables import append_only, migrations


@migrations()
def m010_duties(db: Database) -> None:
    """What had to be told on a call, and when it was; a row whenever one changed."""
    append_only(
        db,
        "duties",
        {
            "call_id": str,
            "at": int,
            "rule": str,
            "title_zh": str,
            "title_en": str,
            "before_zh": str,
            "before_en": str,
            "made_s": float,
            "missed": int,
        },
        optional=("made_s",),
        indexes=(("call_id",),),
    )
