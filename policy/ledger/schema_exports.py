"""Owns the migration for what left the ledger.

Registered by `schema`, which says what all tables have in common.
"""

from sqlite_utils import Database

from policy.ledger.tables import append_only, migrations


@migrations()
def m009_exports(db: Database) -> None:
    """Who took which rows out of the ledger, and the SHA-256 of what he was given.

    `chosen` is JSON; `unmasked` is 1 where numbers were in full; `whole` is 0 where the reader went
    away before the end, and nothing is said of what he had then.
    """
    append_only(
        db,
        "exports",
        {
            "export_id": str,
            "at": int,
            "who": str,
            "role": str,
            "kind": str,
            "form": str,
            "chosen": str,
            "unmasked": int,
            "rows": int,
            "sha256": str,
            "whole": int,
        },
        unique=(("export_id",),),
        indexes=(("sha256",), ("at",)),
    )
