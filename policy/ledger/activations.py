"""Owns which rulebook was put in force or in shadow, when, by whom, and its whole text.

Written by `rules activate` and `rules shadow` through the ledger; read by the gateway, which
follows the last one of each mode. An activation is never changed: going back is another one.
"""

import sqlite3
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, cast

from policy.identity import RulebookIdentity, RulebookText, digest_of
from policy.ledger.moment import instant, micros
from policy.ledger.records import Activation, Mode

Rows = Callable[[str, Sequence[Any]], list[sqlite3.Row]]

_ACTIVATIONS = """
SELECT activations.*, rulebooks.version
FROM activations LEFT JOIN rulebooks ON rulebooks.digest = activations.digest
"""


def activate(
    db: sqlite3.Connection,
    rulebook: RulebookText | None,
    *,
    mode: Mode,
    who: str,
    note: str,
    now: datetime,
) -> int:
    """Adds the rulebook's text, once a digest, and that it is in force in this mode; None ends a
    shadow. Returns the activation's place in the log. Raises ValueError where nobody is named, the
    text is not that of the digest, or nothing would be in force."""
    if not who.strip():
        raise ValueError("an activation names who made it")
    digest = ""
    if rulebook is None:
        if mode == "active":
            raise ValueError("a rulebook in force is followed by another one, not by none")
    else:
        digest = rulebook.identity.digest
        if digest != digest_of(rulebook.content):
            raise ValueError("the text is not that of the rulebook's digest")
        db.execute(
            "INSERT INTO rulebooks (digest, version, content) VALUES (?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (digest, rulebook.identity.version, zlib.compress(rulebook.content.encode(), 9)),
        )
    added = db.execute(
        "INSERT INTO activations (at, mode, digest, who, note) VALUES (?, ?, ?, ?, ?)",
        (micros(now), mode, digest, who.strip(), note),
    )
    return cast(int, added.lastrowid)


def latest(rows: Rows, mode: Mode) -> Activation | None:
    """What was last put in this mode; None when nothing ever was."""
    found = rows(f"{_ACTIVATIONS} WHERE mode = ? ORDER BY activations.seq DESC LIMIT 1", [mode])
    return _activation(found[0]) if found else None


def history(rows: Rows, limit: int) -> list[Activation]:
    """The newest activations, newest first."""
    found = rows(f"{_ACTIVATIONS} ORDER BY activations.seq DESC LIMIT ?", [limit])
    return [_activation(row) for row in found]


def text(rows: Rows, digest: str) -> RulebookText | None:
    """The rulebook of this digest; None when it was never activated. Raises ValueError where what
    is recorded is not the text of the digest."""
    found = rows("SELECT * FROM rulebooks WHERE digest = ?", [digest])
    if not found:
        return None
    try:
        content = zlib.decompress(found[0]["content"]).decode()
    except (zlib.error, UnicodeDecodeError):
        content = ""
    if digest_of(content) != digest:
        raise ValueError(f"the recorded text of rulebook {digest[:12]} was changed")
    return RulebookText(RulebookIdentity(found[0]["version"], digest), content)


def _activation(row: sqlite3.Row) -> Activation:
    identity = RulebookIdentity(row["version"], row["digest"]) if row["digest"] else None
    return Activation(
        row["seq"], instant(row["at"]), cast(Mode, row["mode"]), identity, row["who"], row["note"]
    )
