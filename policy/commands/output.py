"""Owns what commands write for people to open: CSV that a spreadsheet shows and does not calculate,
in a file that appears whole or not at all.

Used by the exports.
"""

import csv
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from policy.exporting.text_rows import harmless
from policy.ledger.export_kinds import Cell


@contextmanager
def output(file: Path | None) -> Iterator[IO[bytes]]:
    """Where rows go. A file takes its name once it is whole and on disk; it is the owner's alone,
    for it holds what people said or who they are."""
    if file is None:
        stdout = sys.stdout.buffer
        yield stdout
        stdout.flush()
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with open(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def write_csv(sink: IO[bytes], names: Sequence[str], rows: Iterable[Iterable[Cell]]) -> int:
    """UTF-8 with its byte order mark, by which a spreadsheet knows it. Returns how many rows."""
    text = io.TextIOWrapper(sink, encoding="utf-8-sig", newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - what it ends with is returned
        writer.writerow([harmless(each) for each in row])
    text.detach()
    return count


def leave_quietly() -> None:
    """Whoever read stdout has seen enough; Python must not complain when it flushes at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
