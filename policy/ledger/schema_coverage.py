"""Owns the migration for which seconds of a leg were not analysed.

Registered by `schema`, which says what all tables have in common.
"""

from sqlite_utils import Database

from policy.ledger.tables import add_column, migrations


@migrations()
def m011_missing(db: Database) -> None:
    """Beside how much of a leg was heard, which seconds were not.

    JSON: a list of [start, end, cause, analysed], in seconds of the call; `analysed` is what was
    heard between the two all the same, where spans were too many to be told apart. NULL: not known.
    """
    add_column(db, "coverage", "missing", "TEXT")
