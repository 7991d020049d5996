"""Owns telling whether the ledger is as it was written: every row against its link, every link
against the one before it, checkpoints against the chain.

Called by `log verify` for all of it, in several processes, and at each start for the rows since
the last checkpoint. It names the first place that is not as it was.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from policy.ledger import chain, checkpoints, erased
from policy.ledger.chain import Shape
from policy.ledger.checkpoints import Checkpoint

_AT_START: Final = 20_000
"""Links checked at a start at most, the newest: under half a second."""

_DISORDER: Final = "the links are not in the order of the rows"
_INSERTED: Final = "the row has no link: it was inserted"

Keys = Mapping[str, bytes]
"""Public keys whose signatures are trusted, by name."""


@dataclass(frozen=True)
class BadPlace:
    """The first place that is not as it was written. `row` and `link` are None where the place is
    none of a single row."""

    what: str
    table: str = ""
    row: int | None = None
    link: int | None = None

    def __str__(self) -> str:
        where = f"table {self.table}, row {self.row}: " if self.table else ""
        return f"{where}{self.what}" + ("" if self.link is None else f" (link {self.link})")


@dataclass
class Stretch:
    """Some links in a row that were checked: which rows of each table they bind, first and last,
    and what is bad."""

    bound: dict[str, tuple[int, int]] = field(default_factory=dict)
    bad: BadPlace | None = None


class _Bad(Exception):
    def __init__(self, place: BadPlace) -> None:
        self.place = place


def check(db: sqlite3.Connection, first: int, last: int, trusted: Keys) -> Stretch:
    """Checks the links `first` to `last`, taking the hash before the first one as it stands, and
    the rows they bind."""
    made = Stretch()
    try:
        _check(db, first, last, erased.recorded(db, trusted), made)
    except _Bad as bad:
        made.bad = bad.place
    return made


def _check(
    db: sqlite3.Connection, first: int, last: int, recorded: erased.Recorded, made: Stretch
) -> None:
    before = _head(db, first - 1)
    if before is None:
        raise _Bad(BadPlace("the link is missing", link=first - 1))
    previous, expected = before, first
    tables: dict[str, _Rows] = {}
    with closing(db.cursor()) as links:
        for link in links.execute(
            "SELECT seq, of_table, of_row, salt, hashes_erased, sealed_erased, hash FROM chain "
            "WHERE seq BETWEEN ? AND ? ORDER BY seq",
            [first, last],
        ):
            seq, table, of_row, salt, hashes_erased, sealed_erased, told = link
            if seq != expected:
                raise _Bad(BadPlace("the link is missing", link=expected))
            if table not in tables:
                tables[table] = _Rows(db, table, of_row, seq)
            rows = tables[table]
            row = rows.next(of_row, seq)
            if (salt is not None) != bool(rows.shape.hashes and hashes_erased is None):
                right = None
            elif hashes_erased is None and sealed_erased is None:
                right = _expected(rows.shape, row, previous, salt)
            else:
                _refuse_unrecorded(recorded, rows.shape, row, link)
                right = _of_erased(rows.shape, row, previous, link)
            if right != told:
                raise _Bad(BadPlace("the row or its link was changed", table, of_row, seq))
            previous, expected = told, seq + 1
            low, _ = made.bound.get(table, (of_row, of_row))
            made.bound[table] = low, of_row
    if expected != last + 1:
        raise _Bad(BadPlace("the link is missing", link=expected))


def _expected(made: Shape, row: Sequence[Any], previous: bytes, salt: bytes | None) -> bytes | None:
    """None where a row of this kind cannot be."""
    try:
        return chain.link_of(made, row, previous, salt)
    except (TypeError, ValueError):
        return None


def _of_erased(
    made: Shape, row: Sequence[Any], previous: bytes, link: Sequence[Any]
) -> bytes | None:
    """The hash of a link whose row was erased, in part or whole: what was committed to stands in
    the link."""
    _, _, _, salt, hashes_erased, sealed_erased, _ = link
    public = len(made.public)
    sealed = public + len(made.hashes)
    parts = [previous, chain.public_part(made.table, row[:public])]
    try:
        if made.hashes:
            parts.append(hashes_erased or chain.committed(row[public:sealed], salt))
        if made.sealed:
            parts.append(sealed_erased or chain.committed(row[sealed:]))
    except TypeError:
        return None
    return sha256(b"".join(parts)).digest()


def _refuse_unrecorded(
    recorded: erased.Recorded, made: Shape, row: Sequence[Any], link: Sequence[Any]
) -> None:
    """Raises where a row is erased and no signed erasure says so, or is not erased whose link
    says that it was."""
    seq, table, of_row, _, hashes_erased, sealed_erased, _ = link
    public = len(made.public)
    sealed = public + len(made.hashes)
    groups = (
        ("hashes", hashes_erased, made.hashes, row[public:sealed]),
        ("sealed", sealed_erased, made.sealed, row[sealed:]),
    )
    for group, gone, columns, values in groups:
        if gone is None:
            continue
        if not recorded.holds(table, group, of_row):
            what = "the row was erased, and no signed erasure in the ledger says so"
            raise _Bad(BadPlace(what, table, of_row, seq))
        for column, value in zip(columns, values, strict=True):
            if value not in (None, made.erased_value(column, of_row)):
                raise _Bad(BadPlace(f"{column} was erased and stands there", table, of_row, seq))


class _Rows:
    """A table's rows in their order, from the first one a stretch binds."""

    def __init__(self, db: sqlite3.Connection, table: str, first: int, link: int) -> None:
        self._table = table
        self._last = 0
        if table not in chain.tables(db):
            raise _Bad(BadPlace("the table is missing", table, first, link))
        self.shape = chain.shape(db, table)
        query = f"SELECT {self.shape.read} FROM {table} WHERE seq >= ? ORDER BY seq"  # noqa: S608 - a listed name
        self._rows: Iterator[tuple[Any, ...]] = db.cursor().execute(query, [first])

    def next(self, of_row: int, link: int) -> tuple[Any, ...]:
        if of_row <= self._last:
            raise _Bad(
                BadPlace("the links are not in the order of the rows", self._table, of_row, link)
            )
        try:
            row = next(self._rows, None)
        except sqlite3.OperationalError:  # a text that is none: nobody wrote it through us
            raise _Bad(BadPlace("the row was changed", self._table, of_row, link)) from None
        if row is None or row[0] > of_row:
            raise _Bad(BadPlace("the row was removed", self._table, of_row, link))
        if row[0] < of_row:
            raise _Bad(BadPlace(_INSERTED, self._table, row[0]))
        self._last = of_row
        return row


def loose_row(db: sqlite3.Connection, bound: dict[str, tuple[int, int]]) -> BadPlace | None:
    """The first row, of the tables of a whole ledger, before or after those that links bind."""
    for table in chain.tables(db):
        low, high = bound.get(table, (0, 0))
        found = db.execute(
            f"SELECT seq FROM {table} WHERE seq < ? OR seq > ? ORDER BY seq LIMIT 1",  # noqa: S608 - a listed name
            [low, high],
        ).fetchone()
        if found is not None:
            return BadPlace(_INSERTED, table, found[0])
    return None


def joined(
    db: sqlite3.Connection,
    whole: dict[str, tuple[int, int]],
    more: dict[str, tuple[int, int]],
) -> BadPlace | None:
    """Adds what a stretch binds to what those before it bind. The first row between the two that
    no link binds."""
    for table, (low, high) in more.items():
        first, last = whole.get(table, (low, low - 1))
        if low <= last:
            return BadPlace(_DISORDER, table, low)
        between = db.execute(
            f"SELECT seq FROM {table} WHERE seq > ? AND seq < ? ORDER BY seq LIMIT 1",  # noqa: S608 - a listed name
            [last, low],
        ).fetchone()
        if between is not None:
            return BadPlace(_INSERTED, table, between[0])
        whole[table] = first, high
    return None


def beginning(db: sqlite3.Connection) -> BadPlace | None:
    """What is wrong before the first row."""
    found = db.execute("SELECT of_table, of_row, hash FROM chain ORDER BY seq LIMIT 1").fetchone()
    if found != ("", 0, chain.genesis(checkpoints.ledger_id(db))):
        return BadPlace("the chain does not begin as this ledger's does", link=0)
    return None


def last_link(db: sqlite3.Connection) -> int:
    found: int | None = db.execute("SELECT max(seq) FROM chain").fetchone()[0]
    return found or 0


def against(db: sqlite3.Connection, kept: Sequence[Checkpoint], trusted: Keys) -> BadPlace | None:
    """The first checkpoint that the chain does not bear out."""
    own = checkpoints.ledger_id(db)
    for each in kept:
        at, public = each.at.isoformat(), trusted.get(each.key_id)
        if each.ledger_id != own:
            what = (
                f"a checkpoint is of ledger {each.ledger_id.hex()}, this is {own.hex()}: the "
                "database was swapped, or the checkpoints are another's"
            )
        elif public is None or not each.is_signed_by(public):
            what = f"a checkpoint is not signed by a key that is trusted ({each.key_id})"
        elif (found := _head(db, each.of_seq)) is None:
            what = (
                f"the ledger was cut off after link {last_link(db)}: a checkpoint of {at} knows "
                "of this one"
            )
        elif found != each.head:
            what = f"the ledger up to here is not what a checkpoint of {at} saw: it was rewritten"
        else:
            continue
        return BadPlace(what, link=each.of_seq)
    return None


def _head(db: sqlite3.Connection, link: int) -> bytes | None:
    found = db.execute("SELECT hash FROM chain WHERE seq = ?", [link]).fetchone()
    return found[0] if found else None


def own_checkpoints(db: sqlite3.Connection, trusted: Keys) -> BadPlace | None:
    """The first checkpoint in the ledger that the chain does not bear out. The newest one's
    signature answers for those before it, which it binds."""
    wrong = db.execute(
        "SELECT checkpoints.seq, of_seq FROM checkpoints LEFT JOIN chain ON chain.seq = of_seq "
        "WHERE chain.hash IS NOT head ORDER BY checkpoints.seq LIMIT 1"
    ).fetchone()
    if wrong is not None:
        what = "the checkpoint is not of this chain"
        return BadPlace(what, "checkpoints", wrong[0], wrong[1])
    newest = checkpoints.latest(db)
    return against(db, [newest], trusted) if newest else None


def at_start(db: sqlite3.Connection, trusted: Keys) -> BadPlace | None:
    """What is wrong with the ledger's end: the rows since the last checkpoint, at most the newest
    20 000, that checkpoint, and the beginning."""
    bad = beginning(db)
    if bad is not None:
        return bad
    newest, last = checkpoints.latest(db), last_link(db)
    if newest is not None and (bad := against(db, [newest], trusted)):
        return bad
    since = newest.of_seq if newest else 0
    return check(db, max(since, last - _AT_START) + 1, last, trusted).bad
