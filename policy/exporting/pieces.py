"""Owns making text of a selection on two processors: a second process opens every other piece, and
the pieces come out in their order.

Called by the command that exports. What both processes hold is a few pieces, however many there
are; the second one ends with the first.
"""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, Literal

from policy.exporting.text_rows import csv_of, json_of
from policy.ledger import LedgerReader, LedgerUnavailable
from policy.ledger.export import Selection
from policy.ledger.export_kinds import KINDS, Cell

Form = Literal["csv", "jsonl"]
Rulebooks = frozenset[tuple[str, str]]
"""Version and digest of each rulebook that rows name."""

_FEW: Final = 50_000
"""Rows of the log below which a second process costs more than it saves."""
_ENCODERS: Final = {"csv": csv_of, "jsonl": json_of}


@dataclass(frozen=True)
class Asked:
    """What to read, and from where; `reveal`: numbers in full."""

    file: Path
    key_file: Path
    selection: Selection
    reveal: bool


@dataclass(frozen=True)
class Piece:
    """Some rows as text. `places` is how many rows of the log were looked at for them."""

    text: bytes
    rows: int
    places: int
    rulebooks: Rulebooks


def rulebooks_in(kind: str, rows: list[list[Cell]]) -> Rulebooks:
    """Those that these rows name."""
    version, digest = (KINDS[kind].place(f"rulebook_{each}") for each in ("version", "digest"))
    if version < 0:
        return frozenset()
    return frozenset((str(row[version]), str(row[digest])) for row in rows)


def encoded(reader: LedgerReader, asked: Asked, form: Form) -> Iterator[Piece]:
    """The selection's pieces as text, in order. Raises LedgerUnavailable."""
    if asked.selection.places < _FEW:
        yield from _made(reader, asked, form, 0, 1)
        return
    with _second(asked, form) as told:
        own = _made(reader, asked, form, 0, 2)
        for piece in own:
            yield piece
            if other := _received(told):
                yield other


def _made(reader: LedgerReader, asked: Asked, form: Form, first: int, step: int) -> Iterator[Piece]:
    kind = asked.selection.kind
    encode = _ENCODERS[form](kind)
    for piece in islice(asked.selection.pieces(), first, None, step):
        rows = reader.selected(asked.selection, piece, reveal=asked.reveal)
        named = rulebooks_in(kind, rows)
        yield Piece(encode(rows), len(rows), piece[1] - piece[0] + 1, named)


@contextmanager
def _second(asked: Asked, form: Form) -> Iterator[Connection]:
    spawn = multiprocessing.get_context("spawn")
    told, tell = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_tell_every_other, args=(tell, asked, form), daemon=True)
    process.start()
    tell.close()
    try:
        yield told
    finally:
        told.close()
        process.terminate()
        process.join()


def _tell_every_other(tell: Connection, asked: Asked, form: Form) -> None:
    """The second process: ends after its last piece, or when nobody listens any more."""
    try:
        with LedgerReader.open(asked.file, asked.key_file) as reader:
            for piece in _made(reader, asked, form, 1, 2):
                tell.send((piece.rows, piece.places, piece.rulebooks))
                tell.send_bytes(piece.text)
            tell.send(None)
    except LedgerUnavailable as error:
        tell.send(str(error))
    except BrokenPipeError:
        return


def _received(told: Connection) -> Piece | None:
    """None when the second process has no further piece. Raises LedgerUnavailable."""
    try:
        said = told.recv()
        if said is None:
            return None
        if isinstance(said, str):
            raise LedgerUnavailable(said)
        rows, places, rulebooks = said
        return Piece(told.recv_bytes(), rows, places, rulebooks)
    except EOFError:
        raise LedgerUnavailable(
            "the second process that reads the ledger ended too soon (killed?); export again"
        ) from None
