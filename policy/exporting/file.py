"""Owns writing a selection in one of the four forms, and what can be said of the result.

Called by the command that exports. Memory stays flat; what it returns holds for exactly the bytes
that were written.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final

from policy.exporting.headings import headings
from policy.exporting.pieces import Asked, Piece, Rulebooks, encoded, rulebooks_in
from policy.exporting.text_rows import BYTE_ORDER_MARK, csv_line
from policy.ledger import LedgerReader
from policy.ledger.export_kinds import Cell

FORMS: Final = ("csv", "xlsx", "jsonl", "parquet")
NEED_A_FILE: Final = frozenset({"xlsx", "parquet"})
"""Forms that a terminal or a pipe is not given."""


@dataclass(frozen=True)
class Written:
    """How many rows, which rulebooks they name, and the SHA-256 (hex) of all that was written."""

    rows: int
    rulebooks: Rulebooks
    sha256: str


def write(
    reader: LedgerReader,
    asked: Asked,
    form: str,
    sink: IO[bytes],
    *,
    language: str,
    told: Callable[[int], object] = lambda places: None,
) -> Written:
    """Writes the selection; `language` is that of headings, `told` hears how many more rows of the
    log were looked at. `sink` is a file that can be read again where the form needs one.

    Raises LedgerUnavailable, OSError.
    """
    names = headings(asked.selection.kind, language)
    if form == "csv":
        begin = BYTE_ORDER_MARK + csv_line(names)
        return _as_text(begin, encoded(reader, asked, "csv"), sink, told)
    if form == "jsonl":
        return _as_text(b"", encoded(reader, asked, "jsonl"), sink, told)
    rows, rulebooks = 0, frozenset[tuple[str, str]]()
    with _binary(form, asked.selection.kind, names, sink) as add:
        for piece in asked.selection.pieces():
            some = reader.selected(asked.selection, piece, reveal=asked.reveal)
            rows += len(some)
            rulebooks |= rulebooks_in(asked.selection.kind, some)
            add(some)
            told(piece[1] - piece[0] + 1)
    sink.flush()
    sink.seek(0)
    return Written(rows, rulebooks, hashlib.file_digest(sink, "sha256").hexdigest())  # type: ignore[arg-type]  # a file that can be read


def _as_text(
    begin: bytes, pieces: Iterable[Piece], sink: IO[bytes], told: Callable[[int], object]
) -> Written:
    digest, rows, rulebooks = hashlib.sha256(begin), 0, frozenset[tuple[str, str]]()
    sink.write(begin)
    for piece in pieces:
        digest.update(piece.text)
        sink.write(piece.text)
        rows += piece.rows
        rulebooks |= piece.rulebooks
        told(piece.places)
    return Written(rows, rulebooks, digest.hexdigest())


@contextmanager
def _binary(
    form: str, kind: str, names: list[str], sink: IO[bytes]
) -> Iterator[Callable[[list[list[Cell]]], None]]:
    """What takes rows of a workbook or of Parquet; whole when the context ends."""
    if form == "xlsx":
        from policy.exporting.workbook import WorkbookFile

        book = WorkbookFile(kind, names, kind)
        yield book.add
        book.save(sink)
    else:
        from policy.exporting.parquet import ParquetFile

        table = ParquetFile(sink, kind, names)
        yield table.add
        table.close()
