"""Owns the record of what was erased: which rows, by whom and why, signed.

Written by `erasing`, read by `verifying`: a row may be erased only where a signed erasure names it.
"""

import json
import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from policy.ledger.signing import is_signed

Ranges = list[tuple[int, int]]
Rows = dict[str, dict[str, Ranges]]
"""By table and by what of it (`hashes`, `sealed`): the rows, as stretches, first and last."""

_WHAT: Final = "callwarden erasure 1"


class Recorded:
    """What the signed erasures of a ledger name."""

    def __init__(self, signed: Iterable[Rows]) -> None:
        found: defaultdict[tuple[str, str], Ranges] = defaultdict(list)
        for rows in signed:
            for table, groups in rows.items():
                for group, ranges in groups.items():
                    found[table, group] += [(low, high) for low, high in ranges]
        self._ranges = {key: sorted(ranges) for key, ranges in found.items()}
        self._reached = {key: _reached(ranges) for key, ranges in self._ranges.items()}

    def holds(self, table: str, group: str, row: int) -> bool:
        ranges = self._ranges.get((table, group), [])
        at = bisect_right(ranges, (row, 2**63)) - 1
        return at >= 0 and row <= self._reached[table, group][at]


def _reached(ranges: Ranges) -> list[int]:
    """How far the stretches up to each one reach."""
    reached, furthest = [], 0
    for _, high in ranges:
        furthest = max(furthest, high)
        reached.append(furthest)
    return reached


def lines(erasure_id: str, at: int, what: str, who: str, rows: str) -> tuple[str | int, ...]:
    """What is signed of an erasure, a line each."""
    return _WHAT, erasure_id, at, what, who, rows


def recorded(db: sqlite3.Connection, trusted: Mapping[str, bytes]) -> Recorded:
    """Of all erasures whose signature is that of one of these public keys."""
    found = db.execute(
        "SELECT erasure_id, at, what, who, rows, key_id, signature FROM erasures ORDER BY seq"
    )
    return Recorded(
        json.loads(rows)
        for erasure_id, at, what, who, rows, key_id, signature in found.fetchall()
        if is_signed(trusted.get(key_id, b""), signature, *lines(erasure_id, at, what, who, rows))
    )


def stretches(rows: Iterable[int]) -> Ranges:
    """Ascending numbers as stretches without a gap."""
    found: Ranges = []
    for row in rows:
        if found and found[-1][1] == row - 1:
            found[-1] = found[-1][0], row
        else:
            found.append((row, row))
    return found
