"""What of cn2an 0.5 is used: it ships no types."""

from typing import Literal

def cn2an(
    inputs: str | float | None = ..., mode: Literal["strict", "normal", "smart"] = ...
) -> int | float: ...
