"""Owns taking personal data out of rows while their links stay: what was committed to remains, the
salt goes, and a signed row says which rows, when, by whom.

Called by `log erase` and `log retain`. Each some hundred rows are a transaction of their own, so
that no call waits for it; one that dies half-way has erased what it recorded, and goes on when it
is said again.
"""

import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from policy.ledger import chain, checkpoints, connection, erased, seal, signing
from policy.ledger.chain import Shape
from policy.ledger.moment import micros
from policy.ledger.rows import insert, new_id
from policy.ledger.seal import Seal
from policy.ledger.signing import Signer
from policy.ledger.unavailable import explained

_AT_ONCE: Final = 500
"""Rows in a transaction: it holds up the gate's next decision for under 50 ms."""
_BETWEEN_S: Final = 0.02
"""Left to the gate between two of them."""
_PATIENCE_MS: Final = 10_000

HASHES: Final = "hashes"
SEALED: Final = "sealed"


@dataclass(frozen=True)
class Answerable:
    """Who has rows erased, and why; `what` is `person` or `retention`."""

    what: str
    who: str
    why: str


class Eraser:
    """A connection that erases, with the rows that are to go. Close it."""

    def __init__(self, file: Path, key_file: Path) -> None:
        self.file = file
        self.keys: Seal = seal.load(key_file)
        self._signer: Signer = signing.load(key_file)
        self.db = connection.to_write(file, key_file, self.keys, _PATIENCE_MS)
        self.db.execute("PRAGMA secure_delete = ON")
        self.db.execute(
            "CREATE TEMP TABLE goes (of_table TEXT, of_row INTEGER, what TEXT, "
            "PRIMARY KEY (of_table, of_row, what)) WITHOUT ROWID"
        )
        self.shapes = {each: chain.shape(self.db, each) for each in chain.tables(self.db)}

    def close(self) -> None:
        """Has what was erased leave the files as well: the log that SQLite writes ahead."""
        with explained(self.file), closing(self.db):
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def mark(self, table: str, condition: str, values: tuple[Any, ...] = (), *whats: str) -> None:
        """Rows of the table for which `condition` holds are to lose their hashes, what is sealed,
        or both (where nothing is said); those that have none are left alone."""
        made = self.shapes[table]
        for what, columns in ((HASHES, made.hashes), (SEALED, made.sealed)):
            if columns and what in (whats or (HASHES, SEALED)):
                there = " OR ".join(
                    f'"{each}" IS NOT {made.erased(each)} AND "{each}" IS NOT NULL'
                    for each in columns
                )
                self.db.execute(
                    f"INSERT OR IGNORE INTO goes SELECT '{table}', seq, '{what}' FROM {table} "  # noqa: S608 - names of our own
                    f"WHERE ({condition}) AND ({there})",
                    values,
                )

    def spare(self, table: str, condition: str, values: tuple[Any, ...] = (), *whats: str) -> None:
        """Takes rows out again of those that are to go."""
        for what in whats or (HASHES, SEALED):
            self.db.execute(
                f"DELETE FROM goes WHERE of_table = '{table}' AND what = '{what}' AND of_row IN "  # noqa: S608 - names of our own
                f"(SELECT seq FROM {table} WHERE {condition})",
                values,
            )

    def counts(self) -> dict[str, int]:
        """Rows that are to go, by table."""
        found = self.db.execute(
            "SELECT of_table, count(DISTINCT of_row) FROM goes GROUP BY of_table ORDER BY of_table"
        )
        return dict(found.fetchall())

    def erase(
        self,
        answerable: Answerable,
        now: datetime,
        told: Callable[[int], object] = lambda rows: None,
    ) -> int:
        """Erases what is marked. Returns how many rows it was. Raises LedgerUnavailable: what was
        erased so far is recorded, the rest is still there."""
        count = 0
        with explained(self.file):
            for some in self._batches():
                self.db.execute("BEGIN IMMEDIATE")
                try:
                    self._erase(some, answerable, now)
                    self.db.execute("COMMIT")
                except BaseException:  # whatever it was, it is raised again; nothing of it stays
                    self.db.execute("ROLLBACK")
                    raise
                count += len(some)
                told(len(some))
                time.sleep(_BETWEEN_S)
            self.db.execute("DELETE FROM goes")
        return count

    def _batches(self) -> Iterator[list[tuple[int, str, int, set[str]]]]:
        """Links with their rows and what of them goes, in the order of the chain. A link is never
        before as many others as rows were written before its own."""
        first = self.db.execute("SELECT coalesce(min(of_row), 0) FROM goes").fetchone()[0]
        found = self.db.execute(
            "SELECT chain.seq, chain.of_table, chain.of_row, group_concat(what) FROM chain "
            "CROSS JOIN goes ON goes.of_table = chain.of_table AND goes.of_row = chain.of_row "
            "WHERE chain.seq >= ? GROUP BY chain.seq",
            [first],
        ).fetchall()
        for start in range(0, len(found), _AT_ONCE):
            yield [
                (link, table, row, set(whats.split(",")))
                for link, table, row, whats in found[start : start + _AT_ONCE]
            ]

    def _erase(
        self,
        some: list[tuple[int, str, int, set[str]]],
        answerable: Answerable,
        now: datetime,
    ) -> None:
        rows: defaultdict[str, dict[str, list[int]]] = defaultdict(lambda: {HASHES: [], SEALED: []})
        for link, table, row, whats in some:
            for what in whats:
                _erase_part(self.db, self.shapes[table], what, row, link)
                rows[table][what].append(row)
        stretches = {
            table: {what: erased.stretches(sorted(found)) for what, found in parts.items() if found}
            for table, parts in sorted(rows.items())
        }
        self._record(json.dumps(stretches, separators=(",", ":")), answerable, now)

    def _record(self, rows: str, answerable: Answerable, now: datetime) -> None:
        checkpoints.register(self.db, self._signer, now)
        erasure_id, at = new_id(), micros(now)
        said = erased.lines(erasure_id, at, answerable.what, answerable.who, rows)
        insert(
            self.db,
            "erasures",
            erasure_id=erasure_id,
            at=at,
            what=answerable.what,
            who=answerable.who,
            why_sealed=self.keys.sealed("words", answerable.why),
            rows=rows,
            key_id=self._signer.key_id,
            signature=self._signer.signed(*said),
        )


def _erase_part(db: sqlite3.Connection, made: Shape, what: str, row: int, link: int) -> None:
    """Takes the hashes of a row, or what is sealed in it, and leaves in its link what was committed
    to."""
    columns = made.hashes if what == HASHES else made.sealed
    names = ", ".join(f'"{each}"' for each in columns)
    values = db.execute(f"SELECT {names} FROM {made.table} WHERE seq = ?", [row]).fetchone()  # noqa: S608 - names of our own
    gone = ", ".join(f'"{each}" = {made.erased(each)}' for each in columns)
    db.execute(f"UPDATE {made.table} SET {gone} WHERE seq = ?", [row])  # noqa: S608 - names of our own
    if what == HASHES:
        (salt,) = db.execute("SELECT salt FROM chain WHERE seq = ?", [link]).fetchone()
        db.execute(
            "UPDATE chain SET salt = NULL, hashes_erased = ? WHERE seq = ?",
            [chain.committed(values, salt), link],
        )
    else:
        db.execute(
            "UPDATE chain SET sealed_erased = ? WHERE seq = ?", [chain.committed(values), link]
        )
