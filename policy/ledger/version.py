"""Owns what the file says of itself: that it is a ledger, and which tables it has.

Read at every opening; apart from the migrations, because these load sqlite-utils and with it numpy,
25 MB that a gateway on an up-to-date ledger need not hold.
"""

APPLICATION_ID = 0x43574C47
"""SQLite's `application_id` of a ledger of Callwarden's ("CWLG")."""

SCHEMA_VERSION = 11
"""SQLite's `user_version` of an up-to-date ledger: how many migrations made it."""
