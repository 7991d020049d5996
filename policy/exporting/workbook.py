"""Owns an export as a workbook (XLSX): headings that stay in view and filter, times and numbers as
such, as many sheets as there must be.

Called by the command that exports. Rows are streamed; text is always text, whatever it begins with.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import IO, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from policy.ledger.export_kinds import KINDS, Cell, Form

ROWS_A_SHEET: Final = 1_048_575
"""Of 1,048,576 that a sheet may have, the headings take one."""
_FORMAT: Final = {
    Form.TIME: "yyyy-mm-dd hh:mm:ss.000",
    Form.SECONDS: "0.00",
    Form.COUNT: "0",
}
_WIDTH: Final = {Form.TIME: 24.0, Form.TEXT: 22.0, Form.NAME: 14.0}
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
"""What XML cannot hold."""
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a workbook knows no zones; headings say UTC


class WorkbookFile:
    """Takes rows; `save` ends it. `sheet_rows` is how many rows a sheet takes."""

    def __init__(
        self, kind: str, headings: list[str], title: str, *, sheet_rows: int = ROWS_A_SHEET
    ) -> None:
        self._forms = [each.form for each in KINDS[kind].columns]
        self._headings = [
            f"{name} (UTC)" if form is Form.TIME else name
            for name, form in zip(headings, self._forms, strict=True)
        ]
        self._title = title
        self._most = sheet_rows
        self._book = Workbook(write_only=True)
        self._sheets = 0
        self._sheet = self._begun()
        self._rows = 0

    def add(self, rows: Iterable[list[Cell]]) -> None:
        """Rows as the ledger gives them, times in microseconds."""
        for cells in rows:
            if self._rows == self._most:
                self._finished()
                self._sheet = self._begun()
            self._sheet.append(
                [self._cell(form, each) for form, each in zip(self._forms, cells, strict=True)]
            )
            self._rows += 1

    def save(self, sink: IO[bytes]) -> None:
        self._finished()
        self._book.save(sink)

    def _begun(self) -> WriteOnlyWorksheet:
        self._sheets += 1
        self._rows = 0
        name = self._title if self._sheets == 1 else f"{self._title} {self._sheets}"
        sheet: WriteOnlyWorksheet = self._book.create_sheet(name)
        sheet.freeze_panes = "A2"
        for place, form in enumerate(self._forms, 1):
            width = _WIDTH.get(form, 10.0)
            sheet.column_dimensions[get_column_letter(place)].width = width  # type: ignore[attr-defined]  # left out of its stubs
        bold = []
        for heading in self._headings:
            cell = WriteOnlyCell(sheet, heading)
            cell.font = Font(bold=True)
            bold.append(cell)
        sheet.append(bold)
        return sheet

    def _finished(self) -> None:
        last = f"{get_column_letter(len(self._forms))}{self._rows + 1}"
        self._sheet.auto_filter.ref = f"A1:{last}"  # type: ignore[attr-defined]  # the same
        self._sheet.close()

    def _cell(self, form: Form, value: Cell) -> object:
        if value is None or form is Form.YES:
            return value
        if form is Form.TIME:
            cell = WriteOnlyCell(self._sheet, _EPOCH + timedelta(microseconds=int(value)))
        elif isinstance(value, str):
            cell = WriteOnlyCell(self._sheet, _UNPRINTABLE.sub("\ufffd", value))
            cell.data_type = "s"
            return cell
        else:
            cell = WriteOnlyCell(self._sheet, value)
        cell.number_format = _FORMAT[form]
        return cell
