"""A client of the operator API says who calls, and says what is wrong with its token file."""

import stat
from pathlib import Path

import pytest

from callwarden import caller
from callwarden.problems import ProblemsFound


def token(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    file = tmp_path / "token"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_it_says_the_token_and_a_name_in_any_writing(tmp_path: Path) -> None:
    file = token(tmp_path, "s3cret\n")
    assert dict(caller.metadata(file, "陈丽")) == {
        caller.OPERATOR: "%E9%99%88%E4%B8%BD",
        "authorization": "Bearer s3cret",
    }
    assert "authorization" not in dict(caller.metadata(None, "chen"))


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("", 0o600, "is empty"),
        ("s3cret", 0o640, "others can read your token"),
        ("密", 0o600, "not ASCII"),
    ],
)
def test_a_token_file_that_will_not_do_says_why(
    tmp_path: Path, text: str, mode: int, why: str
) -> None:
    with pytest.raises(ProblemsFound, match=why) as found:
        caller.metadata(token(tmp_path, text, mode), "chen")
    assert "s3cret" not in str(found.value)
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == mode
