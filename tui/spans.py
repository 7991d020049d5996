"""Owns text as the widgets lay it out: spans with a role, cut and wrapped by terminal cells.

Called by every widget. A role is a meaning ("critical", "agent"); `tui.palette` gives it a colour.
The one invariant: width is counted in cells, so a Chinese character takes two and columns align.
"""

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len, set_cell_size

Span = tuple[str, str]
"""Text and its role; the empty role is plain text."""
Line = tuple[Span, ...]

_ATOM = re.compile(r"\s+|[^\s⺀-鿿豈-﫿　-〿＀-￯]+|.")
_NO_LINE_START = frozenset("，。！？、；：）」』”》…,.!?;:)")


def width(line: Line) -> int:
    """Cells that the line takes."""
    return sum(cell_len(text) for text, _ in line)


def plain(line: Line) -> str:
    return "".join(text for text, _ in line)


def fit(line: Line, cells: int, align: str = "left") -> Line:
    """The line in exactly `cells` cells: padded, or cut with an ellipsis."""
    spare = cells - width(line)
    if spare >= 0:
        pad: Span = (" " * spare, "")
        return (pad, *line) if align == "right" else (*line, pad)
    if cells <= 0:
        return ()
    kept: list[Span] = []
    room = cells - 1
    for text, role in line:
        taken = cell_len(text)
        if taken > room:
            kept.append((set_cell_size(text, room), role))
            kept.append(("…", role))
            break
        kept.append((text, role))
        room -= taken
    return fit(tuple(kept), cells) if width(tuple(kept)) < cells else tuple(kept)


def wrap(line: Line, cells: int) -> list[Line]:
    """The line in lines of at most `cells` cells: Latin words whole where they fit, Chinese
    anywhere, except that closing punctuation never begins a line."""
    lines: list[list[Span]] = [[]]
    used = 0
    for text, role in _atoms(line, cells):
        size = cell_len(text)
        if used + size > cells and used:
            closing = text[0] in _NO_LINE_START
            carried = [lines[-1].pop()] if closing and len(lines[-1]) > 1 else []
            lines.append(carried)
            used = width(tuple(carried))
        if text.isspace() and not used and len(lines) > 1:
            continue
        lines[-1].append((text, role))
        used += size
    return [_joined(each) for each in lines]


def _atoms(line: Line, cells: int) -> Iterator[Span]:
    for text, role in line:
        for atom in _ATOM.findall(text):
            rest = atom if not atom.isspace() else set_cell_size(atom, min(cell_len(atom), cells))
            while cell_len(rest) > cells > 1:
                head = set_cell_size(rest, cells).rstrip()
                yield head, role
                rest = rest[len(head) :]
            yield rest, role


def _joined(spans: Iterable[Span]) -> Line:
    joined: list[Span] = []
    for text, role in spans:
        if joined and joined[-1][1] == role:
            joined[-1] = (joined[-1][0] + text, role)
        else:
            joined.append((text, role))
    return tuple(joined)
