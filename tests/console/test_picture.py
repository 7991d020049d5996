"""The README's picture is a screen the console really shows."""

from collections.abc import Callable

from tests.console.picture import PICTURE, SNAPSHOT, picture
from tests.console.recorded import console


def test_the_floor(snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(console("zh"), terminal_size=(140, 36))


def test_the_committed_picture_is_the_snapshot() -> None:
    current = picture(SNAPSHOT.read_text(encoding="utf-8"))
    assert PICTURE.read_text(encoding="utf-8") == current, (
        "docs/images/console.svg is not the snapshot: run python -m tests.console.picture"
    )
