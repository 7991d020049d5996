"""Owns the ledger's tables: migrations, and the triggers that make them append-only.

Called when a fresh or an older ledger is opened for writing. A migration, once released, is never
changed: another one follows it, and `SCHEMA_VERSION` counts them. Times are integer microseconds
since 1970-01-01 UTC; `*_hash` is a keyed hash, `*_sealed` is encrypted; what a table says of a call
is never changed, only followed by more rows.
"""

import sqlite3
from importlib import import_module

from sqlite_utils import Database

from policy.ledger.tables import PERSON, RULEBOOK, append_only, migrations
from policy.ledger.version import APPLICATION_ID, SCHEMA_VERSION

_FINDING: dict[str, type] = {
    "call_id": str,
    "finding_id": str,
    "at": int,
    "rule": str,
    "pack": str,
    "title_zh": str,
    "title_en": str,
    "severity": str,
    **RULEBOOK,
    "leg": str,
    "start_s": float,
    "end_s": float,
    "matched": str,
    "confidence": float,
    "status": str,
    "raised_s": float,
    "words_sealed": bytes,
}


@migrations()
def m001_one_real_call(db: Database) -> None:
    """Decisions, attempts, suppressions, and what is heard and found on a call."""
    append_only(db, "meta", {"key": str, "value": bytes}, unique=(("key",),))
    append_only(
        db,
        "decisions",
        {
            "decision_id": str,
            "nonce": str,
            "at": int,
            "verdict": str,
            "reasons": str,
            "earliest": int,
            **RULEBOOK,
            **PERSON,
            "region": str,
            "scene": str,
            "agent": str,
            "linkedid": str,
        },
        optional=("earliest", *PERSON),
        indexes=(("nonce",), ("at",)),
    )
    append_only(
        db,
        "attempts",
        {
            "decision_id": str,
            "nonce": str,
            "reserved_at": int,
            "number_hash": bytes,
            "customer_hash": bytes,
            "scene": str,
            "linkedid": str,
        },
        optional=("customer_hash",),
        unique=(("nonce",),),
        indexes=(("number_hash", "reserved_at"), ("customer_hash", "reserved_at")),
    )
    append_only(
        db,
        "settlements",
        {
            "nonce": str,
            "at": int,
            "disposition": str,
            "q850_cause": int,
            "connected": int,
            "talk_seconds": float,
        },
        indexes=(("nonce",),),
    )
    append_only(
        db,
        "suppressions",
        {
            "suppression_id": str,
            **PERSON,
            "since": int,
            "until": int,
            "source": str,
            "channel": str,
            "purpose": str,
            "provisional": int,
            "call_id": str,
            "finding_id": str,
            "note_sealed": bytes,
        },
        optional=("until", "note_sealed", *PERSON),
        unique=(("suppression_id",),),
        indexes=(("number_hash",), ("customer_hash",), ("since",), ("call_id", "finding_id")),
    )
    append_only(
        db,
        "calls",
        {
            "call_id": str,
            "decision_id": str,
            **PERSON,
            "agent": str,
            "scene": str,
            "linkedid": str,
            "started_at": int,
        },
        optional=tuple(PERSON),
        unique=(("call_id",),),
        indexes=(("started_at",),),
    )
    append_only(db, "answers", {"call_id": str, "answered_at": int}, unique=(("call_id",),))
    append_only(
        db,
        "call_ends",
        {"call_id": str, "ended_at": int, "seconds": float, "q850_cause": int},
        unique=(("call_id",),),
    )
    append_only(
        db,
        "legs",
        {"call_id": str, "leg": str, "channel_id": str},
        unique=(("call_id", "leg", "channel_id"),),
    )
    append_only(
        db,
        "utterances",
        {
            "call_id": str,
            "utterance_id": str,
            "leg": str,
            "start_s": float,
            "end_s": float,
            "words_sealed": bytes,
        },
        indexes=(("call_id",),),
    )
    append_only(
        db,
        "findings",
        _FINDING,
        indexes=(("call_id", "finding_id"), ("at",), ("rule",)),
    )
    append_only(
        db,
        "coverage",
        {
            "call_id": str,
            "at": int,
            "leg": str,
            "call_seconds": float,
            "received_s": float,
            "analysed_s": float,
            "causes": str,
        },
        indexes=(("call_id",), ("at",)),
    )


@migrations()
def m002_rulebooks(db: Database) -> None:
    """Rulebooks with their text, and which of them was put in force or in shadow by whom."""
    append_only(
        db,
        "rulebooks",
        {"digest": str, "version": str, "content": bytes},
        unique=(("digest",),),
    )
    append_only(
        db,
        "activations",
        {"at": int, "mode": str, "digest": str, "who": str, "note": str},
        indexes=(("mode",),),
    )


@migrations()
def m003_second_looks(db: Database) -> None:
    """What was heard in seconds of doubt when they were listened to once more."""
    append_only(
        db,
        "second_looks",
        {
            "call_id": str,
            "doubt_id": str,
            "leg": str,
            "start_s": float,
            "end_s": float,
            "phrases": str,
            "confidence": float,
            "looked": int,
            "words_sealed": bytes,
        },
        indexes=(("call_id",),),
    )


@migrations()
def m005_shadow(db: Database) -> None:
    """What a rulebook in shadow would have decided, and what it would have found."""
    append_only(db, "shadow_findings", _FINDING, indexes=(("call_id", "finding_id"), ("at",)))
    append_only(
        db,
        "shadow_decisions",
        {
            "decision_id": str,
            "at": int,
            "verdict": str,
            "reasons": str,
            "earliest": int,
            **RULEBOOK,
        },
        optional=("earliest",),
        indexes=(("at",), ("decision_id",)),
    )


@migrations()
def m006_bypasses(db: Database) -> None:
    """Calls that reached a trunk without a decision."""
    append_only(
        db,
        "bypasses",
        {
            "bypass_id": str,
            "at": int,
            "number_hash": bytes,
            "number_sealed": bytes,
            "trunk": str,
            "channel_id": str,
            "linkedid": str,
            "source": str,
        },
        optional=("number_hash", "number_sealed"),
        unique=(("channel_id",),),
        indexes=(("at",),),
    )


_FOLLOW = (
    "schema_people",
    "schema_evidence",
    "schema_reviews",
    "schema_exports",
    "schema_duties",
    "schema_coverage",
)
"""Modules that register the migrations after these, in their order: each one at its import."""


def migrate(connection: sqlite3.Connection, check_value: bytes) -> None:
    """Brings the tables up to date, within the caller's transaction. A fresh file becomes a
    ledger that belongs to the key of `check_value`."""
    for each in _FOLLOW:
        import_module(f"policy.ledger.{each}")
    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('key_check', ?) ON CONFLICT DO NOTHING",
        [check_value],
    )
