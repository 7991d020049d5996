"""The README's picture: the snapshot of the sample session's main screen, made to look the same in
every renderer.

`python -m tests.console.picture` writes `docs/images/console.svg` from the committed snapshot. A
terminal's SVG names a web font and stretches runs of text; here each Chinese character and each
word stands at its cell, so that columns stay aligned with whatever monospaced font is there.
"""

import html
import re
from pathlib import Path

from rich.cells import cell_len

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "tests/console/__snapshots__/test_picture/test_the_floor.svg"
PICTURE = ROOT / "docs/images/console.svg"

_CELL = 12.2
"""Width of a cell in rich's SVG, in pixels at its font size of 20."""
_FONTS = (
    "Menlo, Consolas, 'JetBrains Mono', 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', "
    "'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', monospace"
)
_PIECE = re.compile(r"\s+|[⺀-鿿豈-﫿　-〿＀-￯]|[^\s⺀-鿿豈-﫿　-〿＀-￯]{1,8}")
_TEXT = re.compile(
    r'<text class="(?P<classes>terminal-(?:\d+-)?r\d+)" x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)"'
    r' textLength="[\d.]+" clip-path="(?P<clip>[^"]+)">(?P<text>[^<]*)</text>'
)


def picture(snapshot: str) -> str:
    """The snapshot's SVG with each character in its cell and no web font."""
    svg = re.sub(r"@font-face \{.*?\}\n?", "", snapshot, flags=re.S)
    svg = re.sub(r"font-family: Fira Code[^;]*;", f"font-family: {_FONTS};", svg)
    return _TEXT.sub(_placed, svg)


def _placed(run: re.Match[str]) -> str:
    """A run of text in pieces, each at its own x: a wide character, or a word of narrow ones."""
    spans: list[str] = []
    x = float(run["x"])
    for piece in _PIECE.findall(html.unescape(run["text"])):
        length = _CELL * cell_len(piece)
        if not piece.isspace():
            place = f'x="{x:.1f}" textLength="{length:.1f}"'
            spans.append(f"<tspan {place}>{html.escape(piece, quote=False)}</tspan>")
        x += length
    if not spans:
        return ""
    return (
        f'<text class="{run["classes"]}" y="{run["y"]}" clip-path="{run["clip"]}">'
        f"{''.join(spans)}</text>"
    )


def main() -> None:
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(SNAPSHOT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
