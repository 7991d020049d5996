"""Columns align whatever they hold, and nothing is lost in wrapping."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.pinyin import toned
from tui.spans import fit, plain, width, wrap

_TEXT = st.text(alphabet="保本息 abc，。！（）零风险0123…", max_size=60)


@given(_TEXT, st.integers(0, 40), st.sampled_from(["left", "right"]))
def test_a_cell_is_as_wide_as_its_column(text: str, cells: int, align: str) -> None:
    line = fit(((text, ""), (text, "dim")), cells, align)
    assert width(line) == cells


@given(_TEXT, st.integers(4, 40))
def test_wrapped_lines_fit_and_lose_no_letter(text: str, cells: int) -> None:
    lines = wrap(((text, ""),), cells)
    assert all(width(line) <= cells for line in lines)
    joined = "".join(plain(line) for line in lines)
    assert joined.replace(" ", "") == text.replace(" ", "")


def test_a_run_of_blanks_wider_than_a_line_is_cut_to_it() -> None:
    assert wrap((("a" + " " * 50 + "b", ""),), 10)


def test_closing_punctuation_does_not_begin_a_line() -> None:
    lines = [plain(line) for line in wrap((("保本保息，请您放心。", ""),), 8)]
    assert all(line[0] not in "，。" for line in lines)


@pytest.mark.parametrize(
    ("written", "shown"),
    [("bao3", "bǎo"), ("lv4", "lǜ"), ("de5", "de"), ("jiu4", "jiù"), ("gui4", "guì"),
     ("dou1", "dōu"), ("xiao3", "xiǎo"), ("nü3", "nǚ"), ("OK", "OK"), ("m2", "m2")],
)  # fmt: skip
def test_toned_pinyin_carries_its_mark(written: str, shown: str) -> None:
    assert toned(written) == shown
