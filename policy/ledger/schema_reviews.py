"""Owns the migration for what people do: acts, and the alerts that they acknowledge.

Registered by `schema`, which says what all tables have in common.
"""

from sqlite_utils import Database

from policy.ledger.tables import append_only, migrations


@migrations()
def m008_acts(db: Database) -> None:
    """Who did what to which call, finding, rule, agent or alert; and the alerts that were raised.

    An act that then failed is followed by a row of the same `act_id` whose outcome says so.
    """
    append_only(
        db,
        "acts",
        {
            "act_id": str,
            "at": int,
            "act": str,
            "who": str,
            "role": str,
            "call_id": str,
            "finding_id": str,
            "subject": str,
            "standing": str,
            "outcome": str,
            "note_sealed": bytes,
        },
        optional=("note_sealed",),
        indexes=(("call_id", "finding_id"), ("act", "subject"), ("at",)),
    )
    append_only(
        db,
        "alerts",
        {
            "alert_id": str,
            "at": int,
            "kind": str,
            "severity": str,
            "title_zh": str,
            "title_en": str,
            "call_id": str,
            "agent": str,
            "quiet": int,
        },
        unique=(("alert_id",),),
        indexes=(("at",),),
    )
