"""Owns the condition `caller_id`: the number shown to the called party is of a class that may be
shown.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from policy.dialling import number
from policy.dialling.circumstances import Circumstances, Moment

CLASS = r"\+?[0-9x]+\*?"
"""How a class of numbers is written: digits as they are, `x` for any digit, `*` at the end for any
more digits. With `+` in front it is a class of whole numbers with their country code."""


@dataclass(frozen=True)
class ShownNumber:
    """Denies a call that shows no number, or one of none of the `classes`."""

    classes: tuple[str, ...]

    def denies(self, circumstances: Circumstances, at: Moment) -> bool:
        request = circumstances.request
        return not _shown(request.caller_id, request.region, self.classes)

    def lifts(self, circumstances: Circumstances, after: Moment) -> datetime | None:
        return None


@lru_cache(maxsize=1024)
def _shown(caller_id: str, region: str, classes: tuple[str, ...]) -> bool:
    """A call centre shows few numbers, so the answers are kept."""
    forms = (number.bare(caller_id), number.canonical(caller_id, region))
    return any(
        re.fullmatch(_pattern(each), form) is not None
        for each in classes
        for form in forms
        if form.startswith("+") == each.startswith("+")
    )


def _pattern(each: str) -> str:
    return each.replace("+", r"\+").replace("x", "[0-9]").replace("*", "[0-9]*")
