"""Owns checking a whole ledger, in several processes, while others write to it.

Called by `log verify`. Each process checks stretches of the chain, each from the hash that stands
before it, which is the end of the stretch before; at the end the stretches are put together.
"""

import multiprocessing
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from policy.ledger import checkpoints, verifying
from policy.ledger.checkpoints import Checkpoint
from policy.ledger.unavailable import LedgerUnavailable, explained
from policy.ledger.verifying import BadPlace, Keys, Stretch
from policy.ledger.version import APPLICATION_ID, SCHEMA_VERSION

_STRETCH: Final = 50_000
"""Links a process checks at a time."""
_BUSY_MS: Final = 10_000


@dataclass(frozen=True)
class Audit:
    """What was checked: so many links, up to `head`, with so many checkpoints; and the first place
    that is bad."""

    ledger_id: bytes
    links: int
    head: bytes
    checkpoints: int
    bad: BadPlace | None


def audit(
    file: Path,
    trusted: Keys,
    kept: Sequence[Checkpoint] = (),
    *,
    processes: int = 2,
    told: Callable[[int, int], object] = lambda done, of: None,
) -> Audit:
    """Checks all of the ledger in `file`, whose key is not needed, against itself and against
    checkpoints `kept` elsewhere. `told` hears how many links of how many are done. Raises
    LedgerUnavailable where it cannot be read."""
    with explained(file), _reading(file) as db:
        last = verifying.last_link(db)
        bad = verifying.beginning(db)
    whole: dict[str, tuple[int, int]] = {}
    if bad is None:
        bad = _stretches(file, trusted, last, processes, whole=whole, told=told)
    with explained(file), _reading(file) as db:
        ends = verifying.last_link(db)
        if bad is None:
            bad = _ending(db, trusted, last, whole)
        if bad is None:
            bad = verifying.own_checkpoints(db, trusted) or verifying.against(db, kept, trusted)
        stated = db.execute("SELECT count(*) FROM checkpoints").fetchone()[0]
        head = db.execute("SELECT hash FROM chain WHERE seq = ?", [ends]).fetchone()[0]
        return Audit(checkpoints.ledger_id(db), ends, head, stated + len(kept), bad)


def _stretches(
    file: Path,
    trusted: Keys,
    last: int,
    processes: int,
    *,
    whole: dict[str, tuple[int, int]],
    told: Callable[[int, int], object],
) -> BadPlace | None:
    """Checks the links up to `last`; `whole` becomes the rows they bind."""
    firsts = range(1, last + 1, _STRETCH)
    asked = [(file, first, min(first + _STRETCH - 1, last), trusted) for first in firsts]
    done = 0
    with _processes(min(processes, len(asked))) as run, explained(file), _reading(file) as db:
        for (_, first, until, _), made in zip(asked, run(asked), strict=True):
            bad = made.bad or verifying.joined(db, whole, made.bound)
            if bad is not None:
                return bad
            done += until - first + 1
            told(done, last)
    return None


@contextmanager
def _processes(
    count: int,
) -> Iterator[Callable[[Sequence[tuple[Path, int, int, Keys]]], Iterator[Stretch]]]:
    """What runs `_stretch` on each of many, in order. One process needs no other."""
    if count <= 1:
        yield lambda asked: map(_stretch, asked)
        return
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:
        yield lambda asked: pool.map(_stretch, asked)
        pool.shutdown(cancel_futures=True)


def _stretch(asked: tuple[Path, int, int, Keys]) -> Stretch:
    file, first, last, trusted = asked
    with explained(file), _reading(file) as db:
        return verifying.check(db, first, last, trusted)


def _ending(
    db: sqlite3.Connection, trusted: Keys, last: int, whole: dict[str, tuple[int, int]]
) -> BadPlace | None:
    """Checks what was added meanwhile, and that nothing lies beside the chain."""
    ends = verifying.last_link(db)
    if ends > last:
        made = verifying.check(db, last + 1, ends, trusted)
        bad = made.bad or verifying.joined(db, whole, made.bound)
        if bad is not None:
            return bad
    return verifying.loose_row(db, whole)


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    """The ledger as it is at this moment. Raises LedgerUnavailable where it is none, or one of
    before the chain."""
    if not file.exists():
        raise LedgerUnavailable(f"{file}: there is no ledger")
    uri = f"{file.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
        db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise LedgerUnavailable(f"{file}: this is another program's database, not a ledger")
        if version != SCHEMA_VERSION:
            raise LedgerUnavailable(
                f"{file}: the ledger's tables are of version {version}, this Callwarden knows "
                f"{SCHEMA_VERSION}; start the gateway once, or install the Callwarden that made it"
            )
        db.execute("BEGIN")
        yield db
