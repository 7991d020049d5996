"""Owns reading a list of people that a site exported: CSV or XLSX, row by row, and finding out
which column is what.

Called by the commands that take such a list. Memory stays flat whatever its length.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from callwarden.problems import Problem, ProblemsFound, did_you_mean

if TYPE_CHECKING:
    from openpyxl import Workbook

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "number": (
        "number", "phone", "phonenumber", "telephone", "tel", "mobile", "msisdn", "cell", "callee",
        "号码", "电话", "电话号码", "手机", "手机号", "手机号码", "联系电话", "被叫", "被叫号码",
    ),
    "customer": (
        "customer", "customerid", "client", "clientid", "person", "personid", "cif",
        "客户", "客户号", "客户编号", "客户id", "客户标识",
    ),
    "debt": (
        "debt", "debtid", "loan", "loanid", "contract", "contractid", "case", "caseid",
        "借据", "借据号", "合同", "合同号", "合同编号", "案件", "案件号", "案件编号", "贷款编号",
    ),
    "product": ("product", "productid", "产品", "产品号", "产品编号", "产品代码"),
    "until": ("until", "expires", "expiry", "截止", "截止时间", "截止日期", "有效期至", "到期日"),
    "purpose": ("purpose", "用途", "目的"),
}  # fmt: skip
_LOOKS_LIKE_A_NUMBER: Final = re.compile(r"\+?[\d ().\-]{7,24}")
_SAMPLE_ROWS: Final = 20
_SAMPLE_BYTES: Final = 64 * 1024
_ENCODINGS: Final = ("utf-8-sig", "gb18030")


@dataclass(frozen=True)
class ListFile:
    """`header` is empty where the file has none; `columns` says which column (from 0) is which, of
    `number`, `customer`, `debt`, `product`, `until`, `purpose`; `about_rows` is for a
    progress bar."""

    file: Path
    header: tuple[str, ...]
    columns: Mapping[str, int]
    about_rows: int

    def rows(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Each row that holds anything, with its line or row number in the file, from 1; without
        the header. Raises ProblemsFound."""
        rows = _rows(self.file)
        if self.header:
            next(rows)
        return rows

    def cell(self, row: Sequence[str], name: str) -> str:
        """What a row has in the column `name`; empty where it has none."""
        at = self.columns.get(name, len(row))
        return row[at].strip() if at < len(row) else ""


def read(file: Path, named: Mapping[str, str]) -> ListFile:
    """The list in `file`. `named` gives the columns that the user named himself, by header or by
    place from 1; the others are found by their headers, the number also by what it looks like.

    Raises ProblemsFound: unreadable, empty, no column of numbers.
    """
    sample = [row for _, row in islice(_rows(file), _SAMPLE_ROWS + 1)]
    if not sample:
        raise ProblemsFound([Problem(str(file), 1, 1, "(list)", "there is nothing in it")])
    known = {_plain(word) for words in _NAMES.values() for word in words}
    named_headers = {_plain(value) for value in named.values() if not value.isdigit()}
    plain = [_plain(cell) for cell in sample[0]]
    has_header = bool((known | named_headers) & set(plain)) or not any(map(_numeric, sample[0]))
    header = sample[0] if has_header else ()
    columns: dict[str, int] = {}
    problems = []
    for name, words in _NAMES.items():
        if name in named:
            at = _place(named[name], plain, len(sample[0]))
            if at is None:
                text = f"no column {named[name]}{did_you_mean(named[name], header)}"
                problems.append(Problem(str(file), 1, 1, name, text))
                continue
        else:
            at = next((plain.index(word) for word in map(_plain, words) if word in plain), None)
        if at is not None:
            columns[name] = at
    if "number" not in columns and "number" not in named:
        at = _looking_like_numbers(sample[1:] if has_header else sample)
        if at is None:
            text = "no column of telephone numbers; name it: --number-column NAME"
            problems.append(Problem(str(file), 1, 1, "number", text))
        else:
            columns["number"] = at
    if problems:
        raise ProblemsFound(problems)
    return ListFile(file, tuple(header), columns, _about_rows(file) - has_header)


def _plain(word: str) -> str:
    return re.sub(r"[\s_\-./()（）:：]", "", word).casefold()


def _numeric(cell: str) -> bool:
    return bool(_LOOKS_LIKE_A_NUMBER.fullmatch(cell.strip()))


def _place(named: str, plain: Sequence[str], width: int) -> int | None:
    if _plain(named) in plain:
        return plain.index(_plain(named))
    if named.isdigit() and 1 <= int(named) <= width:
        return int(named) - 1
    return None


def _looking_like_numbers(rows: Sequence[Sequence[str]]) -> int | None:
    """The first column in which most cells look like a telephone number."""
    for at in range(max(map(len, rows), default=0)):
        cells = [row[at] for row in rows if at < len(row)]
        if cells and sum(map(_numeric, cells)) * 2 > len(cells):
            return at
    return None


def _rows(file: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    return _xlsx_rows(file) if _is_xlsx(file) else _csv_rows(file)


def _is_xlsx(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise _unreadable(file, error.strerror or "it cannot be opened") from None


def _csv_rows(file: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    with _opened(file) as opened:
        sample = opened.read(_SAMPLE_BYTES)
        opened.seek(0)
        reader = csv.reader(opened, delimiter=_delimiter(sample))
        try:
            for row in reader:
                if any(row):
                    yield reader.line_num, tuple(row)
        except (csv.Error, UnicodeDecodeError) as error:
            why = "not text" if isinstance(error, UnicodeDecodeError) else f"no CSV: {error}"
            raise ProblemsFound([Problem(str(file), reader.line_num, 1, "(list)", why)]) from None


def _opened(file: Path) -> TextIO:
    """As UTF-8 where all of it is that, else as GB 18030, which Chinese spreadsheets write."""
    for encoding in _ENCODINGS:
        try:
            with file.open(encoding=encoding) as tried:
                while tried.read(1024 * 1024):
                    pass
        except UnicodeDecodeError:
            continue
        return file.open(encoding=encoding, newline="")
    raise _unreadable(file, "neither UTF-8 nor GB 18030 text, nor XLSX")


def _delimiter(sample: str) -> str:
    """The one of the usual three that the first line has most of."""
    first = next((line for line in sample.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)


def _xlsx_rows(file: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    with _workbook(file) as book:
        sheet = book.worksheets[0]
        for at, row in enumerate(sheet.iter_rows(values_only=True), start=1):
            cells = tuple(map(_text, row))
            if any(cells):
                yield at, cells


@contextmanager
def _workbook(file: Path) -> "Iterator[Workbook]":
    """Whatever the file's name ends in."""
    from openpyxl import load_workbook

    with file.open("rb") as opened:
        try:
            book = load_workbook(opened, read_only=True, data_only=True)
        except Exception as error:  # whatever it stumbles over, it is no workbook to read
            raise _unreadable(file, f"no XLSX workbook ({type(error).__name__})") from None
        with closing(book):
            yield book


def _text(cell: object) -> str:
    """Spreadsheets keep a number without its plus as a number: 13800138000.0 is no other one."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _about_rows(file: Path) -> int:
    if _is_xlsx(file):
        with _workbook(file) as book:
            return book.worksheets[0].max_row or 0
    lines, last = 0, b"\n"
    with file.open("rb") as opened:
        while block := opened.read(1024 * 1024):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


def _unreadable(file: Path, why: str) -> ProblemsFound:
    return ProblemsFound([Problem(str(file), 1, 1, "(list)", f"cannot be read: {why}")])
