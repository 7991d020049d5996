"""Owns rows as text: CSV that a spreadsheet shows and does not calculate, and JSON lines.

Called for some thousand rows at a time, in this process or another. No cell begins with what a
spreadsheet takes for a formula; times are ISO 8601 in UTC.
"""

import csv
import io
import json
from collections.abc import Callable, Sequence
from functools import partial

from policy.ledger.export import iso
from policy.ledger.export_kinds import KINDS, Cell, Form

Encode = Callable[[list[list[Cell]]], bytes]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
BYTE_ORDER_MARK = "\ufeff".encode()
"""By which a spreadsheet knows UTF-8."""


def harmless(cell: Cell) -> Cell:
    """With an apostrophe before what a spreadsheet would calculate."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def csv_line(cells: Sequence[Cell]) -> bytes:
    """One line of CSV, such as the first."""
    return (_quoted([harmless(each) for each in cells]) + "\r\n").encode()


def csv_of(kind: str) -> Encode:
    """What makes CSV of a kind's rows."""
    figures = [at for form in (Form.SECONDS, Form.COUNT, Form.YES) for at in _places(kind, form)]
    texts, times = _places(kind, Form.TEXT), _places(kind, Form.TIME)
    return partial(_csv, times, figures, KINDS[kind].place("number"), texts)


def json_of(kind: str) -> Encode:
    """What makes JSON lines of a kind's rows."""
    return partial(_json, _places(kind, Form.TIME), [each.name for each in KINDS[kind].columns])


def _places(kind: str, form: Form) -> list[int]:
    return [place for place, each in enumerate(KINDS[kind].columns) if each.form is form]


def _csv(
    times: list[int], figures: list[int], number: int, texts: list[int], rows: list[list[Cell]]
) -> bytes:
    """Most rows need no quotes and no care but for their number, which begins with a plus. The
    first cell is a time in every kind: no formula begins a line."""
    lines = []
    commas = len(rows[0]) - 1 if rows else 0
    for cells in rows:
        for place in times:
            cells[place] = iso(cells[place])
        for place in figures:
            if cells[place] is not None:
                cells[place] = repr(cells[place])
        cells[number] = harmless(cells[number])
        try:
            line = ",".join(cells)  # type: ignore[arg-type]  # a cell that is None is told
        except TypeError:
            line = ",".join(["" if each is None else str(each) for each in cells])
        if (
            line.count(",") != commas
            or '"' in line
            or "\n" in line
            or "\r" in line
            or ",=" in line
            or ",+" in line
            or ",-" in line
            or ",@" in line
            or ",\t" in line
        ):
            for place in texts:
                cells[place] = harmless(cells[place])
            lines.append(_quoted(cells))
        else:
            lines.append(line)
    return ("\r\n".join(lines) + "\r\n" * bool(lines)).encode()


def _quoted(cells: Sequence[Cell]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _json(times: list[int], names: list[str], rows: list[list[Cell]]) -> bytes:
    encode = json.JSONEncoder(ensure_ascii=False).encode
    lines = []
    for cells in rows:
        for place in times:
            cells[place] = iso(cells[place])
        lines.append(encode(dict(zip(names, cells, strict=True))))
    return ("\n".join(lines) + "\n" * bool(lines)).encode()
