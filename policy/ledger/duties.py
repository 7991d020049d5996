"""Owns what had to be told on a call, in the ledger: each duty whenever it changed.

Written by the gateway while the call is up; read where a past call is shown. Invariant: what was
told once stays told, also where a later gateway had not heard it.
"""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from policy.identity import Title
from policy.ledger.moment import instant, micros
from policy.speech.duty import Duty

Rows = Callable[[str, Sequence[Any]], list[sqlite3.Row]]


def columns(call_id: str, duty: Duty, now: datetime) -> dict[str, Any]:
    """The row of a duty that stands so since `now`."""
    before = duty.before or Title("", "")
    return {
        "call_id": call_id,
        "at": micros(now),
        "rule": duty.rule,
        "title_zh": duty.title.zh,
        "title_en": duty.title.en,
        "before_zh": before.zh,
        "before_en": before.en,
        "made_s": duty.made_s,
        "missed": int(duty.missed),
    }


def of_call(rows: Rows, call_id: str) -> list[tuple[datetime, tuple[Duty, ...]]]:
    """All duties of a call, each time one of them changed, oldest first."""
    told: list[tuple[datetime, tuple[Duty, ...]]] = []
    stand: dict[str, Duty] = {}
    found = rows("SELECT * FROM duties WHERE call_id = ? ORDER BY seq", [call_id])
    for at, changed in groupby(found, key=itemgetter("at")):
        for duty in map(_duty, changed):
            known = stand.get(duty.rule)
            if known is None or known.made_s is None or duty.made_s is not None:
                stand[duty.rule] = duty
        told.append((instant(at), tuple(stand.values())))
    return told


def _duty(row: sqlite3.Row) -> Duty:
    before = Title(row["before_zh"], row["before_en"])
    return Duty(
        row["rule"],
        Title(row["title_zh"], row["title_en"]),
        row["made_s"],
        before if before.zh or before.en else None,
        bool(row["missed"]),
    )
