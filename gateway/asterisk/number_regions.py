"""Owns which dialect a number's region speaks, by the site's configuration and phonenumbers' map of
prefixes.

Read once when the gateway starts, by a process of its own (this module as a program): the map takes
100 MB, what is kept of it a few. Invariant: a number that cannot be placed has no dialect; that is
no error.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

from callwarden.problems import Problem, ProblemsFound, did_you_mean

_LIMIT_S: Final = 60.0


class NumberRegions:
    """`by_prefix` gives the dialect of numbers that begin so, without `+`."""

    def __init__(self, by_prefix: Mapping[str, str]) -> None:
        self._by_prefix = by_prefix
        self._longest = max(map(len, by_prefix), default=0)

    def dialect(self, number: str) -> str:
        """Of a number in E.164, by the longest prefix that is known; empty where none is."""
        digits = number.removeprefix("+")[: self._longest]
        while digits:
            if (dialect := self._by_prefix.get(digits)) is not None:
                return dialect
            digits = digits[:-1]
        return ""


def read(dialects: Mapping[str, str]) -> NumberRegions:
    """`dialects` by the region's name, Chinese or English, as phonenumbers writes it at the
    beginning or between commas: 广东, Guangdong; or a country's code: HK. Raises ProblemsFound for
    one that no number has."""
    if not dialects:
        return NumberRegions({})
    told = subprocess.run(
        (sys.executable, "-P", "-m", "gateway.asterisk.number_regions", json.dumps(dialects)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=_LIMIT_S,
    )
    answer = json.loads(told.stdout)
    if answer["unknown"]:
        raise ProblemsFound(
            Problem("speech.region_dialects", 1, 1, name, f"no number has this region{hint}")
            for name, hint in answer["unknown"].items()
        )
    return NumberRegions(answer["by_prefix"])


def _mapped(dialects: Mapping[str, str]) -> dict[str, dict[str, str]]:
    from phonenumbers import country_code_for_region
    from phonenumbers.geodata import GEOCODE_DATA

    countries = {each: code for each in dialects if (code := country_code_for_region(each))}
    by_prefix = {str(code): dialects[each] for each, code in countries.items()}
    met = set(countries)
    names: set[str] = set()
    for prefix, told in GEOCODE_DATA.items():
        parts = told.get("en", "").split(", ")
        names.update(parts)
        region = next(
            (each for each in dialects if each in parts or told.get("zh", "").startswith(each)),
            None,
        )
        met.update([region] if region else [])
        if region or not prefix.startswith(tuple(map(str, countries.values()))):
            by_prefix[prefix] = dialects[region] if region else ""
    unknown = {each: did_you_mean(each, names) for each in dialects if each not in met}
    return {"unknown": unknown, "by_prefix": _folded(by_prefix)}


def _folded(by_prefix: Mapping[str, str]) -> dict[str, str]:
    """Without the prefixes whose shorter one says the same."""
    kept: dict[str, str] = {}
    for prefix in sorted(by_prefix, key=len):
        shorter = next(
            (kept[prefix[:at]] for at in range(len(prefix) - 1, 0, -1) if prefix[:at] in kept), ""
        )
        if by_prefix[prefix] != shorter:
            kept[prefix] = by_prefix[prefix]
    return kept


if __name__ == "__main__":
    json.dump(_mapped(json.loads(sys.argv[1])), sys.stdout)
