"""Owns reading CDRs from a file: Asterisk's Master.csv, or a table of CDRs with a row of headings.

Called by `callwarden log reconcile`. A file is read to its end before anything is said of it, and
every line that cannot be read is named; a line that is left out would be a call that nobody misses.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from callwarden.problems import Problem, ProblemsFound, did_you_mean
from callwarden.settings import Settings
from gateway.reconciliation.cdr import BadCdr, placed_call
from policy.reconciling import PlacedCall

NAMES: Final[Mapping[str, str]] = {
    "accountcode": "AccountCode",
    "src": "Source",
    "dst": "Destination",
    "dcontext": "DestinationContext",
    "clid": "CallerID",
    "channel": "Channel",
    "dstchannel": "DestinationChannel",
    "lastapp": "LastApplication",
    "lastdata": "LastData",
    "start": "StartTime",
    "calldate": "StartTime",
    "answer": "AnswerTime",
    "end": "EndTime",
    "duration": "Duration",
    "billsec": "BillableSeconds",
    "disposition": "Disposition",
    "amaflags": "AMAFlags",
    "uniqueid": "UniqueID",
    "userfield": "UserField",
    "peeraccount": "PeerAccount",
    "linkedid": "Linkedid",
    "sequence": "Sequence",
    "-": "",
}
"""A column by Asterisk's name for it, and AMI's; `-` is one that is not looked at."""
_PLAIN: Final = tuple(NAMES)[:10] + tuple(NAMES)[11:17]
_NEW: Final = ("peeraccount", "linkedid", "sequence")
_IN_ORDER: Final[Mapping[int, tuple[str, ...]]] = {
    16: _PLAIN,
    17: (*_PLAIN, "uniqueid"),
    18: (*_PLAIN, "uniqueid", "userfield"),
    19: (*_PLAIN, *_NEW),
    20: (*_PLAIN, "uniqueid", *_NEW),
    21: (*_PLAIN, "uniqueid", "userfield", *_NEW),
}
"""What cdr_csv writes, by how many columns there are: `loguniqueid`, `loguserfield` and
`newcdrcolumns` add theirs."""
_NEEDED: Final = ("channel", "dstchannel", "lastapp", "lastdata", "start", "disposition", "billsec")
_MOST_SHOWN: Final = 50


def read(
    file: Path,
    settings: Settings,
    *,
    columns: Sequence[str],
    trunks: Sequence[str],
    zone: ZoneInfo,
) -> tuple[list[PlacedCall], int]:
    """The calls towards customers in the file, and how many CDRs there are. `columns` is the order
    of the columns where the file has no headings and another order than Asterisk's.

    Raises ProblemsFound; OSError.
    """
    problems: list[Problem] = []
    placed: list[PlacedCall] = []
    cdrs = 0
    with file.open(encoding="utf-8", errors="replace", newline="") as text:
        rows = csv.reader(text)
        named: tuple[str, ...] = tuple(columns)
        for cells in rows:
            if not cells:
                continue
            if not named:
                named = _named(file, cells)
                if _is_heading(cells):
                    continue
            cdrs += 1
            try:
                if call := _placed(cells, named, settings, trunks, zone):
                    placed.append(call)
            except BadCdr as bad:
                problems.append(Problem(str(file), rows.line_num, 1, "cdr", str(bad)))
                if len(problems) == _MOST_SHOWN:
                    break
    if problems:
        raise ProblemsFound(problems)
    return placed, cdrs


def known(columns: str) -> tuple[str, ...]:
    """The columns that a user listed, with commas between. Raises ValueError."""
    names = tuple(each.strip().lower() for each in columns.split(","))
    for each in names:
        if each not in NAMES:
            raise ValueError(f"{each!r} is no column{did_you_mean(each, NAMES)}")
    if missing := [each for each in _NEEDED if each not in names and each != "start"]:
        raise ValueError(f"{', '.join(missing)} must be among the columns")
    return names


def _named(file: Path, first: list[str]) -> tuple[str, ...]:
    """The columns as the first row or its length tells. Raises ProblemsFound."""
    if _is_heading(first):
        names = tuple(each.strip().lower() for each in first)
        missing = [each for each in _NEEDED if each not in names]
        if "calldate" in names:
            missing = [each for each in missing if each != "start"]
        if missing:
            said = f"the headings lack {', '.join(missing)}: say the columns with --columns"
            raise ProblemsFound([Problem(str(file), 1, 1, "headings", said)])
        return tuple(each if each in NAMES else "-" for each in names)
    if len(first) not in _IN_ORDER:
        said = f"{len(first)} columns and no headings: say which they are with --columns"
        raise ProblemsFound([Problem(str(file), 1, 1, "columns", said)])
    return _IN_ORDER[len(first)]


def _is_heading(cells: list[str]) -> bool:
    return {"disposition", "dstchannel"} <= {each.strip().lower() for each in cells}


def _placed(
    cells: list[str],
    named: tuple[str, ...],
    settings: Settings,
    trunks: Sequence[str],
    zone: ZoneInfo,
) -> PlacedCall | None:
    if len(cells) != len(named):
        raise BadCdr(f"{len(cells)} columns where there should be {len(named)}")
    headers = {NAMES[name]: cell for name, cell in zip(named, cells, strict=True)}
    return placed_call(headers, settings, trunks, zone)
